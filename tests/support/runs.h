// Runs small enough to train in a test.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "rl/runs/training.h"
#include "tests/support/catch.h"

namespace saccade::test {

/// A run of the algorithm on Pendulum's preset, or CartPole's where actions are choices, with these settings.
inline rl::RunInfo run_of(const std::string& algorithm, const nlohmann::ordered_json& settings) {
  rl::RunInfo info;
  const bool box = rl::find_algorithm(algorithm).actions == rl::ActionKind::box;
  info.preset = box ? "pendulum" : "cartpole";
  info.config = rl::config_for(info.preset, algorithm);
  rl::update_from_json(info.config, settings, "test");
  return info;
}

/// Ends a run at a step.
class StopAt final : public rl::TrainingListener {
 public:
  explicit StopAt(std::int64_t step) : step_(step) {}
  bool should_stop(const rl::Training& training) override { return training.state().step == step_; }

 private:
  std::int64_t step_;
};

/// Trains until the step, or to the end.
inline void go(rl::Training training, std::int64_t stop_at = -1) {
  StopAt listener(stop_at);
  CHECK(training.run(listener).has_value() == (stop_at < 0));
}

}  // namespace saccade::test
