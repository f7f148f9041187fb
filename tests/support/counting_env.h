// An environment that does as it is told, to look at what training makes of it.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "base/error.h"
#include "envs/env.h"

namespace saccade::tests {

/// Observes a random mark of the episode and the steps taken in it; every reward is 1. A time limit of 10.
class Counting final : public envs::Env {
 public:
  struct Script {
    // In every so many-th episode, after so many steps; 0 for never.
    std::int64_t terminates_after = 0, diverges_after = 0, fails_after = 0;
    std::int64_t every = 1;
  };
  static constexpr double kPoison = 12345;

  explicit Counting(const Script& script) : script_(script) {}

  const envs::Spec& spec() const override {
    static const envs::Spec spec = {.id = "Counting-v0",
                                    .observation_space = envs::Box{.low = {0, 0}, .high = {1, 10}},
                                    .action_space = envs::Box{.low = {-1}, .high = {1}},
                                    .max_episode_steps = 10};
    return spec;
  }
  void reset(Rng& rng, std::span<double> observation) override {
    mark_ = static_cast<float>(rng.uniform());
    steps_ = 0;
    ++episodes_;
    observe(observation);
  }
  envs::StepResult step(std::span<const double>, std::span<double> observation) override {
    ++steps_;
    const bool now = std::fmod(episodes_, static_cast<double>(script_.every)) == 0;
    const auto is = [&](std::int64_t after) { return now && steps_ == static_cast<double>(after); };
    if (is(script_.fails_after)) throw Error("copy failed in step 5");
    observe(observation);
    if (is(script_.diverges_after)) {
      observation[0] = observation[1] = kPoison;
      return {.diverged = true};
    }
    return {.reward = 1, .terminated = is(script_.terminates_after)};
  }
  std::vector<double> state() const override { return {mark_, steps_, episodes_}; }
  void set_state(std::span<const double> state) override {
    mark_ = state[0];
    steps_ = state[1];
    episodes_ = state[2];
  }
  void observe(std::span<double> observation) const override {
    observation[0] = mark_;
    observation[1] = steps_;
  }

 private:
  Script script_;
  double mark_ = 0, steps_ = 0, episodes_ = 0;
};

}  // namespace saccade::tests
