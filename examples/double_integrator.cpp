// A task of your own: a unit mass on a line, which a force of at most 1 is to bring to rest at 0.
#include <iostream>

#include "envs/registry.h"
#include "rl/train.h"

using namespace saccade;

class DoubleIntegrator final : public envs::Env {
 public:
  const envs::Spec& spec() const override {
    static const envs::Spec spec = {.id = "DoubleIntegrator-v0",
                                    .observation = {.low = {-10, -10}, .high = {10, 10}},
                                    .action = {.low = {-1}, .high = {1}},
                                    .max_episode_steps = 100};
    return spec;
  }
  void reset(Rng& rng, std::span<double> observation) override {
    x_ = rng.uniform(-1, 1), v_ = rng.uniform(-1, 1);
    observe(observation);
  }
  envs::Transition step(std::span<const double> action, std::span<double> observation) override {
    v_ += 0.1 * action[0], x_ += 0.1 * v_;
    observe(observation);
    return {.reward = -x_ * x_ - 0.1 * v_ * v_ - 0.01 * action[0] * action[0]};
  }
  void observe(std::span<double> observation) const override { observation[0] = x_, observation[1] = v_; }
  std::vector<double> state() const override { return {x_, v_}; }
  void set_state(std::span<const double> state) override { x_ = state[0], v_ = state[1]; }

 private:
  double x_ = 0, v_ = 0;
};

int main() {
  envs::add("DoubleIntegrator-v0", [] { return std::make_unique<DoubleIntegrator>(); });
  rl::Config config = rl::config_for("pendulum");  // small networks, which learn fast
  config.env = "DoubleIntegrator-v0";
  config.steps = 3'000;
  rl::Sac agent(config, 2, 1, Rng(1));
  rl::ReplayBuffer buffer(config.buffer_size, 2, 1);
  rl::TrainState state{Rng(1)};
  rl::train(config, [&] { return envs::make(config.env); }, agent, buffer, state,
            {.on_evaluation = [](const rl::TrainState& s, const rl::Evaluation& e) {
              std::cout << "step " << s.step << ": return " << e.mean() << '\n';
            }});
}
