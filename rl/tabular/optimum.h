// The optimum at one temperature, and what comes of it where episodes begin.
#pragma once

#include <cstdint>
#include <vector>

#include "rl/tabular/solve.h"

namespace saccade::rl {

struct Optimum {
  double alpha = 0;
  Solution solution = {};
  double value = 0;                      // V, which holds alpha times the entropy of all steps
  double reward = 0;                     // what the same policy earns without that, discounted
  double entropy = 0;                    // mean_entropy
  std::vector<std::int64_t> route = {};  // likeliest_route
};

/// Value iteration, and the numbers above. Throws what value_iteration does.
Optimum optimum(const envs::TransitionTable& table, double gamma, double alpha);

/// What following the most probable actions earns from where episodes begin, discounted, if a step goes in a
/// random direction with probability `slip`: every action then has slip / n of the probability. Throws
/// ConfigError unless slip is from 0 to 1.
double reward_astray(const envs::TransitionTable& table, const Solution& solution, double gamma, double slip);

/// Whether every action has one outcome, so that following the best ones is a walk.
bool is_deterministic(const envs::TransitionTable& table);

}  // namespace saccade::rl
