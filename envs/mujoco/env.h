// The part that all MuJoCo tasks share.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "envs/env.h"
#include "envs/mujoco/geoms.h"
#include "envs/mujoco/simulation.h"

namespace saccade::envs {

/// The facts of a task that are no part of its equations.
struct MujocoTask {
  std::string id;     // "Ant-v5"
  std::string model;  // "ant"
  int frame_skip = 1;
  std::int64_t max_episode_steps = 1000;
  std::optional<double> reward_threshold = {};  // as Gymnasium registers it
  bool contact_forces = false;                  // whether the task needs them
  double camera_elevation = 12;                 // in degrees, for those who watch
};

/// Writes an observation, coordinate by coordinate.
class Row {
 public:
  explicit Row(std::span<double> row) : row_(row) {}
  void add(double value) {
    row_[0] = value;
    row_ = row_.subspan(1);
  }
  void add(std::span<const double> values) {
    for (const double value : values) add(value);
  }
  void add_clipped(std::span<const double> values, double bound);

 private:
  std::span<double> row_;
};

/// An environment whose dynamics are a MuJoCo model's. The action is the control of its motors; MuJoCo clips
/// it to their range, but what a task takes for it counts the action as given. A simulation that diverges
/// ends the episode: such a step says so in StepResult::diverged, pays 0, and leaves the model in its initial
/// position, so no observation or reward is ever not finite, or beyond 1e6.
class MujocoEnv : public Env {
 public:
  const Spec& spec() const final { return spec_; }
  void reset(Rng& rng, std::span<double> observation) final;
  StepResult step(std::span<const double> action, std::span<double> observation) final;
  std::vector<double> state() const final { return simulation_.state(); }
  /// Takes what state() gave, or only its beginning: the time, qpos and qvel, from which the rest is
  /// computed, as at the start of an episode.
  void set_state(std::span<const double> state) final;
  void observe(std::span<double> observation) const final;
  Scene scene() const final;

  const MujocoTask& task() const { return task_; }
  const Simulation& simulation() const { return simulation_; }

 protected:
  /// Throws FormatError for a model that cannot be had, has no motor, or one without a range.
  explicit MujocoEnv(const MujocoTask& task);
  /// The same with a model that is not the one of task.model.
  MujocoEnv(const MujocoTask& task, Simulation simulation);

  /// Throws FormatError, saying what was expected, unless a model of the user's own fits the task's
  /// equations.
  void check_model(bool fits, const char* expected) const;
  void set_observation_size(std::size_t size);
  void set_details(std::vector<std::string> details);

  Simulation& simulation() { return simulation_; }
  std::span<const double> qpos() const { return simulation_.qpos(); }
  std::span<const double> qvel() const { return simulation_.qvel(); }
  double step_seconds() const { return simulation_.model().opt.timestep * task_.frame_skip; }

  /// Draws the start of an episode; qpos and qvel hold the model's initial position, at rest.
  virtual void draw_start(Rng& rng, std::span<double> qpos, std::span<double> qvel) const = 0;

  /// Called before the physics of a step, for what the reward takes from there.
  virtual void before_step(std::span<const double>) {}

  /// The reward and end of a step, after its physics.
  virtual StepResult evaluate(std::span<const double> action) const = 0;

  virtual void write_observation(Row row) const = 0;

 private:
  MujocoTask task_;
  Simulation simulation_;
  Spec spec_;
  mutable std::unique_ptr<Geoms> geoms_;  // made when it is first looked at
};

/// The sum of squares.
double squared_norm(std::span<const double> values);

/// Adds noise to every coordinate: uniform on [-scale, scale), or normal with that standard deviation.
void add_uniform(Rng& rng, std::span<double> values, double scale);
void add_normal(Rng& rng, std::span<double> values, double scale);

}  // namespace saccade::envs
