#include "envs/mujoco/locomotion.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace saccade::envs {

namespace {

class Locomotion final : public MujocoEnv {
 public:
  explicit Locomotion(LocomotionTask task) : MujocoEnv(task.task), task_(std::move(task)) {
    const mjModel& model = simulation().model();
    const bool is_free = task_.height == 2;
    check_model(model.nq >= (is_free ? 7 : 3) && model.nv >= (is_free ? 6 : 3),
                is_free ? "a free joint first" : "three joints of the root first");
    if (task_.forward == LocomotionTask::Forward::kTorso) torso_ = simulation().body("torso");
    for (int i = 0; i < model.nbody; ++i) total_mass_ += model.body_mass[i];
    std::size_t size = qpos().size() - task_.skipped_qpos + qvel().size();
    if (task_.observes_inertia) size += inertia().size() + velocities().size() + actuator_forces().size();
    if (task_.observes_contact_forces) size += contact_forces().size();
    set_observation_size(size);
  }

 private:
  void draw_start(Rng& rng, std::span<double> qpos, std::span<double> qvel) const override {
    add_uniform(rng, qpos, task_.reset_noise);
    (task_.normal_velocities ? add_normal : add_uniform)(rng, qvel, task_.reset_noise);
  }

  void before_step(std::span<const double>) override { x_before_ = x(); }

  StepResult evaluate(std::span<const double> action) const override {
    const double forward_reward = task_.forward_weight * ((x() - x_before_) / step_seconds());
    const bool healthy = is_healthy();
    const double healthy_reward = healthy || task_.paid_when_unhealthy ? task_.healthy_reward : 0;
    const double control_cost = task_.control_weight * squared_norm(action), contacts = contact_cost();
    StepResult result = {.reward = forward_reward + healthy_reward - (control_cost + contacts),
                         .terminated = task_.terminates && !healthy,
                         .terms = {{{"forward", forward_reward}, {"ctrl", -control_cost}}}};
    if (task_.healthy_reward != 0) result.terms[2] = {"survive", healthy_reward};
    if (task_.contact_weight != 0) result.terms[3] = {"contact", -contacts};
    return result;
  }

  void write_observation(Row row) const override {
    row.add(qpos().subspan(task_.skipped_qpos));
    row.add_clipped(qvel(), task_.velocity_bound);
    if (task_.observes_inertia) {
      row.add(inertia());
      row.add(velocities());
      row.add(actuator_forces());
    }
    if (task_.observes_contact_forces) {
      for (const double force : contact_forces()) row.add(clip(force, task_.contact_force));
    }
  }

  double x() const {
    const mjModel& model = simulation().model();
    const mjData& data = simulation().data();
    switch (task_.forward) {
      case LocomotionTask::Forward::kTorso:
        return data.xpos[3 * torso_];
      case LocomotionTask::Forward::kCentreOfMass: {
        double sum = 0;
        for (int i = 0; i < model.nbody; ++i) sum += model.body_mass[i] * data.xipos[3 * i];
        return sum / total_mass_;
      }
      default:
        return qpos()[0];
    }
  }

  bool is_inside(double value, const Range& range) const {
    return task_.ends_are_healthy ? range.low <= value && value <= range.high
                                  : range.low < value && value < range.high;
  }

  bool is_healthy() const {
    const auto is_healthy_state = [&](double value) { return is_inside(value, task_.healthy_state); };
    return is_inside(qpos()[task_.height], task_.healthy_height) &&
           is_inside(qpos()[2], task_.healthy_pitch) &&
           std::all_of(qpos().begin() + 2, qpos().end(), is_healthy_state) &&
           std::all_of(qvel().begin(), qvel().end(), is_healthy_state);
  }

  static double clip(double value, const Range& range) { return std::clamp(value, range.low, range.high); }

  double contact_cost() const {
    if (task_.contact_weight == 0) return 0;
    double sum = 0;
    for (const double force : contact_forces()) {
      const double clipped = clip(force, task_.contact_force);
      sum += clipped * clipped;
    }
    return clip(task_.contact_weight * sum, task_.contact_cost);
  }

