// saccade tabular --html: the hard and the soft optimum of a grid world, side by side.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "envs/transition_table.h"

namespace saccade::pages {

/// Throws ConfigError, naming the task, unless its states lie in one grid of at most 150 cells, and its
/// actions are the four directions.
void check_drawable(const std::string& id, const envs::TransitionTable& table);

/// {env, gamma, actions, cells, arrows, start, terminal, reachable, walks, slip, optima}. There is an optimum
/// for alpha 0, for 24 temperatures a decade from 0.0002 to 2, and for those of `alphas`, in order: {alpha,
/// value, reward, entropy, astray, route, v, entropies, q, policy}, to five digits; `astray` is reward_astray
/// for that slip, q and policy have the actions of one state after another, and a route there is where the
/// task is deterministic.
nlohmann::ordered_json tabular_data(const std::string& id, const envs::TransitionTable& table, double gamma,
                                    std::vector<double> alphas);

/// Replaces the file at once. Throws FormatError if it cannot be written.
void write_tabular_page(const std::string& path, const std::string& id, const envs::TransitionTable& table,
                        double gamma, const std::vector<double>& alphas);

}  // namespace saccade::pages
