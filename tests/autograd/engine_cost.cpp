// The cost of the engine: memory, very long and very wide graphs, and the same bits on any number of threads.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "autograd/grad.h"
#include "autograd/modes.h"
#include "autograd/ops.h"
#include "autograd/pool.h"
#include "autograd/record.h"
#include "autograd/tensor.h"
#include "base/error.h"
#include "base/threads.h"
#include "tests/support/catch.h"

using namespace saccade;

namespace {

using Values = std::vector<double>;

// Counts how many of its copies are alive: put into a closure, it shows whether the closure is.
struct Alive {
  explicit Alive(int& alive) : count(&alive) { ++*count; }
  Alive(const Alive& other) : count(other.count) { ++*count; }
  Alive& operator=(const Alive&) = delete;
  ~Alive() { --*count; }
  int* count;
};

// One step of gradient descent on a small network, written as a user would: the parameters change in place.
void train_step(const TensorList& parameters, const Tensor& x, const Tensor& target, bool accumulate) {
  const Tensor h = linear(x, parameters[0], parameters[1], Activation::relu);
  const Tensor y = linear(tanh(h), parameters[2], parameters[3]);
  const Tensor loss = mse_loss(y, target) + 1e-4 * sum(softplus(slice(y, 1, 0, 1)));
  TensorList gradients;
  if (accumulate) {
    loss.backward();
    for (const Tensor& p : parameters) gradients.push_back(p.grad());
  } else {
    gradients = grad(loss, parameters);
  }
  const NoGrad no_grad;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    parameters[i].copy_(parameters[i] - 0.01 * gradients[i]);
    parameters[i].zero_grad();
  }
}

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kPoolCaches = false;
#else
constexpr bool kPoolCaches = true;
#endif

// How many blocks `repeat` calls of f take from the system after `warm_up` of them.
std::int64_t allocations(int warm_up, int repeat, const std::function<void()>& f) {
  for (int i = 0; i < warm_up; ++i) f();
  const std::int64_t before = pool::system_allocations();
  for (int i = 0; i < repeat; ++i) f();
  return pool::system_allocations() - before;
}

}  // namespace

TEST_CASE("nothing leaks, whichever way a graph ends", "[engine][cost]") {
  int alive = 0;
  const auto chain = [&alive](const Tensor& x) {
    Tensor y = x;
    for (int i = 0; i < 10; ++i) {
      const Tensor c = y.detach();
      y = record(
          "counted", c * 1,
          {{y, [y, count = Alive(alive)](const Tensor& g, const Tensor& out) { return g + 0 * (y + out); }}});
    }
    return y;
  };
  const Tensor x = scalar(1, DType::f64).requires_grad_();
  {
    const Tensor dropped = chain(x);
    CHECK(alive == 10);
  }
  CHECK(alive == 0);
  const Tensor y = chain(x);
  CHECK(grad(y, x).item() == 1);
  CHECK(alive == 0);  // released by the pass, though y lives on
  {
    const Tensor z = chain(x), dz = grad(z * z, x, {.create_graph = true});
    CHECK(dz.item() == 2);
    CHECK(grad(dz, x).item() == 2);
  }
  CHECK(alive == 0);
  {
    const Tensor kept = chain(x);
    grad(kept, x, {.retain_graph = true});
    CHECK(alive == 10);
  }
  CHECK(alive == 0);
  const Tensor last = chain(x);
  CHECK_THROWS_AS(grad(record("odd", last * 1, {{last, [](const Tensor&) { return Tensor(); }}}), x),
                  GradError);
  CHECK(alive == 10);  // an error leaves the rest of the graph as it was
  CHECK(grad(last, x).item() == 1);
  CHECK(alive == 0);
}

TEST_CASE("a step in steady state takes no memory from the system", "[engine][cost]") {
  if (!kPoolCaches) return;
  Rng rng(1);
  for (const DType dtype : {DType::f32, DType::f64}) {
    TensorList parameters = {randn({32, 8}, rng, dtype), zeros({32}, dtype), randn({4, 32}, rng, dtype),
                             zeros({4}, dtype)};
    for (const Tensor& p : parameters) p.requires_grad_();
    const Tensor x = randn({16, 8}, rng, dtype), target = randn({16, 4}, rng, dtype);
    CHECK(allocations(3, 100, [&] { train_step(parameters, x, target, false); }) == 0);
    CHECK(allocations(3, 100, [&] { train_step(parameters, x, target, true); }) == 0);
    CHECK(allocations(3, 100, [&] {
            const Scope scope("penalty");
            const Tensor y = sum(tanh(linear(x, parameters[0], parameters[1])));
            grad(sum(square(grad(y, parameters[0], {.create_graph = true}))), parameters[0]);
          }) == 0);
  }
}

