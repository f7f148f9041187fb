// The training loop, and everything it needs to go on after a stop.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "envs/env.h"
#include "rl/components/replay_buffer.h"
#include "rl/algorithms/sac.h"
#include "rl/components/vector_env.h"

namespace saccade::rl {

/// Where one copy of the environment stands: in its present episode, the return so far and the sums of the
/// updates' metrics.
struct EnvCopy {
  Rng rng;  // of its resets
  std::vector<double> state;
  bool in_episode = false;
  double episode_return = 0;
  std::int64_t episode_length = 0;
  std::int64_t episode_updates = 0;
  UpdateMetrics metric_sums;
};

/// Where a run stands. With the agent and the replay buffer, all that a checkpoint holds.
struct TrainState {
  std::int64_t step = 0;      // transitions: environment steps taken, over all copies
  std::int64_t episodes = 0;  // finished
  std::int64_t updates = 0;
  std::int64_t divergences = 0;  // steps in which the simulation broke down
  bool evaluation_due = false;   // asked for at this step, and not done yet
  std::vector<EnvCopy> copies;
  Rng action_rng, sample_rng, noise_rng;
  std::vector<double> exploration;  // what pink_noise() remembers

  /// For so many copies of the environment. Streams depend on the seed alone.
  explicit TrainState(const Rng& rng, std::int64_t envs = 1);
};

/// A finished episode; metrics are means over its updates.
struct Episode {
  std::int64_t number = 0, length = 0;
  double ret = 0;  // the return: the sum of unscaled rewards
  bool terminated = false;
  std::int64_t updates = 0;
  UpdateMetrics metrics;
};

/// What came of episodes that nothing was learnt from.
struct Evaluation {
  std::vector<double> returns;
  std::vector<std::int64_t> lengths;
  std::int64_t divergences = 0;  // episodes that ended because the simulation broke down
  double mean() const;
  double std() const;  // of the population
  double min() const;
  double max() const;
};

/// What the loop calls, each after the state has been brought up to date; any may be empty.
struct TrainCallbacks {
  std::function<void(const TrainState&, const Episode&)> on_episode = {};
  std::function<void(const TrainState&, const Evaluation&)> on_evaluation = {};
  /// After every round, with the metrics of its last update (those before, while there is none).
  std::function<void(const TrainState&, const UpdateMetrics&)> on_step = {};
  std::function<void(const TrainState&)> on_checkpoint = {};
  /// Asked at every round, and at evaluations' every step; true ends training. An evaluation cut short is
  /// done again by the next call.
  std::function<bool()> should_stop = {};
};

/// The step that a run ends at: config.steps, or the next multiple of config.envs.
std::int64_t last_step(const Config& config);

/// Trains until state.step reaches last_step(config), or until asked to stop; state.step tells which. Each
/// round steps every copy of the environment once, and then makes as many updates as the steps ask for;
/// stops, evaluations and checkpoints come between rounds. Deterministic: what follows depends only on config
/// and state, not on where earlier calls stopped, nor on the number of threads. ConfigError where state is
/// not one of config.envs copies.
void train(const Config& config, const EnvFactory& make_env, Sac& agent, ReplayBuffer& buffer,
           TrainState& state, const TrainCallbacks& callbacks = {});

/// Writes an action of the environment's, for an observation.
using Act = std::function<void(std::span<const double> obs, std::span<double> action)>;

/// Runs `episodes` episodes. `should_stop`, if given, is asked at every step; true leaves the episode at hand
/// and those to come out of the result.
Evaluation run_episodes(envs::Env& env, const Act& act, std::int64_t episodes, Rng rng,
                        const std::function<bool()>& should_stop = {});

/// The same with the deterministic policy, in a fresh environment.
Evaluation evaluate(const EnvFactory& make_env, const Sac& agent, std::int64_t episodes, Rng rng,
                    const std::function<bool()>& should_stop = {});

}  // namespace saccade::rl
