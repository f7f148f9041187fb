// Algorithms must learn: a short run of each in every test, and the promises for presets over ten seeds in
// the long ones.

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "rl/runs/training.h"
#include "tests/support/catch.h"
#include "tests/support/one_thread.h"

using namespace saccade;

namespace {

struct Outcome {
  rl::Evaluation evaluation;
  std::int64_t updates = 0;
};

Outcome train_and_evaluate(const rl::Config& config) {
  const tests::OneThread one_thread;
  const Rng rng(static_cast<std::uint64_t>(config.run.seed));
  const rl::EnvFactory make = [&] { return rl::make_env(config.run.env); };
  const std::unique_ptr<rl::Agent> agent = rl::make_agent(config);
  rl::ReplayBuffer buffer = rl::make_buffer(config);
  rl::TrainState state(rng, config.run.envs);
  rl::train(config.run, config.off_policy, make, *agent, buffer, state);
  const std::int64_t episodes = config.run.final_eval_episodes;
  return {rl::evaluate(make, *agent, episodes, rng.split("final evaluation")), state.updates};
}

// The returns of seeds 1 to `count`.
std::vector<double> returns_of(int count, const std::string& preset, const std::string& algorithm) {
  std::vector<double> returns;
  for (int seed = 1; seed <= count; ++seed) {
    rl::Config config = rl::config_for(preset, algorithm);
    config.run.seed = seed;
    returns.push_back(train_and_evaluate(config).evaluation.mean());
  }
  return returns;
}

std::vector<double> ten_seeds(const std::string& preset, const std::string& algorithm = "sac") {
  return returns_of(10, preset, algorithm);
}

}  // namespace

// Random actions return about -1,200 on average, and a good policy about -150. Seeds 1 to 10 of each were
// tried: after so many steps TD3's worst is -182, and of DDPG nine are above -179 and one is at -364.
TEST_CASE("every algorithm learns Pendulum in a short run", "[learning][slow]") {
  const auto [algorithm, steps] = GENERATE(table<std::string, std::int64_t>({{"sac", 5'000},
                                                                             {"td3", 6'000},
                                                                             {"ddpg", 6'000},
                                                                             {"redq", 2'500},
                                                                             {"droq", 4'000},
                                                                             {"tqc", 5'000},
                                                                             {"crossq", 4'000},
                                                                             {"sac_v1", 6'000}}));
  INFO(algorithm);
  rl::Config config = rl::config_for("pendulum", algorithm);
  config.run.steps = steps;
  const Outcome outcome = train_and_evaluate(config);
  const auto learning = static_cast<double>(config.run.steps - config.off_policy.learning_starts);
  CHECK(static_cast<double>(outcome.updates) == learning * config.off_policy.updates_per_step);
  CHECK(outcome.evaluation.returns.size() == 20);
  CHECK(outcome.evaluation.mean() > -300);
}

// The shortest way along the cliff takes 13 steps; a walk in circles is cut off at -1,000. Seeds 1 to 5 all
// find it.
TEST_CASE("DQN finds the shortest way from the numbers of states alone", "[learning]") {
  rl::Config config("dqn");
  for (const char* setting :
       {"env=CliffWalking-v1", "steps=20000", "hidden=[64]", "loss=squared", "critic_lr=1e-3",
        "target_every=1", "tau=0.02", "epsilon_updates=5000", "learning_starts=1000", "batch_size=64",
        "reward_scale=0.1", "eval_every=0", "final_eval_episodes=1"}) {
    rl::update_from_text(config, setting);
  }
  CHECK(train_and_evaluate(config).evaluation.mean() == -13);
}

// Random actions keep the pole up for about 22 steps.
TEST_CASE("every algorithm with discrete actions learns CartPole in a short run", "[learning][slow]") {
  const std::string algorithm = GENERATE("discrete_sac", "dqn", "soft_q");
  INFO(algorithm);
  rl::Config config = rl::config_for("cartpole", algorithm);
  config.run.steps = 6'000;
  config.run.final_eval_episodes = 20;
  const Outcome outcome = train_and_evaluate(config);
  CHECK(outcome.updates == config.run.steps - config.off_policy.learning_starts);
  CHECK(outcome.evaluation.mean() > 100);
}

TEST_CASE("the presets of CartPole and Acrobot solve them for seeds 1 to 5", "[.long]") {
  const std::string algorithm = GENERATE("discrete_sac", "dqn", "soft_q");
  const auto [preset, solved] = GENERATE(table<std::string, double>({{"cartpole", 475}, {"acrobot", -100}}));
  const std::vector<double> returns = returns_of(5, preset, algorithm);
  CAPTURE(algorithm, preset, returns);
  CHECK(*std::min_element(returns.begin(), returns.end()) >= solved);
}

TEST_CASE("SAC's relatives reach -200 on Pendulum for seeds 1 to 5", "[.long]") {
  const std::string algorithm = GENERATE("sac_v1", "redq", "droq", "tqc", "crossq");
  const std::vector<double> returns = returns_of(5, "pendulum", algorithm);
  CAPTURE(algorithm, returns);
  CHECK(*std::min_element(returns.begin(), returns.end()) >= -200);
}

TEST_CASE("Pendulum's preset reaches its promise for seeds 1 to 10", "[.long]") {
  const std::vector<double> returns = ten_seeds("pendulum");
  CAPTURE(returns);
  CHECK(*std::min_element(returns.begin(), returns.end()) >= -200);
  double total = 0;
  for (const double r : returns) total += r;
  CHECK(total / 10 >= -160);
}

TEST_CASE("TD3 on Pendulum's preset reaches -200 for seeds 1 to 10, DDPG by its median", "[.long]") {
  const std::vector<double> td3 = ten_seeds("pendulum", "td3");
  std::vector<double> ddpg = ten_seeds("pendulum", "ddpg");
  CAPTURE(td3, ddpg);
  CHECK(*std::min_element(td3.begin(), td3.end()) >= -200);
  std::sort(ddpg.begin(), ddpg.end());
  CHECK((ddpg[4] + ddpg[5]) / 2 >= -200);
}

TEST_CASE("MountainCarContinuous's preset solves it for seeds 1 to 10", "[.long]") {
  const std::vector<double> returns = ten_seeds("mountain-car");
  CAPTURE(returns);
  CHECK(*std::min_element(returns.begin(), returns.end()) >= 90);
}

TEST_CASE("state-dependent exploration solves MountainCarContinuous for seeds 1 to 10", "[.long]") {
  std::vector<double> returns;
  for (int seed = 1; seed <= 10; ++seed) {
    rl::Config config = rl::config_for("mountain-car");
    for (const char* setting :
         {"log_std=gsde", "gsde_log_std=0", "exploration=held", "exploration_hold=50"}) {
      rl::update_from_text(config, setting);
    }
    config.run.seed = seed;
    returns.push_back(train_and_evaluate(config).evaluation.mean());
  }
  CAPTURE(returns);
  CHECK(*std::min_element(returns.begin(), returns.end()) >= 90);
}

TEST_CASE("Stable-Baselines3's settings learn Pendulum too", "[.long]") {
  CHECK(train_and_evaluate(rl::config_for("pendulum-sb3")).evaluation.mean() > -200);
}
