#include "envs/table_env.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "envs/checks.h"

namespace saccade::envs {

TableEnv::TableEnv(std::string id, TransitionTable table, std::int64_t max_episode_steps,
                   std::optional<double> reward_threshold)
    : spec_{.id = std::move(id),
            .observation_space = Discrete{table.states},
            .action_space = Discrete{table.actions},
            .max_episode_steps = max_episode_steps,
            .reward_threshold = reward_threshold},
      table_(std::move(table)) {
  check_table(spec_.id, table_);
}

void TableEnv::reset(Rng& rng, std::span<double> observation) {
  check_observation(spec(), observation);
  rng_ = Rng(rng.block()[0]);
  double left = rng_.uniform();
  // Rounding may leave a little of the 1 that the probabilities add up to: it goes to the last state of any.
  for (std::size_t s = 0; s < table_.start.size(); ++s) {
    if (table_.start[s] == 0) continue;
    state_ = static_cast<std::int64_t>(s);
    left -= table_.start[s];
    if (left < 0) break;
  }
  observe(observation);
}

StepResult TableEnv::step(std::span<const double> action, std::span<double> observation) {
  check_action(spec(), action);
  check_observation(spec(), observation);
  const std::vector<Outcome>& outcomes = table_.of(state_, static_cast<std::int64_t>(action[0]));
  std::size_t k = 0;
  if (outcomes.size() > 1) {
    double left = rng_.uniform() - outcomes[0].probability;
    while (left >= 0 && k + 1 < outcomes.size()) left -= outcomes[++k].probability;
  }
  state_ = outcomes[k].next;
  observe(observation);
  return {.reward = outcomes[k].reward, .terminated = outcomes[k].terminated};
}

std::vector<double> TableEnv::state() const {
  return {static_cast<double>(state_), static_cast<double>(rng_.state().key),
          static_cast<double>(rng_.state().counter)};
}

void TableEnv::set_state(std::span<const double> state) {
  check_state(spec(), state, 3);
  const std::array<double, 3> limits = {static_cast<double>(table_.states - 1), 4294967295.0,
                                        9007199254740992.0};
  for (std::size_t i = 0; i < limits.size(); ++i) {
    if (state[i] == std::floor(state[i]) && 0 <= state[i] && state[i] <= limits[i]) continue;
    throw Error(fmt::format("{}: state[{}] is {}, but a whole number from 0 to {} is expected", spec_.id, i,
                            state[i], limits[i]));
  }
  state_ = static_cast<std::int64_t>(state[0]);
  rng_.set_state({static_cast<std::uint64_t>(state[1]), static_cast<std::uint64_t>(state[2])});
}

void TableEnv::observe(std::span<double> observation) const {
  check_observation(spec(), observation);
  observation[0] = static_cast<double>(state_);
}

}  // namespace saccade::envs
