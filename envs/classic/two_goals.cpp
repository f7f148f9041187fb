// One throw at one of two goals: a near one, broad and worth 1, and a far one, narrow and worth 2. Whoever
// follows the slope of what it knows from where it stands ends at the near one; whoever keeps throwing
// everywhere finds the other.
#include <algorithm>
#include <cmath>
#include <memory>

#include "envs/checks.h"
#include "envs/registry.h"

namespace saccade::envs {

namespace {

// Observation and state: where one stands. Action: how far to throw. An episode is one throw.
class TwoGoals final : public Env {
 public:
  const Spec& spec() const override {
    static const Spec spec = {.id = "TwoGoals-v0",
                              .observation_space = Box{.low = {-0.05}, .high = {0.05}},
                              .action_space = Box{.low = {-1}, .high = {1}},
                              .max_episode_steps = 1,
                              .reward_threshold = 1.8};
    return spec;
  }
  void reset(Rng& rng, std::span<double> observation) override {
    check_observation(spec(), observation);
    stand_ = rng.uniform(-0.05, 0.05);
    observe(observation);
  }
  StepResult step(std::span<const double> action, std::span<double> observation) override {
    check_action(spec(), action);
    check_observation(spec(), observation);
    observe(observation);
    const double lands = stand_ + std::clamp(action[0], -1.0, 1.0);
    const auto goal = [&](double centre, double width, double worth) {
      const double off = (lands - centre) / width;
      return worth * std::exp(-off * off);
    };
    return {.reward = goal(-0.2, 0.3, 1) + goal(0.8, 0.08, 2), .terminated = true};
  }
  std::vector<double> state() const override { return {stand_}; }
  void set_state(std::span<const double> state) override {
    check_state(spec(), state, 1);
    stand_ = state[0];
  }
  void observe(std::span<double> observation) const override {
    check_observation(spec(), observation);
    observation[0] = stand_;
  }

 private:
  double stand_ = 0;
};

}  // namespace

Entry two_goals_entry() {
  return {"TwoGoals-v0", [] { return std::make_unique<TwoGoals>(); }};
}

}  // namespace saccade::envs
