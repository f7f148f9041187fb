#include "rl/tabular/optimum.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"

namespace saccade::rl {

using envs::TransitionTable;

Optimum optimum(const TransitionTable& table, double gamma, double alpha) {
  Optimum x{.alpha = alpha, .solution = value_iteration(table, gamma, alpha)};
  x.value = start_value(table, x.solution.v);
  x.reward = start_value(table, evaluate_policy(table, x.solution.policy, gamma).v);
  x.entropy = mean_entropy(table, x.solution, gamma);
  x.route = likeliest_route(table, x.solution);
  return x;
}

double reward_astray(const TransitionTable& table, const Solution& solution, double gamma, double slip) {
  if (!(0 <= slip && slip <= 1))
    throw ConfigError(fmt::format("slip is {}; expected a probability, 0 to 1", slip));
  std::vector<double> policy(solution.q.size(), slip / static_cast<double>(table.actions));
  for (std::int64_t s = 0; s < table.states; ++s) {
    const std::span<const double> q = solution.q_of(s);
    const auto best = std::max_element(q.begin(), q.end()) - q.begin();
    policy[static_cast<std::size_t>(s * table.actions + best)] += 1 - slip;
  }
  return start_value(table, evaluate_policy(table, policy, gamma).v);
}

bool is_deterministic(const TransitionTable& table) {
  return std::all_of(table.outcomes.begin(), table.outcomes.end(),
                     [](const auto& o) { return o.size() == 1; });
}

}  // namespace saccade::rl
