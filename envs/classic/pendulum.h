// Gymnasium's Pendulum-v1, step for step: swing a rod up with a motor too weak to lift it at once.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "envs/env.h"

namespace saccade::envs {

/// Action: the torque, clipped to [-2, 2]. Observation: cos(angle), sin(angle), angular velocity. State:
/// angle (0 upright, never wrapped), angular velocity. Never terminates; make() adds the time limit.
class Pendulum final : public Env {
 public:
  static constexpr double kGravity = 10;
  static constexpr double kMass = 1;
  static constexpr double kLength = 1;
  static constexpr double kMaxTorque = 2;
  static constexpr double kMaxSpeed = 8;
  static constexpr double kTimeStep = 0.05;
  static constexpr std::int64_t kMaxEpisodeSteps = 200;

  const Spec& spec() const override;
  void reset(Rng& rng, std::span<double> observation) override;
  StepResult step(std::span<const double> action, std::span<double> observation) override;
  std::vector<double> state() const override { return {angle_, velocity_}; }
  void set_state(std::span<const double> state) override;
  void observe(std::span<double> observation) const override;
  Scene scene() const override;

 private:
  double angle_ = 0;
  double velocity_ = 0;
  double torque_ = 0;  // of the last step, for the picture
};

}  // namespace saccade::envs
