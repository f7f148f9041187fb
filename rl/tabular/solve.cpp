#include "rl/tabular/solve.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "nn/distributions/entropy.h"

namespace saccade::rl {

namespace {

using envs::Outcome;
using envs::TransitionTable;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

void check_settings(double gamma, double alpha) {
  if (!(0 <= gamma && gamma < 1)) {
    throw ConfigError(fmt::format("gamma is {}; expected a number from 0 to below 1", gamma));
  }
  if (!(0 <= alpha && alpha < kInfinity)) {
    throw ConfigError(fmt::format("alpha is {}; expected a finite number that is at least 0", alpha));
  }
}

// Q(s, a) = sum_k p_k (r_k + gamma (1 - d_k) V(s_k))
double backup(const std::vector<Outcome>& outcomes, const std::vector<double>& v, double gamma) {
  double q = 0;
  for (const Outcome& k : outcomes)
    q += k.probability * (k.reward + (k.terminated ? 0 : gamma * v[index(k.next)]));
  return q;
}

// Backs Q and V up until they stand still; value(s, Q(s, .)) is V(s).
template <class Value>
Solution fixed_point(const TransitionTable& table, double gamma, double tolerance, const Value& value) {
  if (!(tolerance > 0)) throw ConfigError(fmt::format("tolerance is {}, expected more than 0", tolerance));
  const std::vector<bool> terminal = envs::terminal_states(table);
  Solution x{.states = table.states, .actions = table.actions};
  x.q.assign(index(table.states * table.actions), 0);
  x.v.assign(index(table.states), 0);
  std::vector<double> v = x.v;
  for (double error = kInfinity, largest = 0; error > tolerance * std::max(1.0, largest);) {
    double change = 0;
    largest = 0;
    for (std::int64_t s = 0; s < table.states; ++s) {
      if (terminal[index(s)]) continue;
      for (std::int64_t a = 0; a < table.actions; ++a)
        x.q[index(s * table.actions + a)] = backup(table.of(s, a), x.v, gamma);
      v[index(s)] = value(s, x.q_of(s));
      change = std::max(change, std::abs(v[index(s)] - x.v[index(s)]));
      largest = std::max(largest, std::abs(v[index(s)]));
    }
    std::swap(x.v, v);
    // A sweep brings V nearer to its limit by a factor of gamma at least. Below rounding nothing comes
    // nearer.
    error = change <= 4 * std::numeric_limits<double>::epsilon() * largest ? 0 : change * gamma / (1 - gamma);
  }
  return x;
}

}  // namespace

double soft_value(std::span<const double> q, double alpha) {
  const double largest = *std::max_element(q.begin(), q.end());
  if (alpha == 0) return largest;
  double sum = 0;
  for (const double q_a : q) sum += std::exp((q_a - largest) / alpha);
  return largest + alpha * std::log(sum);
}

Boltzmann boltzmann(std::span<const double> q, double alpha) {
  Boltzmann pi;
  const double v = soft_value(q, alpha);
  const auto best = std::max_element(q.begin(), q.end()) - q.begin();
  for (std::size_t a = 0; a < q.size(); ++a) {
    const bool is_best = a == static_cast<std::size_t>(best);
    pi.logs.push_back(alpha > 0 ? (q[a] - v) / alpha : is_best ? 0 : -kInfinity);
    pi.probabilities.push_back(std::exp(pi.logs[a]));
  }
  return pi;
}

Solution value_iteration(const TransitionTable& table, double gamma, double alpha, double tolerance) {
  check_settings(gamma, alpha);
  envs::check_table("value iteration", table);
  Solution x = fixed_point(table, gamma, tolerance,
                           [alpha](std::int64_t, std::span<const double> q) { return soft_value(q, alpha); });
  const std::vector<bool> terminal = envs::terminal_states(table);
  const std::vector<double> indifferent(index(table.actions), 0);
  for (std::int64_t s = 0; s < table.states; ++s) {
    const Boltzmann pi = terminal[index(s)] ? boltzmann(indifferent, 1) : boltzmann(x.q_of(s), alpha);
    x.policy.insert(x.policy.end(), pi.probabilities.begin(), pi.probabilities.end());
    x.log_policy.insert(x.log_policy.end(), pi.logs.begin(), pi.logs.end());
  }
  return x;
}

Solution evaluate_policy(const TransitionTable& table, std::span<const double> policy, double gamma,
                         double alpha, double tolerance) {
  check_settings(gamma, alpha);
  envs::check_table("policy evaluation", table);
  if (policy.size() != index(table.states * table.actions)) {
    throw ShapeError(
        fmt::format("a policy of {} probabilities was given; expected {} states times {} actions",
                    policy.size(), table.states, table.actions));
  }
  const auto pi = [&](std::int64_t s) {
    return policy.subspan(index(s * table.actions), index(table.actions));
  };
  std::vector<double> entropies;
  for (std::int64_t s = 0; s < table.states; ++s) entropies.push_back(nn::entropy(pi(s)));
  Solution x = fixed_point(table, gamma, tolerance, [&](std::int64_t s, std::span<const double> q) {
    double v = alpha * entropies[index(s)];
    for (std::size_t a = 0; a < q.size(); ++a) v += pi(s)[a] * q[a];
    return v;
  });
  x.policy.assign(policy.begin(), policy.end());
  for (const double p : policy) x.log_policy.push_back(std::log(p));
  return x;
}

double start_value(const TransitionTable& table, std::span<const double> v) {
  double sum = 0;
  for (std::size_t s = 0; s < v.size(); ++s) sum += table.start[s] * v[s];
  return sum;
}

double mean_entropy(const TransitionTable& table, const Solution& solution, double gamma) {
  // Both are returns: of a task that pays the entropy, and of one that pays 1, for each step.
  const auto discounted = [&](const auto& paid) {
    TransitionTable paying = table;
    for (std::int64_t s = 0; s < table.states; ++s) {
      for (std::int64_t a = 0; a < table.actions; ++a) {
        for (Outcome& k : paying.outcomes[index(s * table.actions + a)]) k.reward = paid(s);
      }
    }
    return start_value(table, evaluate_policy(paying, solution.policy, gamma).v);
  };
  return discounted([&](std::int64_t s) { return nn::entropy(solution.policy_of(s)); }) /
         discounted([](std::int64_t) { return 1.0; });
}

std::vector<std::int64_t> likeliest_route(const TransitionTable& table, const Solution& solution) {
  const std::vector<bool> terminal = envs::terminal_states(table);
  std::int64_t s = std::max_element(table.start.begin(), table.start.end()) - table.start.begin();
  std::vector<std::int64_t> route;
  std::vector<bool> seen(index(table.states), false);
  while (true) {
    route.push_back(s);
    if (seen[index(s)] || terminal[index(s)]) return route;
    seen[index(s)] = true;
    const std::span<const double> q = solution.q_of(s);
    const std::int64_t a = std::max_element(q.begin(), q.end()) - q.begin();
    const auto& outcomes = table.of(s, a);
    s = std::max_element(outcomes.begin(), outcomes.end(), [](const Outcome& x, const Outcome& y) {
          return x.probability < y.probability;
        })->next;
  }
}

}  // namespace saccade::rl
