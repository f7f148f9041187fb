// Gymnasium's CartPole-v1, step for step: keep a pole upright on a cart that is pushed left or right.
#pragma once

#include <array>
#include <cstdint>
#include <numbers>
#include <span>
#include <vector>

#include "envs/env.h"

namespace saccade::envs {

/// Actions: 0 pushes left, 1 right. Observation and state: position, velocity, the pole's angle (0 upright)
/// and angular velocity. Pays 1 a step, and terminates once position or angle pass their thresholds. May be
/// stepped past that, for nothing; make() adds the time limit.
class CartPole final : public Env {
 public:
  static constexpr double kGravity = 9.8;
  static constexpr double kCartMass = 1;
  static constexpr double kPoleMass = 0.1;
  static constexpr double kTotalMass = kPoleMass + kCartMass;
  static constexpr double kHalfLength = 0.5;  // of the pole
  static constexpr double kPoleMassLength = kPoleMass * kHalfLength;
  static constexpr double kForce = 10;
  static constexpr double kTimeStep = 0.02;
  static constexpr double kMaxAngle = 12 * 2 * std::numbers::pi / 360;
  static constexpr double kMaxPosition = 2.4;
  static constexpr std::int64_t kMaxEpisodeSteps = 500;

  const Spec& spec() const override;
  void reset(Rng& rng, std::span<double> observation) override;
  StepResult step(std::span<const double> action, std::span<double> observation) override;
  std::vector<double> state() const override { return {state_.begin(), state_.end()}; }
  void set_state(std::span<const double> state) override;
  void observe(std::span<double> observation) const override;
  Scene scene() const override;

 private:
  bool is_over() const;

  std::array<double, 4> state_{};
};

}  // namespace saccade::envs
