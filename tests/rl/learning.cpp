// SAC must learn: a short run in every test, and the promise for Pendulum's preset over ten seeds in the long ones.

#include <catch2/catch.hpp>

#include "envs/registry.h"
#include "rl/training/train.h"

using namespace saccade;

namespace {

struct Outcome {
  rl::Evaluation evaluation;
  std::int64_t updates = 0;
};

Outcome train_and_evaluate(rl::Config config) {
  const Rng rng(static_cast<std::uint64_t>(config.seed));
  const rl::EnvFactory make = [&] { return envs::make(config.env); };
  const std::int64_t observation = make()->spec().observation.size(), action = make()->spec().action.size();
  rl::Sac agent(config, observation, action, rng);
  rl::ReplayBuffer buffer(config.buffer_size, observation, action);
  rl::TrainState state(rng, config.envs);
  rl::train(config, make, agent, buffer, state);
  return {rl::evaluate(make, agent, 20, rng.split("final evaluation")), state.updates};
}

}  // namespace

// Random actions return about -1,200 on average, and a good policy about -150; 5,000 steps take any seed we tried to -200.
TEST_CASE("SAC learns Pendulum in 5,000 steps", "[learning]") {
  rl::Config config = rl::config_for("pendulum");
  config.steps = 5'000;
  const Outcome outcome = train_and_evaluate(config);
  CHECK(outcome.updates == config.steps - config.learning_starts);
  CHECK(outcome.evaluation.returns.size() == 20);
  CHECK(outcome.evaluation.mean() > -300);
}

TEST_CASE("Pendulum's preset reaches its promise for seeds 1 to 10", "[.long]") {
  double total = 0;
  for (int seed = 1; seed <= 10; ++seed) {
    rl::Config config = rl::config_for("pendulum");
    config.seed = seed;
    const double mean = train_and_evaluate(config).evaluation.mean();
    CAPTURE(seed, mean);
    CHECK(mean >= -200);
    total += mean;
  }
  CHECK(total / 10 >= -160);
}

TEST_CASE("MountainCarContinuous's preset solves it for seeds 1 to 10", "[.long]") {
  for (int seed = 1; seed <= 10; ++seed) {
    rl::Config config = rl::config_for("mountain-car");
    config.seed = seed;
    const double mean = train_and_evaluate(config).evaluation.mean();
    CAPTURE(seed, mean);
    CHECK(mean >= 90);
  }
}

TEST_CASE("Stable-Baselines3's settings learn Pendulum too", "[.long]") {
  const Outcome outcome = train_and_evaluate(rl::config_for("pendulum-sb3"));
  CHECK(outcome.evaluation.mean() > -200);
}
