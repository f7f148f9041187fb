#include "envs/classic/pendulum.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "envs/checks.h"
#include "envs/registry.h"

namespace saccade::envs {

namespace {

using std::numbers::pi;

double square(double x) { return x * x; }

// The same angle in [-pi, pi): Python's (x + pi) % (2 pi) - pi, whose remainder is never negative.
double wrapped(double angle) {
  double remainder = std::fmod(angle + pi, 2 * pi);
  if (remainder < 0) remainder += 2 * pi;
  return remainder - pi;
}

}  // namespace

const Spec& Pendulum::spec() const {
  static const Spec spec = {
      .id = "Pendulum-v1",
      .observation_space = Box{.low = {-1, -1, -kMaxSpeed}, .high = {1, 1, kMaxSpeed}},
      .action_space = Box{.low = {-kMaxTorque}, .high = {kMaxTorque}},
      .max_episode_steps = kMaxEpisodeSteps,
      // Gymnasium has none: this is what a policy gets that swings up at once and stays there, from nearly
      // every start.
      .reward_threshold = -200,
  };
  return spec;
}

void Pendulum::reset(Rng& rng, std::span<double> observation) {
  check_observation(spec(), observation);
  angle_ = rng.uniform(-pi, pi);
  velocity_ = rng.uniform(-1, 1);
  observe(observation);
}

StepResult Pendulum::step(std::span<const double> action, std::span<double> observation) {
  check_action(spec(), action);
  check_observation(spec(), observation);
  const double torque = std::clamp(action[0], -kMaxTorque, kMaxTorque);

  // The cost is that of the state before the step.
  const double cost = square(wrapped(angle_)) + 0.1 * square(velocity_) + 0.001 * square(torque);

  const double acceleration =
      3 * kGravity / (2 * kLength) * std::sin(angle_) + 3 / (kMass * square(kLength)) * torque;
  velocity_ = std::clamp(velocity_ + acceleration * kTimeStep, -kMaxSpeed, kMaxSpeed);
  angle_ += velocity_ * kTimeStep;

  observe(observation);
  return {.reward = -cost};
}

void Pendulum::set_state(std::span<const double> state) {
  check_state(spec(), state, 2);
  angle_ = state[0];
  velocity_ = state[1];
}

void Pendulum::observe(std::span<double> observation) const {
  check_observation(spec(), observation);
  observation[0] = static_cast<float>(std::cos(angle_));
  observation[1] = static_cast<float>(std::sin(angle_));
  observation[2] = static_cast<float>(velocity_);
}

Scene Pendulum::scene() const {
  const Point hinge = {0, 0, 0};
  const Point tip = {-kLength * std::sin(angle_), 0, kLength * std::cos(angle_)};
  return {.geoms = {capsule(hinge, tip, 0.1, 1), sphere(hinge, 0.05, 0)},
          .radius = 1.2,
          .flat = true,
          .step_seconds = kTimeStep};
}

Entry pendulum_entry() {
  return {"Pendulum-v1", [] { return std::make_unique<Pendulum>(); }};
}

}  // namespace saccade::envs
