// Gymnasium's Acrobot-v1, step for step: swing the free end of a two-link chain up by its middle joint.
#pragma once

#include <array>
#include <cstdint>
#include <numbers>
#include <span>
#include <vector>

#include "envs/env.h"

namespace saccade::envs {

/// Actions: a torque of -1, 0 or 1 on the middle joint. State: the first link's angle (0 hanging down), the
/// second's relative to it, both in [-pi, pi], and their angular velocities. Observation: cosine and sine of
/// each angle, and the velocities. Pays -1 a step, and 0 for the one that gets the free end above the line
/// one link's length over the fixed end, which terminates. May be stepped past that; make() adds the time
/// limit.
class Acrobot final : public Env {
 public:
  static constexpr double kTimeStep = 0.2;
  static constexpr double kLength = 1;        // of the first link
  static constexpr double kMass = 1;          // of either link
  static constexpr double kMassCentre = 0.5;  // of either link, along it
  static constexpr double kInertia = 1;       // of either link
  static constexpr double kGravity = 9.8;
  static constexpr double kMaxSpeed1 = 4 * std::numbers::pi;
  static constexpr double kMaxSpeed2 = 9 * std::numbers::pi;
  static constexpr std::array<double, 3> kTorques = {-1, 0, 1};
  static constexpr std::int64_t kMaxEpisodeSteps = 500;

  const Spec& spec() const override;
  void reset(Rng& rng, std::span<double> observation) override;
  StepResult step(std::span<const double> action, std::span<double> observation) override;
  std::vector<double> state() const override { return {state_.begin(), state_.end()}; }
  void set_state(std::span<const double> state) override;
  void observe(std::span<double> observation) const override;
  Scene scene() const override;

 private:
  std::array<double, 4> state_{};
};

}  // namespace saccade::envs
