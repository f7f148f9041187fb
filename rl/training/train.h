// The training loop.
#pragma once

#include <cstdint>
#include <functional>

#include "rl/agent.h"
#include "rl/components/replay_buffer.h"
#include "rl/components/train_state.h"
#include "rl/components/vector_env.h"
#include "rl/config.h"
#include "rl/training/diagnosis.h"
#include "rl/training/evaluation.h"

namespace saccade::rl {

/// A finished episode; metrics are means over its updates.
struct Episode {
  std::int64_t number = 0, length = 0;
  double ret = 0;  // the return: the sum of unscaled rewards
  bool terminated = false;
  std::int64_t updates = 0;
  MetricMeans metrics;
};

/// The loop calls these, each after the state has been brought up to date; any may be empty.
struct TrainCallbacks {
  std::function<void(const TrainState&, const Episode&)> on_episode = {};
  std::function<void(const TrainState&, const Evaluation&)> on_evaluation = {};
  std::function<void(const TrainState&, const Diagnosis&)> on_diagnosis = {};
  /// After every round, with the metrics of the last update so far; empty before the first.
  std::function<void(const TrainState&, const Metrics&)> on_step = {};
  std::function<void(const TrainState&)> on_checkpoint = {};
  /// Asked at every round and at every step of an evaluation; true ends training. The next call of train()
  /// begins an evaluation that was cut short once more.
  std::function<bool()> should_stop = {};
};

/// The transitions of a round: run.envs, of each member of a team.
std::int64_t steps_per_round(const RunConfig& run);

/// The step that a run ends at: run.steps, or the next multiple of steps_per_round().
std::int64_t last_step(const RunConfig& run);

/// Trains until state.step reaches last_step(run), or until asked to stop; state.step tells which. Each
/// round steps every copy of the environment once, and then makes as many updates as the steps ask for;
/// stops, evaluations and checkpoints come between rounds. Deterministic: what follows depends only on the
/// settings and the state, not on where earlier calls stopped, nor on the number of threads. ConfigError
/// if the state has another number of copies than run.envs, or the buffer does not keep what n_step or
/// prioritized need.
///
/// In a team (nn/team.h) all members call this together, each with its own state and buffer and an agent that
/// begins as the others'. Steps, updates and episodes count those of all. Rank 0 alone needs callbacks but
/// for on_checkpoint, which comes to all at once; should_stop is every member's, and one that says so stops
/// all.
void train(const RunConfig& run, const OffPolicyConfig& config, const EnvFactory& make_env, Agent& agent,
           ReplayBuffer& buffer, TrainState& state, const TrainCallbacks& callbacks = {});

/// The same in `copies`; `make_env` is for evaluation and diagnosis alone. If they live elsewhere
/// (envs/guest.h), whatever is thrown while it trains leaves the state between episodes, as one that training
/// can go on from, calls on_checkpoint and is passed on.
void train(const RunConfig& run, const OffPolicyConfig& config, VectorEnv& copies, const EnvFactory& make_env,
           Agent& agent, ReplayBuffer& buffer, TrainState& state, const TrainCallbacks& callbacks = {});

}  // namespace saccade::rl
