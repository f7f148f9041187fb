// Q-learning and soft Q-learning: what solve.h computes from the table, learned from experience alone.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/rng.h"
#include "envs/env.h"

namespace saccade::rl {

struct QLearningConfig {
  double gamma = 0.99;
  double alpha = 0;      // the temperature; 0 is Q-learning
  double epsilon = 0.1;  // the probability of an action at random while learning
};

class QLearning {
 public:
  /// Throws ConfigError for numbers out of range.
  QLearning(std::int64_t states, std::int64_t actions, const QLearningConfig& config);

  /// With V(s') = max_a Q(s', a), or alpha log sum_a exp(Q(s', a) / alpha),
  ///
  ///     Q(s, a) <- Q(s, a) + eta (r + gamma (1 - d) V(s') - Q(s, a))
  ///
  /// (Watkins & Dayan 1992; Haarnoja et al. 2017). eta = 1 / (1 + (1 - gamma) n) at the n-th visit of s and
  /// a, which goes to the limit about as fast as any step can (Wainwright, "Stochastic approximation with
  /// cone-contractive operators", 2019).
  void update(std::int64_t state, std::int64_t action, double reward, std::int64_t next, bool terminated);

  /// At random with probability epsilon, else the best action, or for alpha > 0 one drawn with pi = exp((Q -
  /// V) / alpha).
  std::int64_t act(std::int64_t state, Rng& rng) const;

  std::span<const double> q_of(std::int64_t state) const;
  double value(std::int64_t state) const;
  std::int64_t visits(std::int64_t state, std::int64_t action) const;

 private:
  std::size_t entry(std::int64_t state, std::int64_t action) const {
    return static_cast<std::size_t>(state * actions_ + action);
  }
  QLearningConfig config_;
  std::int64_t actions_;
  std::vector<double> q_;
  std::vector<std::int64_t> visits_;
};

/// Takes so many steps, a new episode after the end of each, and learns from every one. Throws ConfigError
/// unless observations and actions are Discrete.
void learn(QLearning& agent, envs::Env& env, std::int64_t steps, Rng& rng);

}  // namespace saccade::rl
