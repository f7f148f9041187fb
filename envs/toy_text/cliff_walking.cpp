// Gymnasium's CliffWalking (Sutton & Barto 2018, example 6.6): from S to G along a cliff. A step costs 1; one
// off the cliff costs 100 and leads back to S, and the episode goes on. Actions: up, right, down, left. There
// is no time limit.
#include <algorithm>
#include <array>
#include <cstdint>

#include "envs/registry.h"
#include "envs/table_env.h"

namespace saccade::envs {

namespace {

TransitionTable cliff_walking_table() {
  const std::vector<std::string> map = {"............", "............", "............", "S##########G"};
  constexpr std::array<std::array<std::int64_t, 2>, 4> moves = {{{-1, 0}, {0, 1}, {1, 0}, {0, -1}}};
  constexpr std::int64_t rows = 4, columns = 12, start = 36;
  TransitionTable table{.states = rows * columns, .actions = 4, .grid = {map, "^>v<"}};
  for (std::int64_t s = 0; s < table.states; ++s) {
    table.start.push_back(s == start ? 1 : 0);
    for (const auto& [down, right] : moves) {
      const std::int64_t row = std::clamp<std::int64_t>(s / columns + down, 0, rows - 1);
      const std::int64_t column = std::clamp<std::int64_t>(s % columns + right, 0, columns - 1);
      const char cell = map[static_cast<std::size_t>(row)][static_cast<std::size_t>(column)];
      table.outcomes.push_back({cell == '#' ? Outcome{1, start, -100, false}
                                            : Outcome{1, row * columns + column, -1, cell == 'G'}});
    }
  }
  return table;
}

}  // namespace

Entry cliff_walking_entry() {
  return {"CliffWalking-v1",
          [] { return std::make_unique<TableEnv>("CliffWalking-v1", cliff_walking_table()); }};
}

}  // namespace saccade::envs
