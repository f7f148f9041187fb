#include "envs/toy_text/frozen_lake.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "envs/registry.h"
#include "envs/table_env.h"

namespace saccade::envs {

namespace {

// What happens where action `turn` is done in fact, with this probability; moves to the same place are one
// outcome.
void add_move(std::vector<Outcome>& outcomes, const std::vector<std::string>& map, std::int64_t row,
              std::int64_t column, std::int64_t move, double probability) {
  constexpr std::array<std::array<std::int64_t, 2>, 4> moves = {{{0, -1}, {1, 0}, {0, 1}, {-1, 0}}};
  const auto rows = static_cast<std::int64_t>(map.size()), columns = static_cast<std::int64_t>(map[0].size());
  row = std::clamp<std::int64_t>(row + moves[static_cast<std::size_t>(move)][0], 0, rows - 1);
  column = std::clamp<std::int64_t>(column + moves[static_cast<std::size_t>(move)][1], 0, columns - 1);
  const char cell = map[static_cast<std::size_t>(row)][static_cast<std::size_t>(column)];
  const std::int64_t next = row * columns + column;
  for (Outcome& outcome : outcomes) {
    if (outcome.next != next) continue;
    outcome.probability += probability;
    return;
  }
  outcomes.push_back({probability, next, cell == 'G' ? 1.0 : 0.0, cell == 'G' || cell == 'H'});
}

}  // namespace

const std::vector<std::string>& frozen_lake_map_4x4() {
  static const std::vector<std::string> map = {"SFFF", "FHFH", "FFFH", "HFFG"};
  return map;
}

const std::vector<std::string>& frozen_lake_map_8x8() {
  static const std::vector<std::string> map = {"SFFFFFFF", "FFFFFFFF", "FFFHFFFF", "FFFFFHFF",
                                               "FFFHFFFF", "FHHFFFHF", "FHFFHFHF", "FFFHFFFG"};
  return map;
}

TransitionTable frozen_lake_table(const std::vector<std::string>& map, bool slippery) {
  const auto rows = static_cast<std::int64_t>(map.size()), columns = static_cast<std::int64_t>(map[0].size());
  TransitionTable table{.states = rows * columns, .actions = 4, .grid = {map, "<v>^"}};
  constexpr double as_meant = 1.0 / 3, aside = (1 - as_meant) / 2;
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t column = 0; column < columns; ++column) {
      const char cell = map[static_cast<std::size_t>(row)][static_cast<std::size_t>(column)];
      table.start.push_back(cell == 'S' ? 1 : 0);
      for (std::int64_t a = 0; a < 4; ++a) {
        std::vector<Outcome>& outcomes = table.outcomes.emplace_back();
        if (cell == 'G' || cell == 'H') {
          outcomes.push_back({1, row * columns + column, 0, true});
        } else if (slippery) {
          add_move(outcomes, map, row, column, (a + 3) % 4, aside);
          add_move(outcomes, map, row, column, a, as_meant);
          add_move(outcomes, map, row, column, (a + 1) % 4, aside);
        } else {
          add_move(outcomes, map, row, column, a, 1);
        }
      }
    }
  }
  return table;
}

Entry frozen_lake_entry() {
  return {"FrozenLake-v1", [] {
            return std::make_unique<TableEnv>("FrozenLake-v1", frozen_lake_table(frozen_lake_map_4x4(), true),
                                              100, 0.7);
          }};
}

}  // namespace saccade::envs
