// Training where the simulation breaks down now and then.
#include <memory>
#include <nlohmann/json.hpp>

#include "envs/env.h"
#include "envs/time_limit.h"
#include "rl/algorithms/sac.h"
#include "rl/training/checkpoint.h"
#include "rl/training/train.h"
#include "tests/support/catch.h"
#include "tests/support/command.h"

using namespace saccade;

namespace {

// Diverges in every seventh step; all other rewards are 1.
class Fragile final : public envs::Env {
 public:
  const envs::Spec& spec() const override {
    static const envs::Spec spec = {.id = "Fragile-v0",
                                    .observation_space = envs::Box{.low = {0}, .high = {1}},
                                    .action_space = envs::Box{.low = {-1}, .high = {1}},
                                    .max_episode_steps = 100};
    return spec;
  }
  void reset(Rng&, std::span<double> observation) override {
    steps_ = 0;
    observe(observation);
  }
  envs::StepResult step(std::span<const double>, std::span<double> observation) override {
    observe(observation);
    if (++steps_ == 7) return {.diverged = true};
    return {.reward = 1};
  }
  std::vector<double> state() const override { return {steps_}; }
  void set_state(std::span<const double> state) override { steps_ = state[0]; }
  void observe(std::span<double> observation) const override { observation[0] = 0.5; }

 private:
  double steps_ = 0;
};

}  // namespace

TEST_CASE("a step that diverged ends its episode, is counted, and is not learnt from", "[train]") {
  const rl::RunConfig run = {.steps = 70};
  const rl::OffPolicyConfig config = {.learning_starts = 20, .batch_size = 4, .buffer_size = 100};
  const rl::EnvFactory make = [] { return std::make_unique<envs::TimeLimit>(std::make_unique<Fragile>()); };
  rl::Sac agent({.hidden = {8}}, 1, 1, Rng(1));
  rl::ReplayBuffer buffer(config.buffer_size, 1, 1);
  rl::TrainState state{Rng(1)};
  rl::train(run, config, make, agent, buffer, state);
  CHECK(state.step == 70);
  CHECK(state.episodes == 10);
  CHECK(state.divergences == 10);
  CHECK(buffer.size() == 60);

  const test::TemporaryFolder folder;
  rl::save_checkpoint(folder.path("checkpoint"), agent, buffer, state, {});
  rl::TrainState restored{Rng(2)};
  rl::load_checkpoint(folder.path("checkpoint"), agent, buffer, restored);
  CHECK(restored.divergences == 10);
}
