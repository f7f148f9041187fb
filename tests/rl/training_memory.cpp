// A whole training loop and the pool that its tensors come from.
#include <memory>

#include "autograd/pool.h"
#include "envs/registry.h"
#include "rl/runs/config.h"
#include "rl/runs/parts.h"
#include "rl/training/train.h"
#include "tests/support/catch.h"
#include "tests/support/runs.h"

using namespace saccade;
using namespace saccade::test;

TEST_CASE("training in steady state asks the system for no memory", "[train]") {
  const std::string algorithm = GENERATE("sac", "td3", "ddpg", "redq", "droq", "tqc", "crossq", "sac_v1",
                                         "discrete_sac", "dqn", "soft_q");
  const std::int64_t copies = GENERATE(1, 4);
  INFO(algorithm << ", " << copies << " copies");
  rl::Config config = run_of(algorithm, {{"hidden", {16, 16}},
                                         {"batch_size", 16},
                                         {"buffer_size", 300},
                                         {"learning_starts", 50},
                                         {"steps", 450},
                                         {"eval_every", 150},
                                         {"eval_episodes", 2}})
                          .config;
  config.run.envs = copies;
  rl::update_from_json(config,
                       {{"normalize_obs", copies > 1},
                        {"updates_per_step", 1},
                        {"prioritized", copies > 1},
                        {"n_step", copies > 1 ? 3 : 1}},
                       "test");
  const rl::EnvFactory factory = [&] { return envs::make(config.run.env); };
  const std::unique_ptr<rl::Agent> agent = rl::make_agent(config);
  rl::ReplayOptions options = {.discounts = copies > 1};
  if (copies > 1) options.priority_alpha = 0.6;
  const std::size_t obs_dim = envs::size_of(factory()->spec().observation_space);
  rl::ReplayBuffer buffer(config.off_policy.buffer_size, static_cast<std::int64_t>(obs_dim), 1, options);
  rl::TrainState state(Rng(1), copies);
  std::int64_t warm = 0;
  rl::TrainCallbacks callbacks;
  callbacks.on_step = [&](const rl::TrainState& s, const rl::Metrics&) {
    if (s.step == 100) warm = pool::system_allocations();
  };
  rl::train(config.run, config.off_policy, factory, *agent, buffer, state, callbacks);
  CHECK(warm > 0);
#if !defined(__SANITIZE_ADDRESS__)  // for which the pool keeps nothing
  CHECK(pool::system_allocations() == warm);
#endif
}
