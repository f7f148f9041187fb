#include "envs/classic/mountain_car_continuous.h"

#include <algorithm>
#include <cmath>

#include "envs/checks.h"
#include "envs/registry.h"

namespace saccade::envs {

namespace {

// Of the hill, as Gymnasium draws it; the equations of motion know only its slope.
double height(double position) { return 0.45 * std::sin(3 * position) + 0.55; }

}  // namespace

const Spec& MountainCarContinuous::spec() const {
  // Bounds in float32, as the observations are: at the wall an observation is float32(-1.2), just below -1.2.
  constexpr auto min_position = static_cast<float>(kMinPosition);
  constexpr auto max_position = static_cast<float>(kMaxPosition);
  constexpr auto max_speed = static_cast<float>(kMaxSpeed);
  static const Spec spec = {
      .id = "MountainCarContinuous-v0",
      .observation_space = Box{.low = {min_position, -max_speed}, .high = {max_position, max_speed}},
      .action_space = Box{.low = {kMinAction}, .high = {kMaxAction}},
      .max_episode_steps = kMaxEpisodeSteps,
      .reward_threshold = 90,
  };
  return spec;
}

void MountainCarContinuous::reset(Rng& rng, std::span<double> observation) {
  check_observation(spec(), observation);
  position_ = rng.uniform(-0.6, -0.4);
  velocity_ = 0;
  observe(observation);
}

StepResult MountainCarContinuous::step(std::span<const double> action, std::span<double> observation) {
  check_action(spec(), action);
  check_observation(spec(), observation);
  const double force = std::clamp(action[0], kMinAction, kMaxAction);

  double velocity = velocity_ + (force * kPower - kGravity * std::cos(3 * position_));
  velocity = std::clamp(velocity, -kMaxSpeed, kMaxSpeed);
  const double position = std::clamp(position_ + velocity, kMinPosition, kMaxPosition);
  if (position == kMinPosition && velocity < 0) velocity = 0;  // the wall stops the car

  const bool at_goal = position >= kGoalPosition && velocity >= kGoalVelocity;
  const double goal_reward = at_goal ? 100 : 0, force_cost = action[0] * action[0] * 0.1;

  // Gymnasium keeps its state in float32 from one step to the next, and computes in float64 within a step.
  position_ = static_cast<float>(position);
  velocity_ = static_cast<float>(velocity);
  observe(observation);
  return {.reward = goal_reward - force_cost,
          .terminated = at_goal,
          .terms = {{{"goal", goal_reward}, {"force", -force_cost}}}};
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

Scene MountainCarContinuous::scene() const {
  Scene scene = {.target = {(kMinPosition + kMaxPosition) / 2, 0, 0.55},
                 .radius = 0.64,
                 .flat = true,
                 .step_seconds = 1.0 / 30};  // in which its equations have no unit
  constexpr int kPieces = 60;
  const auto on_hill = [](double position) { return Point{position, 0, height(position)}; };
  const auto edge = [](int i) { return kMinPosition + (kMaxPosition - kMinPosition) * i / kPieces; };
  for (int i = 0; i < kPieces; ++i) {
    scene.geoms.push_back(capsule(on_hill(edge(i)), on_hill(edge(i + 1)), 0.006, 0));
  }
  const Point goal = on_hill(kGoalPosition), top = {goal[0], 0, goal[2] + 0.2};
  scene.geoms.push_back(capsule(goal, top, 0.005, 0));
  scene.geoms.push_back(box({top[0] + 0.04, 0, top[2] - 0.025}, {0.04, 0, 0.025}, 0, 2));

  const double slope = std::atan(1.35 * std::cos(3 * position_));
  const auto beside_road = [&](double along, double above) {
    return Point{position_ + along * std::cos(slope) - above * std::sin(slope), 0,
                 height(position_) + along * std::sin(slope) + above * std::cos(slope)};
  };
  scene.geoms.push_back(box(beside_road(0, 0.055), {0.06, 0.03, 0.025}, slope, 1));
  for (const double along : {-0.035, 0.035})
    scene.geoms.push_back(sphere(beside_road(along, 0.028), 0.022, 0));
  return scene;
}

Entry mountain_car_continuous_entry() {
  return {"MountainCarContinuous-v0", [] { return std::make_unique<MountainCarContinuous>(); }};
}

}  // namespace saccade::envs
