// The optimisers against PyTorch's recorded runs, and against what nn/optim.h promises.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "autograd/grad.h"
#include "autograd/ops.h"
#include "base/error.h"
#include "base/threads.h"
#include "nn/mlp.h"
#include "nn/optim/adam.h"
#include "nn/optim/clip_grad_norm.h"
#include "nn/optim/rmsprop.h"
#include "nn/optim/sgd.h"
#include "tests/support/catch.h"
#include "tests/support/reference_data.h"

using namespace saccade;
using namespace saccade::nn;
using namespace saccade::tests;
using Catch::Contains;

namespace {

// The largest difference, relative to the largest entry of the expected.
double relative_error(const std::vector<double>& actual, const std::vector<double>& expected) {
  REQUIRE(actual.size() == expected.size());
  double error = 0, scale = 1e-300;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    error = std::max(error, std::isfinite(actual[i]) ? std::abs(actual[i] - expected[i]) : INFINITY);
    scale = std::max(scale, std::abs(expected[i]));
  }
  return error / scale;
}

Tensor tensor_of(const nlohmann::json& json) {
  return from_values(numbers(json["data"]), Shape(json["shape"].get<std::vector<std::int64_t>>()),
                     DType::f64);
}

// An optimiser of any kind, behind its step.
using Step = std::function<void(const TensorList&)>;

template <class Optimizer, class Options>
Step step_of(const TensorList& parameters, const Options& options) {
  auto optimizer = std::make_shared<Optimizer>(parameters, options);
  return [optimizer](const TensorList& gradients) { optimizer->step(gradients); };
}

// Reads PyTorch's options; one that has no place in ours fails the test.
template <class Options>
Options options_of(nlohmann::json given, Options options,
                   const std::vector<std::pair<std::string, double Options::*>>& doubles,
                   const std::vector<std::pair<std::string, bool Options::*>>& flags) {
  for (const auto& [name, member] : doubles) {
    if (given.contains(name)) options.*member = given[name];
    given.erase(name);
  }
  for (const auto& [name, member] : flags) {
    if (given.contains(name)) options.*member = given[name];
    given.erase(name);
  }
  INFO("options left over: " << given.dump());
  REQUIRE(given.empty());
  return options;
}

Step make_optimizer(const std::string& name, nlohmann::json given, const TensorList& parameters) {
  if (name == "SGD") {
    using O = SgdOptions;
    return step_of<Sgd>(parameters, options_of<O>(given, {},
                                                  {{"lr", &O::lr},
                                                   {"momentum", &O::momentum},
                                                   {"dampening", &O::dampening},
                                                   {"weight_decay", &O::weight_decay}},
                                                  {{"nesterov", &O::nesterov}}));
  }
  if (name == "RMSprop") {
    using O = RmsPropOptions;
    return step_of<RmsProp>(parameters, options_of<O>(given, {},
                                                      {{"lr", &O::lr},
                                                       {"alpha", &O::alpha},
                                                       {"eps", &O::eps},
                                                       {"momentum", &O::momentum},
                                                       {"weight_decay", &O::weight_decay}},
                                                      {{"centered", &O::centered}}));
  }
  REQUIRE((name == "Adam" || name == "AdamW"));
  using O = AdamOptions;
  O start;
  if (name == "AdamW") {
    start.decoupled = true;
    start.weight_decay = 0.01;  // PyTorch's default for it
  }
  if (given.contains("betas")) {
    start.beta1 = given["betas"][0];
    start.beta2 = given["betas"][1];
    given.erase("betas");
  }
  return step_of<Adam>(
      parameters,
      options_of<O>(given, start, {{"lr", &O::lr}, {"eps", &O::eps}, {"weight_decay", &O::weight_decay}},
                    {{"amsgrad", &O::amsgrad}}));
}

Tensor leaf(std::initializer_list<double> values, DType dtype = DType::f64) {
  return from_values(values, {static_cast<std::int64_t>(values.size())}, dtype).requires_grad_();
}