TEST_CASE("a gradient's memory does not grow with the depth of the graph", "[engine][cost]") {
  if (!kPoolCaches) return;
  pool::trim();
  const Tensor x = zeros({1 << 16}).requires_grad_();
  Tensor y = x;
  for (int i = 0; i < 100; ++i) y = sin(y);
  const std::int64_t before = pool::system_allocations();
  grad(y, x, {.grad_outputs = {ones({1 << 16})}, .retain_graph = true});
  // A few gradients are alive at a time, not one per node.
  CHECK(pool::system_allocations() - before < 30);
}

TEST_CASE("a chain of a million nodes is built, differentiated and torn down", "[engine][cost]") {
  constexpr int kNodes = 1000000;
  const Tensor x = scalar(0, DType::f64).requires_grad_();
  const auto chain = [&](int n) {
    Tensor y = x;
    for (int i = 0; i < n; ++i) y = y + 1;
    return y;
  };
  CHECK(chain(kNodes).item() == kNodes);  // and dropped whole
  const Tensor y = chain(kNodes);
  CHECK(grad(y, x, {.retain_graph = true}).item() == 1);
  y.backward();
  CHECK(x.grad().item() == 1);

  Tensor t = x;  // a graph of its gradient too: saved tensors, not only nodes, hold the chain together
  for (int i = 0; i < kNodes / 10; ++i) t = sin(t);
  const Tensor d = grad(t, x, {.create_graph = true});
  CHECK(d.item() == 1);
  CHECK(grad(d, x).item() == 0);
}

TEST_CASE("a wide graph takes time in proportion to its size", "[engine][cost]") {
  constexpr std::int64_t kLeaves = 100000, kChunk = 1000;
  TensorList leaves, chunks;
  for (std::int64_t i = 0; i < kLeaves; ++i) leaves.push_back(full({1}, 1, DType::f64).requires_grad_());
  for (std::int64_t i = 0; i < kLeaves; i += kChunk) {
    chunks.push_back(cat(TensorList(leaves.begin() + i, leaves.begin() + i + kChunk), 0));
  }
  const Tensor y = sum(cat(chunks, 0) * arange(kLeaves, DType::f64));
  const TensorList g = grad(y, leaves);  // comparing each node to each target would take minutes
  bool right = true;
  for (std::int64_t i = 0; i < kLeaves; ++i) {
    right = right && g[static_cast<std::size_t>(i)].item() == static_cast<double>(i);
  }
  CHECK(right);
}

TEST_CASE("any number of threads gives the same bits", "[engine][cost]") {
  const auto results = [](int threads) {
    set_num_threads(threads);
    std::vector<Values> all;
    for (const DType dtype : {DType::f32, DType::f64}) {
      Rng rng(3);
      const Tensor a = randn({301, 517}, rng, dtype).requires_grad_(),
                   b = randn({517, 203}, rng, dtype).requires_grad_(),
                   long_one = randn({100003}, rng, dtype).requires_grad_(),
                   batch = randn({7, 65, 129}, rng, dtype);
      const Tensor c = relu(matmul(a, b)), s = sum(exp(long_one)), l = logsumexp(long_one, {});
      const Tensor e = matmul(batch, transpose(batch)), cols = sum(a, {0}), rows = mean(a, {1});
      const Tensor mid = sum(batch, {0, 2}), best = amax(long_one);
      const Tensor total = sum(c) + s + l + sum(square(cols)) + sum(rows) + best;
      for (const Tensor& x : {c, s, l, e, cols, rows, mid, best, total}) all.push_back(x.to_vector());
      for (const Tensor& g : grad(total, {a, b, long_one})) all.push_back(g.to_vector());
    }
    return all;
  };
  const int before = num_threads();
  const std::vector<Values> one = results(1);
  CHECK(results(2) == one);
  CHECK(results(3) == one);
  CHECK_THROWS_AS(set_num_threads(0), ConfigError);
  set_num_threads(before);
}

TEST_CASE("a forked process computes what its parent does", "[engine][cost]") {
  const int before = num_threads();
  set_num_threads(2);
  Rng rng(5);
  const Tensor a = randn({300, 200}, rng), b = randn({200, 100}, rng);
  const Values expected = matmul(a, b).to_vector();  // on two threads, which the child does not have
  const pid_t child = fork();
  if (child == 0) _exit(matmul(a, b).to_vector() == expected ? 0 : 1);
  int status = -1;
  pid_t ended = 0;
  for (int i = 0; i < 3000 && ended == 0; ++i) {
    ended = waitpid(child, &status, WNOHANG);
    if (ended == 0) usleep(10'000);
  }
  if (ended == 0) kill(child, SIGKILL);  // it hangs
  CHECK((ended == child && WIFEXITED(status) && WEXITSTATUS(status) == 0));
  CHECK(matmul(a, b).to_vector() == expected);
  set_num_threads(before);
}
