// The layer between an environment and the networks: normalised observations, actions in the environment's
// box.

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "autograd/ops.h"
#include "base/error.h"
#include "rl/algorithms/dqn.h"
#include "rl/algorithms/sac.h"
#include "rl/components/action_scale.h"
#include "rl/components/running_mean_std.h"
#include "rl/runs/training.h"
#include "rl/training/checkpoint.h"
#include "tests/support/catch.h"
#include "tests/support/command.h"

using namespace saccade;
using Catch::Contains;

TEST_CASE("observation statistics are the mean and variance of all that was seen", "[wrappers]") {
  rl::RunningMeanStd statistics(3, DType::f64);
  Rng rng(1);
  const Tensor obs = randn({500, 3}, rng, DType::f64) * from_values({1e-3, 1, 100}, {3}, DType::f64) +
                     from_values({1e4, 0, -50}, {3}, DType::f64);
  for (std::int64_t i = 0; i < 500; ++i) statistics.add({obs.data<double>() + 3 * i, 3});
  const Tensor normal = statistics.normalized(obs);
  const std::vector<double> m = mean(normal, {0}).to_vector();
  const std::vector<double> v = mean(square(normal), {0}).to_vector();
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(std::abs(m[i]) < 1e-7);
    CHECK(v[i] == Approx(1).epsilon(i == 0 ? 0.02 : 1e-6));  // 1e-8 is added to a variance of 1e-6
  }
  // From the second observation on: of 1 and 3 the mean is 2 and the standard deviation 1.
  rl::RunningMeanStd two(1, DType::f64);
  for (const double x : {1.0, 3.0}) two.add({&x, 1});
  CHECK(two.normalized(full({1, 1}, 5, DType::f64)).item() == Approx(3));
  // A coordinate that never varies is 0, and what lies far out is clipped.
  rl::RunningMeanStd constant(1, DType::f32);
  const double seven = 7;
  for (int i = 0; i < 3; ++i) constant.add({&seven, 1});
  CHECK(constant.normalized(full({1, 1}, 7)).item() == 0);
  CHECK(constant.normalized(full({1, 1}, 1e6)).item() == 10);
  CHECK(constant.normalized(full({1, 1}, -1e6)).item() == -10);
  // In f64, where all that was seen is equal, 1e-8 is the whole variance: 1e-4 away is 1 away.
  rl::RunningMeanStd equal(1, DType::f64);
  for (int i = 0; i < 3; ++i) equal.add(std::vector<double>{3});
  CHECK(equal.normalized(from_values({3 + 1e-4}, {1, 1}, DType::f64)).item() == Approx(1).epsilon(1e-9));
}

TEST_CASE("an agent that normalises acts and learns as one that is given normalised observations",
          "[wrappers]") {
  rl::SacConfig config = {.hidden = {16}};
  rl::Sac plain(config, 2, 1, Rng(3));
  config.normalize_obs = true;
  rl::Sac agent(config, 2, 1, Rng(3));
  rl::RunningMeanStd statistics(2, DType::f32);
  Rng rng(4);
  const Tensor seen = randn({40, 2}, rng, DType::f64) * 3 + 5;
  for (std::int64_t i = 0; i < 40; ++i) {
    agent.observe({seen.data<double>() + 2 * i, 2});
    plain.observe({seen.data<double>() + 2 * i, 2});  // nothing
    statistics.add({seen.data<double>() + 2 * i, 2});
  }
  const std::vector<double> raw = {4, 9};
  const std::vector<double> normal = statistics.normalized(from_values(raw, {1, 2})).to_vector();
  double a = 0, b = 0, c = 0;
  agent.act(raw, {}, rl::ActMode::exploit, {&a, 1});
  plain.act(normal, {}, rl::ActMode::exploit, {&b, 1});
  plain.act(raw, {}, rl::ActMode::exploit, {&c, 1});
  CHECK(a == b);
  CHECK(a != c);

  rl::Batch batch{randn({8, 2}, rng) * 3 + 5, tanh(randn({8, 1}, rng)), randn({8, 1}, rng),
                  randn({8, 2}, rng) * 3 + 5, zeros({8, 1})};
  rl::Batch normalized = batch;
  normalized.obs = statistics.normalized(batch.obs);
  normalized.next_obs = statistics.normalized(batch.next_obs);
  Rng r1(5), r2(5);
  const rl::Metrics m1 = agent.update(batch, r1), m2 = plain.update(normalized, r2);
  CHECK(m1["critic_loss"] == m2["critic_loss"]);
  CHECK(m1["actor_loss"] == m2["actor_loss"]);

  // A checkpoint carries the statistics, for going on and for evaluation alike.
  const test::TemporaryFolder folder;
  rl::save_checkpoint(folder.path("checkpoint"), agent, rl::ReplayBuffer(1, 2, 1), rl::TrainState(Rng(1)),
                      {});
  rl::Sac again(config, 2, 1, Rng(6));
  rl::load_weights(folder.path("checkpoint"), again);
  double before = 0, after = 0;
  agent.act(raw, {}, rl::ActMode::exploit, {&before, 1});
  again.act(raw, {}, rl::ActMode::exploit, {&after, 1});
  CHECK(before == after);
}

