// Gymnasium's FrozenLake: across the ice from S to G, without falling into a hole.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "envs/env.h"
#include "envs/transition_table.h"

namespace saccade::envs {

/// Gymnasium's two maps: S is the start, F frozen, H a hole, G the goal.
const std::vector<std::string>& frozen_lake_map_4x4();
const std::vector<std::string>& frozen_lake_map_8x8();

/// Actions: left, down, right, up. On slippery ice one moves as meant with probability 1/3, else to either
/// side. 1 is paid at the goal; goal and holes terminate.
TransitionTable frozen_lake_table(const std::vector<std::string>& map, bool slippery);

}  // namespace saccade::envs