  // Rows of a number for each body, the first of which is the world's.
  std::span<const double> per_body(const mjtNum* rows, std::size_t width) const {
    const std::span all(rows, width * static_cast<std::size_t>(simulation().model().nbody));
    return task_.observes_constants ? all : all.subspan(width);
  }
  std::span<const double> inertia() const { return per_body(simulation().data().cinert, 10); }
  std::span<const double> velocities() const { return per_body(simulation().data().cvel, 6); }
  std::span<const double> contact_forces() const { return per_body(simulation().data().cfrc_ext, 6); }
  std::span<const double> actuator_forces() const {
    const std::span all(simulation().data().qfrc_actuator, qvel().size());
    return task_.observes_constants ? all : all.subspan(6);  // no motor acts on the six of a free root
  }

  LocomotionTask task_;
  int torso_ = 0;
  double total_mass_ = 0;
  double x_before_ = 0;
};

using enum LocomotionTask::Forward;

LocomotionTask half_cheetah(const std::string& id) {
  return {.task = {.id = id, .model = "half_cheetah", .frame_skip = 5, .reward_threshold = 4800},
          .control_weight = 0.1,
          .reset_noise = 0.1,
          .normal_velocities = true};
}

LocomotionTask swimmer(const std::string& id) {
  return {.task = {.id = id,
                   .model = "swimmer",
                   .frame_skip = 4,
                   .reward_threshold = 360,
                   .camera_elevation = 50},
          .control_weight = 1e-4,
          .reset_noise = 0.1,
          .skipped_qpos = 2};
}

LocomotionTask hopper(const std::string& id, bool v4) {
  return {.task = {.id = id, .model = "hopper", .frame_skip = 4, .reward_threshold = 3800},
          .control_weight = 1e-3,
          .healthy_reward = 1,
          .paid_when_unhealthy = v4,
          .terminates = true,
          .height = 1,
          .healthy_height = {.low = 0.7},
          .healthy_pitch = {-0.2, 0.2},
          .healthy_state = {-100, 100},
          .reset_noise = 5e-3,
          .velocity_bound = 10};
}

LocomotionTask walker2d(const std::string& id, bool v4) {
  return {.task = {.id = id, .model = v4 ? "walker2d" : "walker2d_v5", .frame_skip = 4},
          .control_weight = 1e-3,
          .healthy_reward = 1,
          .paid_when_unhealthy = v4,
          .terminates = true,
          .height = 1,
          .healthy_height = {0.8, 2},
          .healthy_pitch = {-1, 1},
          .reset_noise = 5e-3,
          .velocity_bound = 10};
}

LocomotionTask ant(const std::string& id, bool v4) {
  return {
      .task = {.id = id, .model = "ant", .frame_skip = 5, .reward_threshold = 6000, .contact_forces = !v4},
      .control_weight = 0.5,
      .forward = kTorso,
      .healthy_reward = 1,
      .paid_when_unhealthy = v4,
      .terminates = true,
      .ends_are_healthy = true,
      .height = 2,
      .healthy_height = {0.2, 1},
      .contact_weight = v4 ? 0 : 5e-4,
      .contact_force = {-1, 1},
      .reset_noise = 0.1,
      .normal_velocities = true,
      .skipped_qpos = 2,
      .observes_contact_forces = !v4,
      .observes_constants = v4};
}

LocomotionTask humanoid(const std::string& id, bool v4) {
  return {.task = {.id = id, .model = "humanoid", .frame_skip = 5, .contact_forces = true},
          .forward_weight = 1.25,
          .control_weight = 0.1,
          .forward = kCentreOfMass,
          .healthy_reward = 5,
          .paid_when_unhealthy = v4,
          .terminates = true,
          .height = 2,
          .healthy_height = {1, 2},
          .contact_weight = v4 ? 0 : 5e-7,
          .contact_cost = {.high = 10},
          .reset_noise = 1e-2,
          .skipped_qpos = 2,
          .observes_inertia = true,
          .observes_contact_forces = true,
          .observes_constants = v4};
}

}  // namespace

std::unique_ptr<Env> make_locomotion(const std::string& id) {
  const auto make = [](LocomotionTask task) { return std::make_unique<Locomotion>(std::move(task)); };
  const bool v4 = id.ends_with("-v4");
  if (id.starts_with("HalfCheetah")) return make(half_cheetah(id));
  if (id.starts_with("Hopper")) return make(hopper(id, v4));
  if (id.starts_with("Walker2d")) return make(walker2d(id, v4));
  if (id.starts_with("Swimmer")) return make(swimmer(id));
  if (id.starts_with("Ant")) return make(ant(id, v4));
  if (id.starts_with("Humanoid")) return make(humanoid(id, v4));
  return nullptr;
}

}  // namespace saccade::envs
