// State-dependent exploration (gSDE): how its actions are distributed for one state, for two, and over time.
#include <algorithm>
#include <cmath>
#include <tuple>
#include <vector>

#include "autograd/grad.h"
#include "autograd/modes.h"
#include "autograd/ops.h"
#include "base/error.h"
#include "rl/algorithms/sac.h"
#include "rl/components/actor_critic.h"
#include "tests/support/catch.h"

using namespace saccade;
using rl::ActMode;

namespace {

constexpr std::int64_t kWidth = 6, kActions = 2, kStates = 2;

// Of three observations, with sigmas that differ.
struct Actor {
  Rng rng{3};
  rl::GaussianActor pi{3, kActions, {5, kWidth}, rl::LogStd::gsde, rng, DType::f64, -1};
  Tensor obs = randn({kStates, 3}, rng, DType::f64);

  Actor() {
    const NoGrad no_grad;
    at("log_sigma").copy_(-1.5 + 0.5 * randn({kWidth, kActions}, rng, DType::f64));
  }
  Tensor at(const std::string& name) const {
    for (const auto& [n, tensor] : pi.named_parameters()) {
      if (n == name) return tensor;
    }
    FAIL(name);
    return {};
  }
  // The last hidden layer, written out.
  Tensor features() const {
    const Tensor h = relu(linear(obs, at("body.l1.weight"), at("body.l1.bias")));
    return relu(linear(h, at("body.l2.weight"), at("body.l2.bias")));
  }
};

}  // namespace

TEST_CASE("gSDE's actions have the covariance that their features say", "[gsde]") {
  const NoGrad no_grad;
  Actor actor;
  const Tensor h = actor.features(), sigma = exp(actor.at("log_sigma"));
  REQUIRE(sum(h, {1}).to_vector()[0] > 0);
  const std::vector<double> mean = actor.pi(actor.obs).normal().mean().to_vector(),
                            std = exp(actor.pi(actor.obs).normal().log_std()).to_vector();

  constexpr int n = 40'000;
  constexpr std::size_t kAll = kStates * kActions;
  std::vector<double> sums(kAll), products(kAll * kAll);
  for (int i = 0; i < n; ++i) {
    // One Z for both states, as while it is held.
    const Tensor z = randn({1, kWidth * kActions}, actor.rng, DType::f64);
    const std::vector<double> a = actor.pi.explore(actor.obs, cat({z, z}, 0)).to_vector();
    for (std::size_t j = 0; j < kAll; ++j) {
      for (std::size_t k = 0; k < kAll; ++k) {
        products[j * kAll + k] += (std::atanh(a[j]) - mean[j]) * (std::atanh(a[k]) - mean[k]) / n;
      }
      sums[j] += (std::atanh(a[j]) - mean[j]) / n;
    }
  }
  for (std::size_t j = 0; j < kAll; ++j) {
    CHECK(std::abs(sums[j]) < 5 * std[j] / std::sqrt(n));
    // What log pi takes the standard deviation to be is what acting has.
    CHECK(products[j * kAll + j] == Approx(std[j] * std[j]).epsilon(5 * std::sqrt(2.0 / n)));
    for (std::size_t k = 0; k < kAll; ++k) {
      const auto of = [](std::size_t at) { return static_cast<std::int64_t>(at); };
      const std::int64_t s = of(j) / kActions, t = of(k) / kActions, a = of(j) % kActions,
                         b = of(k) % kActions;
      const Tensor parts = select(h, 0, s) * select(h, 0, t) * square(select(sigma, 1, a));
      const double expected = a == b ? sum(parts).item() : 0;
      CHECK(std::abs(products[j * kAll + k] - expected) < 5 * std[j] * std[k] * std::sqrt(2.0 / n));
    }
  }
}

TEST_CASE("a state without features has a policy that is finite, and so has its gradient", "[gsde]") {
  Actor actor;
  {
    const NoGrad no_grad;
    actor.at("body.l2.bias").fill_(-100);
  }
  const nn::TanhNormal pi = actor.pi(actor.obs);
  const nn::TanhNormal::Sample drawn = pi.rsample(ones({kStates, kActions}, DType::f64));
  CHECK(pi.normal().log_std().to_vector()[0] == Approx(std::log(1e-3)));
  for (const Tensor& g : grad(sum(pi.log_prob(drawn)), actor.pi.parameters()))
    CHECK(std::isfinite(sum(g).item()));
}

TEST_CASE("log sigma stays within its bounds, whatever the network says", "[gsde]") {
  Rng rng(4);
  for (const auto& [kind, low, high] :
       {std::tuple(rl::LogStd::clamp, -20.0, 2.0), std::tuple(rl::LogStd::tanh, -5.0, 2.0)}) {
    const rl::GaussianActor pi(3, 2, {8}, kind, rng, DType::f64);
    for (const double size : {1.0, 1e4}) {
      const std::vector<double> log_std =
          pi(size * randn({200, 3}, rng, DType::f64)).normal().log_std().to_vector();
      const auto [least, most] = std::minmax_element(log_std.begin(), log_std.end());
      CHECK(*least >= low);
      CHECK(*most <= high);
      if (size > 1) CHECK(*least == Approx(low).margin(1e-6));
      if (size > 1) CHECK(*most == Approx(high).margin(1e-6));
    }
  }
}

TEST_CASE("SAC with gSDE acts by one Z for each observation, and without it when it exploits", "[gsde]") {
  const rl::Sac agent({.hidden = {8, 4}, .log_std = rl::LogStd::gsde, .gsde_log_std = 0}, 3, 2, Rng(2));
  REQUIRE(agent.noise_size() == 8);
  const rl::Sac quiet({.hidden = {8, 4}, .log_std = rl::LogStd::gsde, .gsde_log_std = -2}, 3, 2, Rng(2));
  CHECK(nn::with_prefix(quiet.named_weights(), "actor.log_sigma")[0].tensor.to_vector() ==
        std::vector<double>(8, -2.0));
  const std::vector<double> obs = {0.3, -1, 0.5, 0.3, -1, 0.5};
  std::vector<double> noise(16), action(4), best(4);
  agent.act(obs, {}, ActMode::exploit, best);
  agent.act(obs, noise, ActMode::explore, action);
  CHECK(action == best);
  CHECK(best[0] == best[2]);
  for (std::size_t i = 0; i < 8; ++i) noise[8 + i] = 1;
  agent.act(obs, noise, ActMode::explore, action);
  CHECK(action[0] == best[0]);
  CHECK(action[2] != best[2]);
  noise.pop_back();
  CHECK_THROWS_AS(agent.act(obs, noise, ActMode::explore, action), ShapeError);
}
