// A task of your own: a unit mass on a track with a stop at each end, which a force of at most 1 is to bring
// to rest in the middle. The program is the saccade command with this environment added.
#include <algorithm>
#include <cmath>

#include "envs/checks.h"
#include "envs/registry.h"
#include "tools/cli/command_line.h"

using namespace saccade;

class DoubleIntegrator : public envs::Env {
 public:
  const envs::Spec& spec() const override {
    static const envs::Spec spec = {
        .id = "DoubleIntegrator-v0",
        .observation_space = envs::Box{.low = {-2, -3}, .high = {2, 3}},  // position, velocity
        .action_space = envs::Box{.low = {-1}, .high = {1}},              // force
        .max_episode_steps = 100};
    return spec;
  }
  void reset(Rng& rng, std::span<double> observation) override {
    x_ = rng.uniform(-1, 1), v_ = rng.uniform(-1, 1);
    observe(observation);
  }
  envs::StepResult step(std::span<const double> action, std::span<double> observation) override {
    envs::check_action(spec(), action);
    const double force = std::clamp(action[0], -1.0, 1.0);
    v_ += 0.1 * force, x_ += 0.1 * v_;
    if (std::abs(x_) > 2) x_ = std::copysign(2, x_), v_ = 0;
    observe(observation);
    return {.reward = -x_ * x_ - 0.1 * v_ * v_ - 0.01 * force * force};
  }
  void observe(std::span<double> observation) const override {
    envs::check_observation(spec(), observation);
    observation[0] = x_, observation[1] = v_;
  }
  std::vector<double> state() const override { return {x_, v_}; }
  void set_state(std::span<const double> state) override {
    envs::check_state(spec(), state, 2);
    x_ = state[0], v_ = state[1];
  }
  envs::Scene scene() const override {
    return {.geoms = {envs::capsule({-2.2, 0, -0.2}, {2.2, 0, -0.2}, 0.02, 0),  // the track
                      envs::capsule({0, 0, -0.4}, {0, 0, -0.25}, 0.02, 2),      // its middle
                      envs::box({x_, 0, 0}, {0.2, 0.2, 0.15}, 0, 1)},
            .radius = 1.3,
            .flat = true,
            .step_seconds = 0.1};
  }

 private:
  double x_ = 0, v_ = 0;
};

int main(int argc, char** argv) {
  envs::add("DoubleIntegrator-v0", [] { return std::make_unique<DoubleIntegrator>(); });
  return cli::run_command_line(argc, argv);
}
