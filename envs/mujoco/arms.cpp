#include "envs/mujoco/arms.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/rng.h"
#include "envs/mujoco/env.h"

namespace saccade::envs {

namespace {

Point operator-(const Point& a, const Point& b) { return {a[0] - b[0], a[1] - b[1], a[2] - b[2]}; }
double norm(std::span<const double> v) { return std::sqrt(squared_norm(v)); }

/// v4 pays for the positions from before the physics of a step, v5 for those after it.
class Arm : public MujocoEnv {
 protected:
  Arm(const MujocoTask& task, bool v4) : MujocoEnv(task), v4_(v4) {}

  /// The reward at the present positions, and its terms.
  virtual StepResult pay(std::span<const double> action) const = 0;

  Point position(int body) const {
    const double* p = simulation().data().xpos + 3 * body;
    return {p[0], p[1], p[2]};
  }

  bool is_v4() const { return v4_; }

 private:
  void before_step(std::span<const double> action) final {
    if (v4_) before_ = pay(action);
  }
  StepResult evaluate(std::span<const double> action) const final { return v4_ ? before_ : pay(action); }

  bool v4_;
  StepResult before_;
};

/// reward = -|fingertip - target| - |action|^2
class Reacher final : public Arm {
 public:
  Reacher(const std::string& id, bool v4)
      : Arm({.id = id,
             .model = "reacher",
             .frame_skip = 2,
             .max_episode_steps = 50,
             .reward_threshold = -3.75,
             .camera_elevation = 65},
            v4),
        fingertip_(simulation().body("fingertip")),
        target_(simulation().body("target")) {
    check_model(qpos().size() == 4 && qvel().size() == 4, "4 coordinates");
    set_observation_size(v4 ? 11 : 10);
  }

 private:
  // qpos: the two joints, then the target's x and y.
  void draw_start(Rng& rng, std::span<double> qpos, std::span<double> qvel) const override {
    add_uniform(rng, qpos, 0.1);
    const std::span<double> target = qpos.last(2);
    do {
      for (double& coordinate : target) coordinate = rng.uniform(-0.2, 0.2);
    } while (norm(target) >= 0.2);
    add_uniform(rng, qvel.first(2), 0.005);
  }

  StepResult pay(std::span<const double> action) const override {
    const double distance = norm(position(fingertip_) - position(target_)), control = squared_norm(action);
    return {.reward = -distance - control, .terms = {{{"dist", -distance}, {"ctrl", -control}}}};
  }

  void write_observation(Row row) const override {
    for (const double angle : qpos().first(2)) row.add(std::cos(angle));
    for (const double angle : qpos().first(2)) row.add(std::sin(angle));
    row.add(qpos().subspan(2));
    row.add(qvel().first(2));
    const Point gap = position(fingertip_) - position(target_);
    row.add(std::span(gap).first(is_v4() ? 3 : 2));  // v5 leaves out z, always 0
  }

  int fingertip_, target_;
};

/// reward = -|object - goal| - 0.1 |action|^2 - 0.5 |object - tips|
class Pusher final : public Arm {
 public:
  Pusher(const std::string& id, bool v4)
      : Arm({.id = id,
             .model = v4 ? "pusher" : "pusher_v5",
             .frame_skip = 5,
             .max_episode_steps = 100,
             .reward_threshold = 0,
             .camera_elevation = 40},
            v4),
        tips_(simulation().body("tips")),
        object_(simulation().body("object")),
        goal_(simulation().body("goal")) {
    check_model(qpos().size() == 11 && qvel().size() == 11, "11 coordinates");
    set_observation_size(23);
  }

 private:
  // qpos: seven joints, then the object's y and x, and the goal's.
  void draw_start(Rng& rng, std::span<double> qpos, std::span<double> qvel) const override {
    const std::span<double> object = qpos.subspan(7, 2);
    do {
      object[0] = rng.uniform(-0.3, 0);
      object[1] = rng.uniform(-0.2, 0.2);
    } while (norm(object) <= 0.17);
    std::fill(qpos.begin() + 9, qpos.end(), 0.0);
    add_uniform(rng, qvel.first(7), 0.005);
  }

  StepResult pay(std::span<const double> action) const override {
    const double distance = norm(position(object_) - position(goal_)), control = 0.1 * squared_norm(action);
    const double near = 0.5 * norm(position(object_) - position(tips_));
    return {.reward = -distance - control - near,
            .terms = {{{"dist", -distance}, {"ctrl", -control}, {"near", -near}}}};
  }

  void write_observation(Row row) const override {
    row.add(qpos().first(7));
    row.add(qvel().first(7));
    for (const int body : {tips_, object_, goal_}) row.add(position(body));
  }

  int tips_, object_, goal_;
};

}  // namespace

std::unique_ptr<Env> make_arm(const std::string& id) {
  const bool v4 = id.ends_with("-v4");
  if (id.starts_with("Reacher")) return std::make_unique<Reacher>(id, v4);
  if (id.starts_with("Pusher")) return std::make_unique<Pusher>(id, v4);
  return nullptr;
}

}  // namespace saccade::envs
