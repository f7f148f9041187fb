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

// A point of the picture: so far from the hinge, at this angle from upright.
Point at(double angle, double distance) {
  return {-distance * std::sin(angle), 0, distance * std::cos(angle)};
}

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
  torque_ = 0;
  observe(observation);
}

StepResult Pendulum::step(std::span<const double> action, std::span<double> observation) {
  check_action(spec(), action);
  check_observation(spec(), observation);
  const double torque = std::clamp(action[0], -kMaxTorque, kMaxTorque);

  // The cost is that of the state before the step.
  const double angle_cost = square(wrapped(angle_)), velocity_cost = 0.1 * square(velocity_);
  const double torque_cost = 0.001 * square(torque);

  const double acceleration =
      3 * kGravity / (2 * kLength) * std::sin(angle_) + 3 / (kMass * square(kLength)) * torque;
  velocity_ = std::clamp(velocity_ + acceleration * kTimeStep, -kMaxSpeed, kMaxSpeed);
  angle_ += velocity_ * kTimeStep;

  observe(observation);
  torque_ = torque;
  return {.reward = -(angle_cost + velocity_cost + torque_cost),
          .terms = {{{"angle", -angle_cost}, {"velocity", -velocity_cost}, {"torque", -torque_cost}}}};
}

void Pendulum::set_state(std::span<const double> state) {
  check_state(spec(), state, 2);
  angle_ = state[0];
  velocity_ = state[1];
  torque_ = 0;
}

void Pendulum::observe(std::span<double> observation) const {
  check_observation(spec(), observation);
  observation[0] = static_cast<float>(std::cos(angle_));
  observation[1] = static_cast<float>(std::sin(angle_));
  observation[2] = static_cast<float>(velocity_);
}

Scene Pendulum::scene() const {
  const Point hinge = {0, 0, 0};
  const Point tip = at(angle_, kLength);
  Scene scene = {.geoms = {capsule(hinge, tip, 0.1, 1), sphere(hinge, 0.05, 0)},
                 .radius = 1.2,
                 .flat = true,
                 .step_seconds = kTimeStep};
  // Where the tip can be, a mark every 30 degrees, the largest of which is the goal.
  for (int i = 0; i < 12; ++i) {
    scene.geoms.push_back(sphere(at(i * pi / 6, 1.12), i == 0 ? 0.03 : 0.012, 0));
  }
  // The torque: beads along an arc that grows with it, the way it turns, the largest in front.
  constexpr int kBeads = 8;
  for (int i = 0; i <= kBeads; ++i) {
    const double along = torque_ / kMaxTorque * (pi / 2) * i / kBeads;
    scene.geoms.push_back(sphere(at(along, 0.35), i == kBeads ? 0.05 : 0.022, 2));
  }
  return scene;
}

Entry pendulum_entry() {
  return {"Pendulum-v1", [] { return std::make_unique<Pendulum>(); }};
}

}  // namespace saccade::envs
