// Gymnasium's MountainCarContinuous-v0, step for step: rock a car whose engine is too weak out of a valley.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "envs/env.h"

namespace saccade::envs {

/// Action: the force, clipped to [-1, 1] for the motion but not for the reward, which pays for the action as
/// given. Observation and state: position, velocity. Terminates at the goal, with a reward of 100. May be
/// stepped past it; make() adds the time limit.
class MountainCarContinuous final : public Env {
 public:
  static constexpr double kMinAction = -1;
  static constexpr double kMaxAction = 1;
  static constexpr double kMinPosition = -1.2;
  static constexpr double kMaxPosition = 0.6;
  static constexpr double kMaxSpeed = 0.07;
  static constexpr double kGoalPosition = 0.45;
  static constexpr double kGoalVelocity = 0;
  static constexpr double kPower = 0.0015;
  static constexpr double kGravity = 0.0025;
  static constexpr std::int64_t kMaxEpisodeSteps = 999;

  const Spec& spec() const override;
  void reset(Rng& rng, std::span<double> observation) override;
  StepResult step(std::span<const double> action, std::span<double> observation) override;
  std::vector<double> state() const override { return {position_, velocity_}; }
  void set_state(std::span<const double> state) override;
  void observe(std::span<double> observation) const override;
  Scene scene() const override;

 private:
  double position_ = 0;
  double velocity_ = 0;
};

}  // namespace saccade::envs
