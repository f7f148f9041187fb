// Memory and lifetimes across threads, and graphs that would keep themselves alive.
#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "autograd/functional.h"
#include "autograd/grad.h"
#include "autograd/modes.h"
#include "autograd/node.h"
#include "autograd/ops.h"
#include "autograd/pool.h"
#include "base/error.h"
#include "tests/support/catch.h"

using namespace saccade;

namespace {

// That no block was taken from the system since.
void check_none_since([[maybe_unused]] std::int64_t before) {
#if !defined(__SANITIZE_ADDRESS__)  // for which the pool keeps nothing
  CHECK(pool::system_allocations() == before);
#endif
}

void in_thread(const std::function<void()>& f) { std::thread(f).join(); }

}  // namespace

TEST_CASE("a thread that releases what others made keeps none of it", "[memory]") {
  pool::trim();
  constexpr int kBatches = 40;
  std::vector<Tensor> made;
  in_thread([&] {
    for (int i = 0; i < kBatches; ++i) made.push_back(zeros({1 << 16}));
  });
  made.clear();
  // Had they been cached, this would take one from the cache.
  const std::int64_t before = pool::system_allocations();
  const Tensor own = zeros({1 << 16});
  CHECK(pool::system_allocations() > before);
}

TEST_CASE("a thread's own blocks are used again", "[memory]") {
  const auto step = [] {
    std::vector<Tensor> some;
    for (int i = 0; i < 10; ++i) some.push_back(zeros({1 << 16}));
  };
  step();
  const std::int64_t before = pool::system_allocations();
  for (int i = 0; i < 10; ++i) step();
  check_none_since(before);
}

TEST_CASE("a scope's name outlives the thread that opened it", "[memory]") {
  Tensor y;
  const Tensor x = ones({2}).requires_grad_();
  in_thread([&] {
    const Scope outer("a long name that does not fit into a string itself"), inner("inner");
    y = x * 2;
  });
  REQUIRE(y.body()->node->scope != nullptr);
  CHECK(*y.body()->node->scope == "a long name that does not fit into a string itself/inner");
  const Scope outer("a long name that does not fit into a string itself"), inner("inner");
  CHECK(Scope::current() == y.body()->node->scope);  // one name for all threads
}

TEST_CASE("a leaf's gradient with a graph does not keep the leaf alive", "[memory]") {
  const auto turn = [] {
    const Tensor x = ones({1 << 14}).requires_grad_(), w = ones({1 << 14}).requires_grad_();
    const auto f = [&](const TensorList& in) { return sum(exp(in[0] * in[1]) * tanh(in[0] * w)); };
    for (int pass = 0; pass < 2; ++pass) {  // the second adds to the first's gradients
      backward(f({x, w}), {.create_graph = true});
      backward(checkpoint([](const TensorList& in) { return sum(exp(in[0] * in[1])); }, {x, w}),
               {.create_graph = true});
    }
    CHECK(x.grad().requires_grad());
    const Tensor held = x.grad();
    CHECK(grad(sum(held), x).defined());
    return held;
  };
  turn();
  turn();
  const std::int64_t before = pool::system_allocations();
  for (int i = 0; i < 20; ++i) turn();
  check_none_since(before);
}

TEST_CASE("an undefined tensor says so", "[memory]") {
  const Tensor none;
  const Tensor some = ones({2});
  CHECK_FALSE(none.defined());
  CHECK_FALSE(none.requires_grad());
  CHECK_THROWS_AS(none.shape(), ShapeError);
  CHECK_THROWS_AS(none.strides(), ShapeError);
  CHECK_THROWS_AS(none.dim(), ShapeError);
  CHECK_THROWS_AS(none.size(0), ShapeError);
  CHECK_THROWS_AS(none.numel(), ShapeError);
  CHECK_THROWS_AS(none.dtype(), ShapeError);
  CHECK_THROWS_AS(none.is_contiguous(), ShapeError);
  CHECK_THROWS_AS(none.requires_grad_(), ShapeError);
  CHECK_THROWS_AS(none.backward(), GradError);
  CHECK_THROWS_AS(none.grad(), GradError);
  CHECK_NOTHROW(none.zero_grad());
  CHECK_THROWS_AS(none.register_hook({}), GradError);
  CHECK_THROWS_AS(none.detach(), ShapeError);
  CHECK_THROWS_AS(none.item(), ShapeError);
  CHECK_THROWS_AS(none.to_vector(), ShapeError);
  CHECK_THROWS_AS(none.data<float>(), ShapeError);
  CHECK_THROWS_AS(none.mutable_data<float>(), ShapeError);
  CHECK_THROWS_AS(none.raw(), ShapeError);
  CHECK_THROWS_AS(none.copy_(some), ShapeError);
  CHECK_THROWS_AS(some.copy_(none), ShapeError);
  CHECK_THROWS_AS(none.fill_(1), ShapeError);
  CHECK_THROWS_AS(none + some, ShapeError);
  CHECK_THROWS_AS(reshape(none, {1}), ShapeError);
  CHECK_THROWS_AS(view_of(none, {1}, {1}, 0), ShapeError);
}

TEST_CASE("threads may differentiate graphs that share leaves", "[memory]") {
  constexpr int kThreads = 3, kTurns = 300;
  Rng rng(1);
  const Tensor x = randn({8, 4}, rng, DType::f64);
  const Tensor w = randn({3, 4}, rng, DType::f64).requires_grad_(),
               b = zeros({3}, DType::f64).requires_grad_();
  const auto loss = [&] { return mean(square(tanh(linear(x, w, b)))); };
  const TensorList alone = grad(loss(), {w, b});
  const std::vector<double> of_w = alone[0].to_vector(), of_b = alone[1].to_vector();
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int turn = 0; turn < kTurns; ++turn) {
        try {
          const TensorList g = grad(loss(), {w, b});
          if (g[0].to_vector() != of_w || g[1].to_vector() != of_b) ++wrong;
          backward(loss());
        } catch (const std::exception&) {
          ++wrong;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
  const std::vector<double> sum_of_b = b.grad().to_vector();
  for (std::size_t i = 0; i < of_b.size(); ++i) CHECK(sum_of_b[i] == Approx(kThreads * kTurns * of_b[i]));
  CHECK(w.body()->references == 1);
}
