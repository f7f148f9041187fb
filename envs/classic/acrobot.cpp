#include "envs/classic/acrobot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/rng.h"
#include "envs/checks.h"
#include "envs/registry.h"

namespace saccade::envs {

namespace {

using std::numbers::pi;
using State = std::array<double, 4>;

// The equations of motion of Sutton and Barto, "Reinforcement Learning: An Introduction", in Gymnasium's
// order of operations.
State derivative(const State& state, double torque) {
  constexpr double m = Acrobot::kMass, l = Acrobot::kLength, c = Acrobot::kMassCentre;
  constexpr double inertia = Acrobot::kInertia, g = Acrobot::kGravity;
  const auto& [angle1, angle2, speed1, speed2] = state;
  const double cosine2 = std::cos(angle2), sine2 = std::sin(angle2);

  const double d1 = m * (c * c) + m * (l * l + c * c + 2 * l * c * cosine2) + inertia + inertia;
  const double d2 = m * (c * c + l * c * cosine2) + inertia;
  const double phi2 = m * c * g * std::cos(angle1 + angle2 - pi / 2);
  const double phi1 = -m * l * c * (speed2 * speed2) * sine2 - 2 * m * l * c * speed2 * speed1 * sine2 +
                      (m * c + m * l) * g * std::cos(angle1 - pi / 2) + phi2;
  const double acceleration2 = (torque + d2 / d1 * phi1 - m * l * c * (speed1 * speed1) * sine2 - phi2) /
                               (m * (c * c) + inertia - d2 * d2 / d1);
  const double acceleration1 = -(d2 * acceleration2 + phi1) / d1;
  return {speed1, speed2, acceleration1, acceleration2};
}

State moved(const State& from, double seconds, const State& slope) {
  State to = from;
  for (std::size_t i = 0; i < to.size(); ++i) to[i] += seconds * slope[i];
  return to;
}

// One step of the fourth-order Runge-Kutta method under a constant torque.
State integrated(const State& start, double torque, double seconds) {
  const State k1 = derivative(start, torque);
  const State k2 = derivative(moved(start, seconds / 2, k1), torque);
  const State k3 = derivative(moved(start, seconds / 2, k2), torque);
  const State k4 = derivative(moved(start, seconds, k3), torque);
  State slope;
  for (std::size_t i = 0; i < slope.size(); ++i) slope[i] = k1[i] + 2 * k2[i] + 2 * k3[i] + k4[i];
  return moved(start, seconds / 6, slope);
}

double wrapped(double angle) {
  while (angle > pi) angle -= 2 * pi;
  while (angle < -pi) angle += 2 * pi;
  return angle;
}

}  // namespace

const Spec& Acrobot::spec() const {
  constexpr auto speed1 = static_cast<float>(kMaxSpeed1), speed2 = static_cast<float>(kMaxSpeed2);
  static const Spec spec = {
      .id = "Acrobot-v1",
      .observation_space =
          Box{.low = {-1, -1, -1, -1, -speed1, -speed2}, .high = {1, 1, 1, 1, speed1, speed2}},
      .action_space = Discrete{static_cast<std::int64_t>(kTorques.size())},
      .max_episode_steps = kMaxEpisodeSteps,
      .reward_threshold = -100,
  };
  return spec;
}

void Acrobot::reset(Rng& rng, std::span<double> observation) {
  check_observation(spec(), observation);
  for (double& coordinate : state_) coordinate = static_cast<float>(rng.uniform(-0.1, 0.1));  // as Gymnasium
  observe(observation);
}

StepResult Acrobot::step(std::span<const double> action, std::span<double> observation) {
  check_action(spec(), action);
  check_observation(spec(), observation);
  state_ = integrated(state_, kTorques[static_cast<std::size_t>(action[0])], kTimeStep);
  auto& [angle1, angle2, speed1, speed2] = state_;
  angle1 = wrapped(angle1);
  angle2 = wrapped(angle2);
  speed1 = std::clamp(speed1, -kMaxSpeed1, kMaxSpeed1);
  speed2 = std::clamp(speed2, -kMaxSpeed2, kMaxSpeed2);

  const bool is_up = -std::cos(angle1) - std::cos(angle2 + angle1) > 1;
  observe(observation);
  return {.reward = is_up ? 0.0 : -1.0, .terminated = is_up};
}

void Acrobot::set_state(std::span<const double> state) {
  check_state(spec(), state, state_.size());
  for (const double angle : state.first(2)) {
    if (-pi <= angle && angle <= pi) continue;
    throw Error(fmt::format("{}: a state with an angle of {} was given, but -pi to pi is expected", spec().id,
                            angle));
  }
  std::copy(state.begin(), state.end(), state_.begin());
}

void Acrobot::observe(std::span<double> observation) const {
  check_observation(spec(), observation);
  const auto& [angle1, angle2, speed1, speed2] = state_;
  observation[0] = static_cast<float>(std::cos(angle1));
  observation[1] = static_cast<float>(std::sin(angle1));
  observation[2] = static_cast<float>(std::cos(angle2));
  observation[3] = static_cast<float>(std::sin(angle2));
  observation[4] = static_cast<float>(speed1);
  observation[5] = static_cast<float>(speed2);
}

Scene Acrobot::scene() const {
  const double angle1 = state_[0], angle2 = state_[0] + state_[1];
  const Point fixed = {0, 0, 0};
  const Point middle = {kLength * std::sin(angle1), 0, -kLength * std::cos(angle1)};
  const Point free = {middle[0] + kLength * std::sin(angle2), 0, middle[2] - kLength * std::cos(angle2)};
  return {.geoms = {capsule({-2.2, 0, kLength}, {2.2, 0, kLength}, 0.01, 0),  // what the free end must pass
                    capsule(fixed, middle, 0.09, 1), capsule(middle, free, 0.09, 2), sphere(fixed, 0.05, 0),
                    sphere(middle, 0.05, 0)},
          .radius = 2.2,
          .flat = true,
          .step_seconds = kTimeStep};
}

Entry acrobot_entry() {
  return {"Acrobot-v1", [] { return std::make_unique<Acrobot>(); }};
}

}  // namespace saccade::envs