// A tensor of n elements after `steps` steps from the same start and gradients.
std::vector<double> after_adam(std::int64_t n, int steps, const AdamOptions& options, DType dtype) {
  Rng rng(3);
  const Tensor p = randn({n}, rng, dtype).requires_grad_();
  Adam adam({p}, options);
  for (int t = 0; t < steps; ++t) adam.step({randn({n}, rng, dtype)});
  return p.to_vector();
}

}  // namespace

TEST_CASE("optimisers take PyTorch's steps", "[optim]") {
  const nlohmann::json file = reference("adam.json");
  const Tensor A = tensor_of(file["A"]), b = tensor_of(file["b"]), w = tensor_of(file["w"]),
               c = tensor_of(file["c"]);
  REQUIRE(file["runs"].size() >= 21);
  for (const nlohmann::json& run : file["runs"]) {
    INFO(run["name"]);
    const Tensor p = tensor_of(file["p0"]).requires_grad_(), q = tensor_of(file["q0"]).requires_grad_();
    const Step step = make_optimizer(run["optimizer"], run["kwargs"], {p, q});
    // Both sides round each operation at 1.1e-16, in sums of at most 25 terms, and carry p's error from step
    // to step. Measured against a gradient that has become 1e-2 of its terms, that is a few 1e-14.
    constexpr double kTolerance = 1e-12;
    double worst = 0;
    REQUIRE(run["steps"].size() >= 20);
    for (const nlohmann::json& expected : run["steps"]) {
      const Tensor loss = 0.5 * sum(p * matmul(A, p)) - sum(b * p) + 0.5 * sum(w * square(q - c));
      TensorList gradients = grad(loss, {p, q});
      const auto note = [&](const std::vector<double>& actual, const nlohmann::json& array) {
        worst = std::max(worst, relative_error(actual, numbers(array)));
      };
      note({loss.item()}, nlohmann::json::array({expected["loss"]}));
      note(gradients[0].to_vector(), expected["grad_p"]);
      note(gradients[1].to_vector(), expected["grad_q"]);
      if (!run["clip_grad_norm"].is_null()) {
        note({clip_grad_norm(gradients, run["clip_grad_norm"])},
             nlohmann::json::array({expected["total_norm"]}));
        note(gradients[0].to_vector(), expected["clipped_grad_p"]);
        note(gradients[1].to_vector(), expected["clipped_grad_q"]);
      }
      step(gradients);
      note(p.to_vector(), expected["p"]);
      note(q.to_vector(), expected["q"]);
    }
    CHECK(worst < kTolerance);
  }
}

TEST_CASE("Adam agrees with its formula in every variant, length and dtype", "[optim]") {
  const auto by_formula = [](std::int64_t n, int steps, const AdamOptions& o, DType dtype) {
    Rng rng(3);
    std::vector<double> p = randn({n}, rng, dtype).to_vector(), m(p.size()), v(p.size()), v_max(p.size());
    for (int t = 1; t <= steps; ++t) {
      const std::vector<double> gradient = randn({n}, rng, dtype).to_vector();
      for (std::size_t i = 0; i < p.size(); ++i) {
        const double g = gradient[i] + (o.decoupled ? 0 : o.weight_decay) * p[i];
        if (o.decoupled) p[i] -= o.lr * o.weight_decay * p[i];
        m[i] = o.beta1 * m[i] + (1 - o.beta1) * g;
        v[i] = o.beta2 * v[i] + (1 - o.beta2) * g * g;
        v_max[i] = std::max(v_max[i], v[i]);
        const double m_hat = m[i] / (1 - std::pow(o.beta1, t));
        const double v_hat = (o.amsgrad ? v_max[i] : v[i]) / (1 - std::pow(o.beta2, t));
        p[i] -= o.lr * m_hat / (std::sqrt(v_hat) + o.eps);
      }
    }
    return p;
  };
  for (const DType dtype : {DType::f32, DType::f64}) {
    for (const bool decoupled : {false, true}) {
      for (const bool amsgrad : {false, true}) {
        for (const std::int64_t n : {1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 100, 20000}) {
          INFO(name(dtype) << " " << n << ", decoupled " << decoupled << ", amsgrad " << amsgrad);
          const AdamOptions options = {.lr = 0.01,
                                       .beta1 = 0.8,
                                       .beta2 = 0.7,
                                       .weight_decay = 0.1,
                                       .decoupled = decoupled,
                                       .amsgrad = amsgrad};
          // A few roundings a step, each relative to p or to the step.
          CHECK(relative_error(after_adam(n, 5, options, dtype), by_formula(n, 5, options, dtype)) <
                (dtype == DType::f32 ? 1e-6 : 2e-15));
        }
      }
    }
  }
}

