// Where a run stands. With the agent and the replay buffer, all that a checkpoint holds.
#pragma once

#include <cstdint>
#include <vector>

#include "base/rng.h"
#include "rl/metrics.h"

namespace saccade::rl {

/// Where one copy of the environment stands: in its present episode, the return so far and the means of the
/// updates' metrics.
struct EnvCopy {
  Rng rng;  // of its resets
  std::vector<double> state;
  bool in_episode = false;
  double episode_return = 0;
  std::int64_t episode_length = 0;
  std::int64_t episode_updates = 0;
  MetricMeans metrics;
};

struct TrainState {
  std::int64_t step = 0;      // transitions: environment steps taken, over all copies
  std::int64_t episodes = 0;  // finished
  std::int64_t updates = 0;
  std::int64_t divergences = 0;  // steps in which the simulation broke down
  bool evaluation_due = false;   // asked for at this step, and not done yet
  std::vector<EnvCopy> copies;
  Rng action_rng, sample_rng, noise_rng;
  std::vector<double> exploration;  // what the exploration noise remembers
  std::vector<double> n_step;       // what n-step returns wait for

  /// Leaves every episode where it is: what goes on from here begins fresh ones. What waited for their next
  /// steps is lost.
  void leave_episodes();

  /// For so many copies of the environment. Streams depend on the seed alone.
  explicit TrainState(const Rng& rng, std::int64_t envs = 1);
};

}  // namespace saccade::rl