TEST_CASE("one batched act is as one for each observation", "[wrappers]") {
  const rl::Sac agent({.hidden = {16}}, 2, 3, Rng(1));
  const std::vector<double> obs = {0.1, 0.2, -1, 3, 0.5, -0.7}, eps = {0, 1, -1, 0.3, 0.2, 0.1, 2, -2, 0.4};
  std::vector<double> together(9), alone(3);
  agent.act(obs, eps, rl::ActMode::explore, together);
  for (std::size_t i = 0; i < 3; ++i) {
    agent.act(std::span(obs).subspan(2 * i, 2), std::span(eps).subspan(3 * i, 3), rl::ActMode::explore,
              alone);
    for (std::size_t j = 0; j < 3; ++j) CHECK(together[3 * i + j] == Approx(alone[j]).epsilon(1e-5));
  }
  CHECK_THROWS_AS(agent.act(std::span(obs).first(3), eps, rl::ActMode::explore, together), ShapeError);
  CHECK_THROWS_AS(agent.act(obs, eps, rl::ActMode::explore, alone), ShapeError);
}

TEST_CASE("unbounded actions are refused, and very wide ones a warning", "[wrappers]") {
  envs::Spec spec{
      .id = "Wide-v0", .observation_space = envs::Box{.low = {0}, .high = {1}}, .action_space = envs::Box{}};
  const auto with = [&](double low, double high) {
    spec.action_space = envs::Box{.low = {-1, low}, .high = {1, high}};
    return spec;
  };
  CHECK_FALSE(rl::action_warning(with(-100, 100)));
  CHECK_THAT(rl::action_warning(with(-1, 1000)).value_or(""),
             Contains("Wide-v0") && Contains("action[1] ranges from -1 to 1000"));
  CHECK_THAT(rl::action_warning(with(-100.5, 1)).value_or(""), Contains("-100.5"));
  const double inf = std::numeric_limits<double>::infinity();
  CHECK_THROWS_WITH(rl::ActionScale(with(-1, inf)),
                    Contains("action[1] ranges from -1 to inf") && Contains("finite bounds"));
  CHECK_THROWS_AS(rl::ActionScale(with(-inf, 1)), ConfigError);
}

TEST_CASE("a network sees the number of a state as one-hot", "[observations]") {
  rl::DqnConfig config;
  config.hidden = {8};
  rl::Dqn agent(config, rl::ObsSize(5, true), 3, Rng(1));
  CHECK(agent.critic().parameters()[0].shape() == Shape{8, 5});
  const std::vector<double> states = {4, 0, 2};
  std::vector<double> choices(3);
  agent.act(states, {}, rl::ActMode::exploit, choices);
  for (std::size_t i = 0; i < states.size(); ++i) {
    std::vector<double> row(5);
    row[static_cast<std::size_t>(states[i])] = 1;
    CHECK(choices[i] == argmax(agent.critic()(from_values(row, {1, 5})), -1).item());
  }
  // Of a batch too: what is learned of one state leaves what a linear network has of the others.
  const rl::Batch batch = {from_values({2, 2}, {2, 1}), from_values({1, 1}, {2, 1}), ones({2, 1}),
                           from_values({0, 4}, {2, 1}), ones({2, 1})};
  const Tensor before = 1 * agent.critic().parameters()[0];
  agent.update(batch);
  const std::vector<double> moved = amax(abs(agent.critic().parameters()[0] - before), {0}).to_vector();
  for (std::size_t state = 0; state < 5; ++state) CHECK((moved[state] > 0) == (state == 2));

  for (const double wrong : {5.0, -1.0, 0.5}) {
    const std::vector<double> obs = {wrong};
    std::vector<double> choice(1);
    CHECK_THROWS_AS(agent.act(obs, {}, rl::ActMode::exploit, choice), Error);
  }
  config.normalize_obs = true;
  CHECK_THROWS_WITH(rl::Dqn(config, rl::ObsSize(5, true), 3, Rng(1)), Contains("normalize_obs is true"));
}
