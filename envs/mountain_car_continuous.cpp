#include "envs/mountain_car_continuous.h"

#include <algorithm>
#include <cmath>

#include "envs/checks.h"

namespace saccade::envs {

const Spec& MountainCarContinuous::spec() const {
  // Bounds in float32, as the observations are: at the wall an observation is float32(-1.2), just below -1.2.
  constexpr auto min_position = static_cast<float>(kMinPosition);
  constexpr auto max_position = static_cast<float>(kMaxPosition);
  constexpr auto max_speed = static_cast<float>(kMaxSpeed);
  static const Spec spec = {
      .id = "MountainCarContinuous-v0",
      .observation = {.low = {min_position, -max_speed}, .high = {max_position, max_speed}},
      .action = {.low = {kMinAction}, .high = {kMaxAction}},
      .max_episode_steps = kMaxEpisodeSteps,
  };
  return spec;
}

void MountainCarContinuous::reset(Rng& rng, std::span<double> observation) {
  check_observation(spec(), observation);
  position_ = rng.uniform(-0.6, -0.4);
  velocity_ = 0;
  observe(observation);
}

Transition MountainCarContinuous::step(std::span<const double> action, std::span<double> observation) {
  check_action(spec(), action);
  check_observation(spec(), observation);
  const double force = std::clamp(action[0], kMinAction, kMaxAction);

  double velocity = velocity_ + (force * kPower - kGravity * std::cos(3 * position_));
  velocity = std::clamp(velocity, -kMaxSpeed, kMaxSpeed);
  const double position = std::clamp(position_ + velocity, kMinPosition, kMaxPosition);
  if (position == kMinPosition && velocity < 0) velocity = 0;  // the wall stops the car

  const bool at_goal = position >= kGoalPosition && velocity >= kGoalVelocity;
  const double reward = (at_goal ? 100.0 : 0.0) - action[0] * action[0] * 0.1;

  // Gymnasium keeps its state in float32 from one step to the next, and computes in float64 within a step.
  position_ = static_cast<float>(position);
  velocity_ = static_cast<float>(velocity);
  observe(observation);
  return {.reward = reward, .terminated = at_goal};
}

void MountainCarContinuous::set_state(std::span<const double> state) {
  check_state(spec(), state, 2);
  position_ = state[0];
  velocity_ = state[1];
}

void MountainCarContinuous::observe(std::span<double> observation) const {
  check_observation(spec(), observation);
  observation[0] = static_cast<float>(position_);
  observation[1] = static_cast<float>(velocity_);
}

}  // namespace saccade::envs
