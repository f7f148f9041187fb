// What is best in a task with finitely many states, computed from its table: value iteration and its soft
// form, of which SAC's equations are the case of many states and actions.
//
// Notation: p_k, s_k, r_k, d_k the outcomes of action a in state s: probability, next state, reward, and 1 if
// it terminates; gamma the discount, alpha the temperature. Terminal states have Q = V = 0, and no policy
// worth the name: theirs is uniform.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "envs/transition_table.h"

namespace saccade::rl {

/// V = alpha log sum_a exp(Q_a / alpha); for alpha = 0 what that tends to, max_a Q_a.
double soft_value(std::span<const double> q, double alpha);

/// pi_a = exp((Q_a - V) / alpha), and its logarithm; for alpha = 0 all on the first of the largest Q_a.
struct Boltzmann {
  std::vector<double> probabilities, logs;
};
Boltzmann boltzmann(std::span<const double> q, double alpha);

struct Solution {
  std::int64_t states = 0, actions = 0;
  std::vector<double> q = {};           // (states, actions), row by row
  std::vector<double> v = {};           // (states)
  std::vector<double> policy = {};      // (states, actions), probabilities
  std::vector<double> log_policy = {};  // their logarithms; -inf for 0

  std::span<const double> q_of(std::int64_t state) const { return row(q, state); }
  std::span<const double> policy_of(std::int64_t state) const { return row(policy, state); }

 private:
  std::span<const double> row(const std::vector<double>& matrix, std::int64_t state) const {
    return std::span(matrix).subspan(static_cast<std::size_t>(state * actions),
                                     static_cast<std::size_t>(actions));
  }
};

/// Repeats, until V is within `tolerance` of its limit, relative to the largest |V| if that is above 1,
///
///     Q(s, a) = sum_k p_k (r_k + gamma (1 - d_k) V(s_k))        V(s) = soft_value(Q(s, .), alpha)
///
/// alpha = 0 is value iteration (Sutton & Barto 2018, section 4.4), alpha > 0 soft value iteration (Haarnoja
/// et al., "Reinforcement learning with deep energy-based policies", 2017, theorem 3). Throws ConfigError
/// unless 0 <= gamma < 1 and alpha >= 0, and for a table that is none.
Solution value_iteration(const envs::TransitionTable& table, double gamma, double alpha = 0,
                         double tolerance = 1e-11);

/// The Q and V of a given policy, (states, actions), likewise: the same Q and
///
///     V(s) = sum_a pi(a|s) (Q(s, a) - alpha log pi(a|s))
///
/// (Haarnoja et al., "Soft Actor-Critic", 2018, lemma 1). alpha = 0 leaves the rewards alone.
Solution evaluate_policy(const envs::TransitionTable& table, std::span<const double> policy, double gamma,
                         double alpha = 0, double tolerance = 1e-11);

/// The value where episodes begin: sum_s start(s) V(s).
double start_value(const envs::TransitionTable& table, std::span<const double> v);

/// The entropy of a state's policy, in nats, averaged over the states that an episode goes through, each step
/// weighing gamma times as much as the one before it.
double mean_entropy(const envs::TransitionTable& table, const Solution& solution, double gamma);

/// The states that the most probable action's most probable outcome leads through from the likeliest start,
/// up to a terminal one or the first that repeats.
std::vector<std::int64_t> likeliest_route(const envs::TransitionTable& table, const Solution& solution);

}  // namespace saccade::rl
