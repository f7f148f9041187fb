// A task with finitely many states, in full: what every action in every state leads to.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace saccade::envs {

/// One of the things that may come of an action. Reward and flag are the outcome's own.
struct Outcome {
  double probability = 1;
  std::int64_t next = 0;
  double reward = 0;
  bool terminated = false;
};

/// How the states lie in a grid, for pictures. State = cell * layers.size() + layer, cells being counted row
/// by row; a layer is what else there is to say of a state, such as where a passenger waits.
struct Grid {
  std::vector<std::string> cells = {};     // a text for each row, a letter for each cell
  std::string arrows = {};                 // a letter for each action
  std::vector<std::string> layers = {""};  // their names
};

struct TransitionTable {
  std::int64_t states = 0, actions = 0;
  std::vector<double> start = {};                   // the probability that an episode begins in a state
  std::vector<std::vector<Outcome>> outcomes = {};  // of action a in state s: entry s * actions + a
  Grid grid = {};                                   // without cells for states that lie in none

  const std::vector<Outcome>& of(std::int64_t state, std::int64_t action) const {
    return outcomes[static_cast<std::size_t>(state * actions + action)];
  }
};

/// Throws ConfigError, naming the task, unless sizes fit, every outcome leads to a state, numbers are finite,
/// and probabilities are none below 0 and add up to 1.
void check_table(std::string_view name, const TransitionTable& table);

/// The states that some outcome ends an episode in: nothing follows them, so their value is 0.
std::vector<bool> terminal_states(const TransitionTable& table);

/// The states that an episode can come to.
std::vector<bool> reachable_states(const TransitionTable& table);

}  // namespace saccade::envs
