#include "envs/mujoco/env.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "base/error.h"
#include "base/rng.h"
#include "envs/checks.h"

namespace saccade::envs {

namespace {

// No body that still moves like one reaches this. MuJoCo's own bound is 1e10; learning would be ruined
// by numbers far below it.
constexpr double kMaxSane = 1e6;

}  // namespace

void Row::add_clipped(std::span<const double> values, double bound) {
  for (const double value : values) add(std::clamp(value, -bound, bound));
}

MujocoEnv::MujocoEnv(const MujocoTask& task) : MujocoEnv(task, Simulation(task.model)) {}

MujocoEnv::MujocoEnv(const MujocoTask& task, Simulation simulation)
    : task_(task), simulation_(std::move(simulation)) {
  spec_.id = task.id;
  spec_.max_episode_steps = task.max_episode_steps;
  spec_.reward_threshold = task.reward_threshold;
  spec_.fingerprint = simulation_.fingerprint();
  const mjModel& model = simulation_.model();
  check_model(model.nu > 0, "at least one motor");
  Box action;
  for (int i = 0; i < model.nu; ++i) {
    if (!model.actuator_ctrllimited[i]) {
      const char* name = mj_id2name(&model, mjOBJ_ACTUATOR, i);
      throw FormatError(fmt::format("{}: motor {}{} has no ctrlrange, but {} expects one: an action's bounds",
                                    simulation_.file(), i, name == nullptr ? "" : fmt::format(" ({})", name),
                                    task_.id));
    }
    // In float32, as Gymnasium keeps them.
    action.low.push_back(static_cast<float>(model.actuator_ctrlrange[2 * i]));
    action.high.push_back(static_cast<float>(model.actuator_ctrlrange[2 * i + 1]));
  }
  spec_.action_space = std::move(action);
}

void MujocoEnv::check_model(bool fits, const char* expected) const {
  if (fits) return;
  const mjModel& model = simulation_.model();
  throw FormatError(fmt::format("{}: it has {} coordinates, {} velocities and {} motors, but {} expects {}",
                                simulation_.file(), model.nq, model.nv, model.nu, task_.id, expected));
}

void MujocoEnv::set_observation_size(std::size_t size) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  spec_.observation_space = Box{std::vector<double>(size, -infinity), std::vector<double>(size, infinity)};
}

void MujocoEnv::set_details(std::vector<std::string> details) { spec_.details = std::move(details); }

void MujocoEnv::reset(Rng& rng, std::span<double> observation) {
  check_observation(spec_, observation);
  simulation_.reset();
  draw_start(rng, simulation_.qpos(), simulation_.qvel());
  simulation_.forward();
  write_observation(Row(observation));
}

StepResult MujocoEnv::step(std::span<const double> action, std::span<double> observation) {
  check_action(spec_, action);
  check_observation(spec_, observation);
  before_step(action);
  bool sane = simulation_.advance(action, task_.frame_skip, task_.contact_forces);
  StepResult result;
  if (sane) {
    result = evaluate(action);
    write_observation(Row(observation));
    const auto is_sane = [](double x) { return std::abs(x) <= kMaxSane; };  // not NaN either
    sane = is_sane(result.reward) && std::all_of(observation.begin(), observation.end(), is_sane);
  }
  if (!sane) {
    simulation_.reset();
    simulation_.forward();
    write_observation(Row(observation));
    result = {.diverged = true};
  }
  return result;
}

void MujocoEnv::set_state(std::span<const double> state) {
  const std::size_t beginning = 1 + qpos().size() + qvel().size();
  const bool is_beginning = state.size() == beginning;
  check_state(spec_, state, is_beginning ? beginning : simulation_.state_size());
  simulation_.reset();
  simulation_.set_state(state);
  if (is_beginning) simulation_.forward();
}

void MujocoEnv::observe(std::span<double> observation) const {
  check_observation(spec_, observation);
  write_observation(Row(observation));
}

Scene MujocoEnv::scene() const {
  if (!geoms_) geoms_ = std::make_unique<Geoms>(simulation_.model());
  Scene scene = geoms_->scene(qpos().data());
  scene.elevation = task_.camera_elevation;
  scene.step_seconds = step_seconds();
  return scene;
}

double squared_norm(std::span<const double> values) {
  double sum = 0;
  for (const double value : values) sum += value * value;
  return sum;
}

void add_uniform(Rng& rng, std::span<double> values, double scale) {
  for (double& value : values) value += rng.uniform(-scale, scale);
}

void add_normal(Rng& rng, std::span<double> values, double scale) {
  for (double& value : values) value += scale * rng.normal();
}

}  // namespace saccade::envs
