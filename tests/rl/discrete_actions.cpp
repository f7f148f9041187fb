// An agent with discrete actions goes through warm-up, buffer, updates, evaluation and checkpoint as any
// other.
#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "autograd/ops.h"
#include "envs/registry.h"
#include "rl/algorithms/registry.h"
#include "rl/runs/config.h"
#include "rl/runs/training.h"
#include "rl/training/train.h"
#include "tests/support/catch.h"

using namespace saccade;
using Catch::Contains;

namespace {

// Chooses by the sign of one number, counts its updates and sees every action that comes its way.
struct Chooser final : rl::Agent {
  explicit Chooser(std::int64_t n) : choices(n) {}

  std::int64_t noise_size() const override { return 1; }
  void act(std::span<const double> obs, std::span<const double> noise, rl::ActMode mode,
           std::span<double> action) const override {
    for (std::size_t i = 0; i < action.size(); ++i) {
      const double lean = obs[i * obs.size() / action.size()] + (mode == rl::ActMode::explore ? noise[i] : 0);
      action[i] = lean > 0 ? static_cast<double>(choices - 1) : 0;
    }
  }
  rl::Metrics update(const rl::Batch& batch, Rng&) override {
    for (const double a : batch.action.to_vector()) seen.insert(a);
    return {{"loss", 0.0}};
  }
  nn::NamedTensors named_weights() const override { return {{"w", w}}; }
  nn::NamedTensors named_optimizer_state() const override { return {}; }
  void load(const nn::NamedTensors&, const nn::NamedTensors&) override {}
  void load_weights(const nn::NamedTensors&) override {}

  std::int64_t choices;
  Tensor w = zeros({1});
  std::set<double> seen;
};

}  // namespace

TEST_CASE("discrete actions: warm-up draws choices, and the loop takes what the agent chose",
          "[discrete_actions]") {
  for (const std::string env : {"CartPole-v1", "Acrobot-v1"}) {
    for (const rl::Exploration noise :
         {rl::Exploration::gaussian, rl::Exploration::pink, rl::Exploration::ou}) {
      INFO(env);
      rl::RunConfig run;
      run.env = env;
      run.steps = 300;
      run.envs = 3;
      rl::OffPolicyConfig config;
      config.learning_starts = 150;
      config.batch_size = 32;
      config.exploration = noise;
      const rl::EnvFactory make = [&] { return envs::make(run.env); };
      const auto spec = make()->spec();
      const auto choices = std::get<envs::Discrete>(spec.action_space).n;
      Chooser agent(choices);
      rl::ReplayBuffer buffer(300, static_cast<std::int64_t>(envs::size_of(spec.observation_space)), 1);
      rl::TrainState state(Rng(1), 3);
      rl::train(run, config, make, agent, buffer, state);
      CHECK(state.step == 300);
      CHECK(state.updates == 150);
      std::set<double> all;
      for (std::int64_t i = 0; i < choices; ++i) all.insert(static_cast<double>(i));
      CHECK(agent.seen == all);  // the middle one of Acrobot comes from the warm-up alone
      CHECK(rl::evaluate(make, agent, 2, Rng(2)).returns.size() == 2);
    }
  }
}

TEST_CASE("a warm-up's choices are made equally often, and in pink noise they last", "[discrete_actions]") {
  for (const bool pink : {false, true}) {
    INFO(pink);
    rl::RunConfig run;
    run.env = "Acrobot-v1";
    run.steps = 6000;
    rl::OffPolicyConfig config;
    config.learning_starts = run.steps;
    config.exploration = pink ? rl::Exploration::pink : rl::Exploration::gaussian;
    Chooser agent(3);
    rl::ReplayBuffer buffer(run.steps, 6, 1);
    rl::TrainState state(Rng(1), 1);
    rl::train(
        run, config, [&] { return envs::make(run.env); }, agent, buffer, state);
    std::vector<double> choices;
    for (const auto& [name, tensor] : buffer.named_state()) {
      if (name == "action") choices = tensor.to_vector();
    }
    REQUIRE(choices.size() == 6000);
    double same = 0;
    for (std::size_t i = 1; i < choices.size(); ++i) same += choices[i] == choices[i - 1] ? 1 : 0;
    same /= 5999;
    for (const double a : {0.0, 1.0, 2.0}) {
      const auto times = static_cast<double>(std::count(choices.begin(), choices.end(), a)) / 6000;
      CHECK(std::abs(times - 1.0 / 3) < (pink ? 0.15 : 0.025));  // pink noise averages out slowly
    }
    if (pink) {
      CHECK(same > 0.45);
    } else {
      CHECK(std::abs(same - 1.0 / 3) < 0.025);
    }
  }
}
