#include "envs/classic/cart_pole.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/rng.h"
#include "envs/checks.h"
#include "envs/registry.h"

namespace saccade::envs {

const Spec& CartPole::spec() const {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  constexpr auto position = static_cast<float>(2 * kMaxPosition), angle = static_cast<float>(2 * kMaxAngle);
  static const Spec spec = {
      .id = "CartPole-v1",
      .observation_space = Box{.low = {-position, -infinity, -angle, -infinity},
                               .high = {position, infinity, angle, infinity}},
      .action_space = Discrete{2},
      .max_episode_steps = kMaxEpisodeSteps,
      .reward_threshold = 475,
  };
  return spec;
}

void CartPole::reset(Rng& rng, std::span<double> observation) {
  check_observation(spec(), observation);
  for (double& coordinate : state_) coordinate = rng.uniform(-0.05, 0.05);
  observe(observation);
}

bool CartPole::is_over() const {
  return std::abs(state_[0]) > kMaxPosition || std::abs(state_[2]) > kMaxAngle;
}

StepResult CartPole::step(std::span<const double> action, std::span<double> observation) {
  check_action(spec(), action);
  check_observation(spec(), observation);
  const bool was_over = is_over();
  auto& [position, velocity, angle, angular_velocity] = state_;
  const double force = action[0] == 1 ? kForce : -kForce;
  const double cosine = std::cos(angle), sine = std::sin(angle);

  // Barto, Sutton and Anderson, "Neuronlike adaptive elements that can solve difficult learning control
  // problems", 1983, without friction; in Gymnasium's order of operations.
  const double push = (force + kPoleMassLength * (angular_velocity * angular_velocity) * sine) / kTotalMass;
  const double angular_acceleration =
      (kGravity * sine - cosine * push) /
      (kHalfLength * (4.0 / 3.0 - kPoleMass * (cosine * cosine) / kTotalMass));
  const double acceleration = push - kPoleMassLength * angular_acceleration * cosine / kTotalMass;

  position += kTimeStep * velocity;
  velocity += kTimeStep * acceleration;
  angle += kTimeStep * angular_velocity;
  angular_velocity += kTimeStep * angular_acceleration;

  observe(observation);
  return {.reward = is_over() && was_over ? 0.0 : 1.0, .terminated = is_over()};
}

void CartPole::set_state(std::span<const double> state) {
  check_state(spec(), state, state_.size());
  std::copy(state.begin(), state.end(), state_.begin());
}

void CartPole::observe(std::span<double> observation) const {
  check_observation(spec(), observation);
  for (std::size_t i = 0; i < state_.size(); ++i) observation[i] = static_cast<float>(state_[i]);
}

Scene CartPole::scene() const {
  const double position = state_[0], angle = state_[2];
  const Point hinge = {position, 0, 0};
  const Point tip = {position + 2 * kHalfLength * std::sin(angle), 0, 2 * kHalfLength * std::cos(angle)};
  const double edge = kMaxPosition + 0.25;  // the cart's half width beyond where it is over
  return {.geoms = {capsule({-edge, 0, -0.25}, {edge, 0, -0.25}, 0.01, 0),
                    capsule({-edge, 0, -0.25}, {-edge, 0, -0.1}, 0.01, 0),
                    capsule({edge, 0, -0.25}, {edge, 0, -0.1}, 0.01, 0),
                    box({position, 0, -0.1}, {0.25, 0.1, 0.12}, 0, 1), capsule(hinge, tip, 0.05, 2),
                    sphere(hinge, 0.03, 0)},
          .target = {0, 0, 0.4},
          .radius = 1.5,
          .flat = true,
          .step_seconds = kTimeStep};
}

Entry cart_pole_entry() {
  return {"CartPole-v1", [] { return std::make_unique<CartPole>(); }};
}

}  // namespace saccade::envs
