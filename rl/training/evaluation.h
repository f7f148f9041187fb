// Episodes that nothing is learnt from.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/rng.h"
#include "envs/env.h"
#include "rl/agent.h"
#include "rl/components/vector_env.h"

namespace saccade::rl {

/// The outcome of a number of episodes.
struct Evaluation {
  std::vector<double> returns;
  std::vector<std::int64_t> lengths;
  std::int64_t divergences = 0;  // episodes that ended because the simulation broke down
  double mean() const;
  double std() const;  // of the population
  double min() const;
  double max() const;
};

/// Writes an action of the environment's, for an observation.
using Act = std::function<void(std::span<const double> obs, std::span<double> action)>;

/// Runs `episodes` episodes. `should_stop`, if given, is asked at every step; true leaves the episode at hand
/// and those to come out of the result.
Evaluation run_episodes(envs::Env& env, const Act& act, std::int64_t episodes, Rng rng,
                        const std::function<bool()>& should_stop = {});

/// The same with the agent's best actions, in a fresh environment.
Evaluation evaluate(const EnvFactory& make_env, const Agent& agent, std::int64_t episodes, Rng rng,
                    const std::function<bool()>& should_stop = {});

}  // namespace saccade::rl
