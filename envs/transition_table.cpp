#include "envs/transition_table.h"

#include <fmt/format.h>

#include <cmath>

#include "base/error.h"

namespace saccade::envs {

namespace {

// Probabilities such as 1/3 add up to 1 but for rounding.
bool is_one(double sum) { return std::abs(sum - 1) < 1e-9; }

void check_outcomes(std::string_view name, const TransitionTable& table, std::size_t entry) {
  double sum = 0;
  for (const Outcome& outcome : table.outcomes[entry]) {
    const bool fits = outcome.probability >= 0 && std::isfinite(outcome.reward) && outcome.next >= 0 &&
                      outcome.next < table.states;
    if (!fits) {
      throw ConfigError(fmt::format(
          "{}: an outcome of action {} in state {} has probability {}, next state {} and reward {}; expected "
          "a probability, a state from 0 to {} and a finite number",
          name, static_cast<std::int64_t>(entry) % table.actions,
          static_cast<std::int64_t>(entry) / table.actions, outcome.probability, outcome.next, outcome.reward,
          table.states - 1));
    }
    sum += outcome.probability;
  }
  if (is_one(sum)) return;
  throw ConfigError(
      fmt::format("{}: the outcomes of action {} in state {} have probabilities that add up to {}, not 1",
                  name, static_cast<std::int64_t>(entry) % table.actions,
                  static_cast<std::int64_t>(entry) / table.actions, sum));
}

}  // namespace

void check_table(std::string_view name, const TransitionTable& table) {
  if (table.states < 1 || table.actions < 1 || table.start.size() != static_cast<std::size_t>(table.states) ||
      table.outcomes.size() != static_cast<std::size_t>(table.states * table.actions)) {
    throw ConfigError(
        fmt::format("{}: a table of {} states and {} actions has {} probabilities of a start and {} lists of "
                    "outcomes; expected at "
                    "least one state and action, a probability for each state and a list for each pair",
                    name, table.states, table.actions, table.start.size(), table.outcomes.size()));
  }
  double sum = 0;
  for (const double p : table.start) {
    if (!(p >= 0)) throw ConfigError(fmt::format("{}: an episode starts with probability {}", name, p));
    sum += p;
  }
  if (!is_one(sum)) {
    throw ConfigError(fmt::format("{}: the probabilities of a start add up to {}, not 1", name, sum));
  }
  for (std::size_t entry = 0; entry < table.outcomes.size(); ++entry) check_outcomes(name, table, entry);
}

std::vector<bool> terminal_states(const TransitionTable& table) {
  std::vector<bool> terminal(static_cast<std::size_t>(table.states), false);
  for (const auto& outcomes : table.outcomes) {
    for (const Outcome& outcome : outcomes) {
      if (outcome.terminated) terminal[static_cast<std::size_t>(outcome.next)] = true;
    }
  }
  return terminal;
}

std::vector<bool> reachable_states(const TransitionTable& table) {
  const std::vector<bool> terminal = terminal_states(table);
  std::vector<bool> reachable(static_cast<std::size_t>(table.states), false);
  std::vector<std::int64_t> open;
  const auto reach = [&](std::int64_t state) {
    if (reachable[static_cast<std::size_t>(state)]) return;
    reachable[static_cast<std::size_t>(state)] = true;
    if (!terminal[static_cast<std::size_t>(state)]) open.push_back(state);
  };
  for (std::int64_t s = 0; s < table.states; ++s) {
    if (table.start[static_cast<std::size_t>(s)] > 0) reach(s);
  }
  while (!open.empty()) {
    const std::int64_t s = open.back();
    open.pop_back();
    for (std::int64_t a = 0; a < table.actions; ++a) {
      for (const Outcome& outcome : table.of(s, a)) {
        if (outcome.probability > 0) reach(outcome.next);
      }
    }
  }
  return reachable;
}

}  // namespace saccade::envs
