// Gymnasium's Taxi (Dietterich, "Hierarchical reinforcement learning with the MAXQ value function
// decomposition", 2000): fetch a passenger at one of four places and bring it to another. A step costs 1,
// picking up or dropping where that cannot be done 10; the right delivery pays 20 and ends the episode.
// Actions: south, north, east, west, pick up, drop.
#include <algorithm>
#include <array>
#include <cstdint>

#include "envs/registry.h"
#include "envs/table_env.h"

namespace saccade::envs {

namespace {

constexpr std::int64_t kSize = 5, kPlaces = 4, kInTaxi = 4;
constexpr std::array<std::int64_t, 4> kCells = {0, 4, 20, 23};  // of red, green, yellow and blue
constexpr std::array<const char*, 4> kNames = {"red", "green", "yellow", "blue"};

struct Where {
  std::int64_t cell, passenger, destination;  // the passenger is at a place, or in the taxi
  std::int64_t number() const { return (cell * (kPlaces + 1) + passenger) * kPlaces + destination; }
};

// Whether one can drive from this cell to the one east of it.
bool is_open_to_east(std::int64_t cell) {
  // "|" are walls.
  static constexpr std::array<const char*, 5> streets = {
      "R: | : :G",  //
      " : | : : ",  //
      " : : : : ",  //
      " | : | : ",  //
      "Y| : |B: ",
  };
  return cell % kSize + 1 < kSize &&
         streets[static_cast<std::size_t>(cell / kSize)][static_cast<std::size_t>(2 * (cell % kSize) + 1)] ==
             ':';
}

// The place in this cell, or -1.
std::int64_t place_at(std::int64_t cell) {
  const auto found = std::find(kCells.begin(), kCells.end(), cell);
  return found == kCells.end() ? -1 : found - kCells.begin();
}

Outcome drive(Where now, std::int64_t action) {
  std::int64_t& cell = now.cell;
  const bool moves[] = {cell / kSize + 1 < kSize, cell >= kSize, is_open_to_east(cell),
                        cell % kSize > 0 && is_open_to_east(cell - 1)};
  constexpr std::int64_t ways[] = {kSize, -kSize, 1, -1};
  if (moves[action]) cell += ways[action];
  return {1, now.number(), -1, false};
}

Outcome pick_up(Where now) {
  if (now.passenger == kInTaxi || place_at(now.cell) != now.passenger) return {1, now.number(), -10, false};
  now.passenger = kInTaxi;
  return {1, now.number(), -1, false};
}

Outcome drop(Where now) {
  const std::int64_t place = place_at(now.cell);
  if (now.passenger != kInTaxi || place < 0) return {1, now.number(), -10, false};
  now.passenger = place;
  return place == now.destination ? Outcome{1, now.number(), 20, true} : Outcome{1, now.number(), -1, false};
}

TransitionTable taxi_table() {
  TransitionTable table{.states = kSize * kSize * (kPlaces + 1) * kPlaces,
                        .actions = 6,
                        .grid = {{"R...G", ".....", ".....", ".....", "Y..B."}, "v^><PD", {}}};
  for (std::int64_t passenger = 0; passenger <= kInTaxi; ++passenger) {
    for (const char* to : kNames) {
      const std::string from = passenger == kInTaxi
                                   ? "in the taxi"
                                   : std::string("at ") + kNames[static_cast<std::size_t>(passenger)];
      table.grid.layers.push_back("passenger " + from + ", to go to " + to);
    }
  }
  for (std::int64_t s = 0; s < table.states; ++s) {
    const Where now = {s / (kPlaces * (kPlaces + 1)), s / kPlaces % (kPlaces + 1), s % kPlaces};
    const bool waits_elsewhere = now.passenger != kInTaxi && now.passenger != now.destination;
    table.start.push_back(waits_elsewhere ? 1.0 / 300 : 0);
    for (std::int64_t a = 0; a < table.actions; ++a) {
      table.outcomes.push_back({a < 4 ? drive(now, a) : a == 4 ? pick_up(now) : drop(now)});
    }
  }
  return table;
}

}  // namespace

Entry taxi_entry() {
  return {"Taxi-v3", [] { return std::make_unique<TableEnv>("Taxi-v3", taxi_table(), 200, 8); }};
}

}  // namespace saccade::envs