TEST_CASE("Adam takes tiny gradients as they are, and forgets those of a unit that has died", "[optim]") {
  // g^2 = 1e-36 leaves v = 1e-39, below the smallest normal f32: it still counts, as eps = 0 shows.
  const Tensor p = ones({3}).requires_grad_();
  Adam adam({p}, {.lr = 1e-3, .eps = 0});
  adam.step({full({3}, 1e-18, DType::f32)});
  for (const double x : p.to_vector()) CHECK(x == Approx(0.999).epsilon(1e-6));
  // Without a gradient m shrinks by 0.9 and v by 0.999 a step: at last both are 0 and not denormal.
  const Tensor q = ones({3}).requires_grad_();
  Adam dead({q}, {.lr = 1e-3});
  dead.step({full({3}, 1e-12, DType::f32)});
  for (int i = 0; i < 40000; ++i) dead.step({zeros({3})});
  for (const NamedTensor& state : dead.named_state()) {
    if (state.name == "steps") continue;
    for (const double x : state.tensor.to_vector()) CHECK(x == 0);
  }
}

TEST_CASE("Adam gives the same bits on any number of threads", "[optim]") {
  const int before = num_threads();
  for (const bool amsgrad : {false, true}) {
    const AdamOptions options = {.lr = 0.01, .amsgrad = amsgrad};
    set_num_threads(1);
    const std::vector<double> one = after_adam(100'003, 3, options, DType::f32);
    for (const int threads : {2, 3, 8}) {
      set_num_threads(threads);
      CHECK(after_adam(100'003, 3, options, DType::f32) == one);
    }
    set_num_threads(before);
  }
}

TEST_CASE("AdamW decays by lr weight_decay, apart from the gradient", "[optim]") {
  const Tensor p = leaf({2, -4});
  Adam adam({p}, {.lr = 0.1, .weight_decay = 0.5, .decoupled = true});
  adam.step({zeros({2}, DType::f64)});
  CHECK(p.to_vector() == std::vector<double>{2 * 0.95, -4 * 0.95});
}

TEST_CASE("a single free tensor can be optimised, of any shape", "[optim]") {
  const Tensor log_alpha = scalar(1.5).requires_grad_();
  Adam adam({log_alpha}, {.lr = 0.1});
  for (int t = 0; t < 300; ++t) adam.step({grad(square(log_alpha - 0.25), log_alpha)});
  CHECK(log_alpha.item() == Approx(0.25).margin(1e-3));
  CHECK(adam.steps() == 300);
}

TEST_CASE("gradients may have any layout", "[optim]") {
  const std::vector<double> values = {1, 2, 3, 4, 5, 6};
  const Tensor strided = transpose(from_values(values, {3, 2}, DType::f64));
  const auto after = [&](const Tensor& gradient) {
    const Tensor p = ones({2, 3}, DType::f64).requires_grad_();
    Adam({p}).step({gradient});
    Sgd({p}, {.momentum = 0.5}).step({gradient});
    RmsProp({p}).step({gradient});
    return p.to_vector();
  };
  CHECK(after(strided) == after(contiguous(strided)));
  CHECK(after(strided) != after(from_values(values, {2, 3}, DType::f64)));
}

TEST_CASE("an optimiser goes on from its saved state bit for bit", "[optim]") {
  const auto check = [](const auto& make) {
    Rng rng(5);
    const Tensor p = randn({3, 4}, rng).requires_grad_(), q = randn({5}, rng).requires_grad_();
    auto first = make(TensorList{p, q});
    const auto gradients = [&] { return TensorList{randn({3, 4}, rng), randn({5}, rng)}; };
    for (int t = 0; t < 3; ++t) first.step(gradients());

    const Tensor p2 = zeros({3, 4}).requires_grad_(), q2 = zeros({5}).requires_grad_();
    auto second = make(TensorList{p2, q2});
    second.load_state(first.named_state());
    copy_by_name("test", {{"p", p}, {"q", q}}, {{"p", p2}, {"q", q2}});
    CHECK(second.steps() == 3);
    for (int t = 0; t < 3; ++t) {
      const TensorList g = gradients();
      first.step(g);
      second.step(g);
    }
    CHECK(p.to_vector() == p2.to_vector());
    CHECK(q.to_vector() == q2.to_vector());

    // Without the state it does not.
    auto third = make(TensorList{p2, q2});
    const TensorList g = gradients();
    first.step(g);
    third.step(g);
    CHECK(p.to_vector() != p2.to_vector());
  };
  check([](const TensorList& p) { return Adam(p, {.amsgrad = true}); });
  check([](const TensorList& p) { return Adam(p, {.lr = 0.01}); });
  check([](const TensorList& p) { return Sgd(p, {.momentum = 0.9, .dampening = 0.1}); });
  check([](const TensorList& p) { return RmsProp(p, {.momentum = 0.9, .centered = true}); });
}

TEST_CASE("a state that does not fit is refused and changes nothing", "[optim]") {
  const Tensor p = leaf({1, 2, 3});
  Adam adam({p});
  adam.step({ones({3}, DType::f64)});
  NamedTensors state;
  for (const auto& [name, x] : adam.named_state()) state.push_back({name, x + 1});
  const auto refused = [&](const NamedTensors& wrong, const std::string& message) {
    const NamedTensors before = adam.named_state();
    std::vector<std::vector<double>> elements;
    for (const NamedTensor& x : before) elements.push_back(x.tensor.to_vector());
    CHECK_THROWS_WITH(adam.load_state(wrong), Contains(message));
    CHECK(adam.steps() == 1);
    for (std::size_t i = 0; i < before.size(); ++i) CHECK(before[i].tensor.to_vector() == elements[i]);
  };
  refused({state[0], state[1]}, "Adam: 'v' is missing");
  refused({state[0], state[1], state[2], {"w", scalar(0)}}, "Adam: 'w' was given");
  refused({state[0], state[1], state[2], state[1]}, "Adam: 'm' was given twice");
  refused({state[0], state[1], {"v", zeros({4}, DType::f64)}}, "Adam: 'v' is f64 [4], expected f64 [3]");
  refused({state[0], state[1], {"v", zeros({3})}}, "Adam: 'v' is f32 [3], expected f64 [3]");
  refused({{"steps", scalar(-1, DType::f64)}, state[1], state[2]}, "'steps' is -1");
  refused({{"steps", scalar(1.5, DType::f64)}, state[1], state[2]}, "'steps' is 1.5");
  refused({{"steps", scalar(NAN, DType::f64)}, state[1], state[2]}, "'steps' is nan");
  adam.load_state({state[2], state[0], state[1]});
  CHECK(adam.steps() == 2);
}

TEST_CASE("a backward pass notices that a step overwrote what it saved", "[optim]") {
  Rng rng(0);
  const Mlp net({2, 3, 1}, rng);
  Adam adam(net.parameters());
  const Tensor loss = sum(net(ones({4, 2})));
  adam.step(grad(loss, net.parameters(), {.retain_graph = true}));
  CHECK_THROWS_AS(grad(loss, net.parameters()), GradError);
}

TEST_CASE("a step and a target update ask the system for no memory", "[optim]") {
  Rng rng(0);
  Mlp net({17, 64, 64, 6}, rng, {.ensemble = 2}), target({17, 64, 64, 6}, rng, {.ensemble = 2});
  const Tensor log_alpha = scalar(0).requires_grad_(), x = randn({32, 17}, rng);
  Adam adam(net.parameters()), amsgrad(net.parameters(), {.amsgrad = true}), free({log_alpha});
  Sgd sgd(net.parameters(), {.momentum = 0.9});
  RmsProp rms(net.parameters(), {.centered = true});
  const auto update = [&] {
    TensorList gradients = grad(mean(square(net(x))), net.parameters());
    clip_grad_norm(gradients, 0.1);
    adam.step(gradients);
    amsgrad.step(gradients);
    sgd.step(gradients);
    rms.step(gradients);
    free.step({grad(square(log_alpha - 1), log_alpha)});
    target.polyak(net, 0.005);
  };
  for (int i = 0; i < 3; ++i) update();
  const std::int64_t before = pool::system_allocations();
  for (int i = 0; i < 10; ++i) update();
#if defined(__SANITIZE_ADDRESS__)
  CHECK(pool::system_allocations() > before);  // the pool keeps nothing, so that the sanitizer sees every use
#else
  CHECK(pool::system_allocations() == before);
#endif
}

TEST_CASE("optimisers refuse what they cannot use", "[optim]") {
  const Tensor p = leaf({1, 2, 3});
  CHECK_THROWS_WITH(Adam({p}, {.lr = -1}), Contains("Adam: lr is -1, expected 0 or more"));
  CHECK_THROWS_WITH(Adam({p}, {.beta1 = 1}), Contains("Adam: beta1 is 1, expected 0 or more and below 1"));
  CHECK_THROWS_WITH(Adam({p}, {.beta2 = NAN}), Contains("Adam: beta2 is nan"));
  CHECK_THROWS_AS(Adam({p}, {.eps = -1}), ConfigError);
  CHECK_THROWS_AS(Adam({p}, {.weight_decay = -1}), ConfigError);
  CHECK_THROWS_WITH(Sgd({p}, {.lr = -1}), Contains("SGD: lr is -1") || Contains("Sgd: lr is -1"));
  CHECK_THROWS_AS(Sgd({p}, {.momentum = -1}), ConfigError);
  CHECK_THROWS_AS(Sgd({p}, {.momentum = 0.9, .dampening = -1}), ConfigError);
  CHECK_THROWS_AS(Sgd({p}, {.weight_decay = -1}), ConfigError);
  CHECK_THROWS_AS(RmsProp({p}, {.lr = NAN}), ConfigError);
  CHECK_THROWS_AS(RmsProp({p}, {.momentum = -1}), ConfigError);
  CHECK_THROWS_AS(RmsProp({p}, {.weight_decay = -1}), ConfigError);
  CHECK_THROWS_WITH(Sgd({p}, {.nesterov = true}), Contains("nesterov needs momentum"));
  CHECK_THROWS_AS(Sgd({p}, {.momentum = 0.9, .dampening = 0.1, .nesterov = true}), ConfigError);
  CHECK_THROWS_AS(RmsProp({p}, {.alpha = 1}), ConfigError);
  CHECK_THROWS_AS(Adam(TensorList{}), ConfigError);
  CHECK_THROWS_AS(Adam({Tensor()}), GradError);
  CHECK_THROWS_AS(Adam({zeros({2})}), GradError);
  CHECK_THROWS_AS(Adam({p * 2}), GradError);
  CHECK_THROWS_AS(Adam({p, zeros({2}).requires_grad_()}), DTypeError);
  CHECK_THROWS_AS(Adam({transpose(zeros({2, 3})).requires_grad_()}), ShapeError);

  Adam adam({p});
  CHECK_THROWS_WITH(adam.step({}), Contains("0 gradients given for 1 parameters"));
  CHECK_THROWS_WITH(adam.step({zeros({2}, DType::f64)}), Contains("gradient 0 is f64 [2], expected f64 [3]"));
  CHECK_THROWS_AS(adam.step({zeros({3})}), DTypeError);
  CHECK_THROWS_AS(adam.step({Tensor()}), ShapeError);
  CHECK(adam.steps() == 0);
  CHECK(p.to_vector() == std::vector<double>{1, 2, 3});
}
