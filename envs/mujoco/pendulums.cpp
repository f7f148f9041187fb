#include "envs/mujoco/pendulums.h"

#include <cmath>

#include "base/rng.h"
#include "envs/mujoco/env.h"

namespace saccade::envs {

namespace {

double square(double x) { return x * x; }

/// reward = 1, until the pole leans by more than 0.2 rad; v4 pays it in that step too.
class InvertedPendulum final : public MujocoEnv {
 public:
  InvertedPendulum(const std::string& id, bool v4)
      : MujocoEnv({.id = id, .model = "inverted_pendulum", .frame_skip = 2, .reward_threshold = 950}),
        v4_(v4) {
    check_model(qpos().size() == 2 && qvel().size() == 2, "2 coordinates");
    set_observation_size(4);
  }

 private:
  void draw_start(Rng& rng, std::span<double> qpos, std::span<double> qvel) const override {
    add_uniform(rng, qpos, 0.01);
    add_uniform(rng, qvel, 0.01);
  }

  StepResult evaluate(std::span<const double>) const override {
    const bool fallen = std::abs(qpos()[1]) > 0.2;
    return {.reward = fallen && !v4_ ? 0.0 : 1.0, .terminated = fallen};
  }

  void write_observation(Row row) const override {
    row.add(qpos());
    row.add(qvel());
  }

  bool v4_;
};

/// reward = 10 - 0.01 x^2 - (y - 2)^2 - 0.001 v1^2 - 0.005 v2^2
///
/// with the upper pole's tip at (x, y) and the poles' angular velocities v1 and v2. Ends when y falls to 1;
/// v5 then leaves out the 10.
class InvertedDoublePendulum final : public MujocoEnv {
 public:
  InvertedDoublePendulum(const std::string& id, bool v4)
      : MujocoEnv({.id = id, .model = "inverted_double_pendulum", .frame_skip = 5, .reward_threshold = 9100}),
        v4_(v4),
        tip_(simulation().site("tip")) {
    check_model(qpos().size() == 3 && qvel().size() == 3, "3 coordinates");
    set_observation_size(v4 ? 11 : 9);
  }

 private:
  void draw_start(Rng& rng, std::span<double> qpos, std::span<double> qvel) const override {
    add_uniform(rng, qpos, 0.1);
    add_normal(rng, qvel, 0.1);
  }

  StepResult evaluate(std::span<const double>) const override {
    const double x = simulation().data().site_xpos[3 * tip_];
    const double y = simulation().data().site_xpos[3 * tip_ + 2];
    const bool fallen = y <= 1;
    const double alive = fallen && !v4_ ? 0 : 10;
    const double distance_cost = 0.01 * square(x) + square(y - 2);
    const double velocity_cost = 1e-3 * square(qvel()[1]) + 5e-3 * square(qvel()[2]);
    return {.reward = alive - distance_cost - velocity_cost,
            .terminated = fallen,
            .terms = {{{"survive", alive}, {"distance", -distance_cost}, {"velocity", -velocity_cost}}}};
  }

  void write_observation(Row row) const override {
    row.add(qpos()[0]);
    for (const double angle : qpos().subspan(1)) row.add(std::sin(angle));
    for (const double angle : qpos().subspan(1)) row.add(std::cos(angle));
    row.add_clipped(qvel(), 10);
    // The force of the cart's end stops; v4 also observes those of the hinges, which have none.
    const std::span<const double> constraint_forces(simulation().data().qfrc_constraint, qvel().size());
    row.add_clipped(v4_ ? constraint_forces : constraint_forces.first(1), 10);
  }

  bool v4_;
  int tip_;
};

}  // namespace

std::unique_ptr<Env> make_pole(const std::string& id) {
  const bool v4 = id.ends_with("-v4");
  if (id.starts_with("InvertedPendulum")) return std::make_unique<InvertedPendulum>(id, v4);
  if (id.starts_with("InvertedDoublePendulum")) return std::make_unique<InvertedDoublePendulum>(id, v4);
  return nullptr;
}

}  // namespace saccade::envs
