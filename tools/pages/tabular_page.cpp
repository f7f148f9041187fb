#include "tools/pages/tabular_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "nn/distributions/entropy.h"
#include "rl/runs/build_info.h"
#include "rl/tabular/optimum.h"
#include "tools/pages/assemble.h"

namespace saccade::pages {

namespace {

using Json = nlohmann::ordered_json;
using envs::TransitionTable;

constexpr std::int64_t kMostStates = 150;  // of which a page is some 1.5 MB
constexpr double kSlip = 0.1;

std::vector<double> all_shortened(std::vector<double> values) {
  for (double& x : values) x = shortened(x);
  return values;
}

Json to_json(const TransitionTable& table, const rl::Optimum& x, double gamma) {
  std::vector<double> entropies;
  for (std::int64_t s = 0; s < table.states; ++s) entropies.push_back(nn::entropy(x.solution.policy_of(s)));
  Json json = {{"alpha", x.alpha},
               {"value", shortened(x.value)},
               {"reward", shortened(x.reward)},
               {"entropy", shortened(x.entropy)},
               {"astray", shortened(rl::reward_astray(table, x.solution, gamma, kSlip))}};
  if (rl::is_deterministic(table)) json["route"] = x.route;
  json["v"] = all_shortened(x.solution.v);
  json["entropies"] = all_shortened(entropies);
  json["q"] = all_shortened(x.solution.q);
  json["policy"] = all_shortened(x.solution.policy);
  return json;
}

}  // namespace

void check_drawable(const std::string& id, const TransitionTable& table) {
  const auto& [cells, arrows, layers] = table.grid;
  std::size_t count = 0;
  for (const std::string& row : cells) count += row.size();
  if (cells.empty() || count * layers.size() != static_cast<std::size_t>(table.states)) {
    throw ConfigError(fmt::format("{}: its states lie in no grid, which --html would draw", id));
  }
  if (layers.size() > 1) {
    throw ConfigError(
        fmt::format("{}: its states lie in {} grids, and --html draws one; without it, --layer "
                    "shows any of them as text",
                    id, layers.size()));
  }
  if (arrows.find_first_not_of("^>v<") != std::string::npos) {
    throw ConfigError(fmt::format(
        "{}: its actions are \"{}\"; --html draws those that are directions, ^ > v <", id, arrows));
  }
  if (table.states > kMostStates) {
    throw ConfigError(
        fmt::format("{}: it has {} states; --html draws at most {}", id, table.states, kMostStates));
  }
}

Json tabular_data(const std::string& id, const TransitionTable& table, double gamma,
                  std::vector<double> alphas) {
  alphas.push_back(0);
  for (int i = -96; i <= 0; ++i) alphas.push_back(shortened(2 * std::pow(10, i / 24.0)));
  std::sort(alphas.begin(), alphas.end());
  alphas.erase(std::unique(alphas.begin(), alphas.end()), alphas.end());
  Json optima = Json::array();
  for (const double alpha : alphas) optima.push_back(to_json(table, rl::optimum(table, gamma, alpha), gamma));
  return {{"env", id},
          {"gamma", gamma},
          {"actions", table.actions},
          {"cells", table.grid.cells},
          {"arrows", table.grid.arrows},
          {"start", table.start},
          {"terminal", envs::terminal_states(table)},
          {"reachable", envs::reachable_states(table)},
          {"walks", rl::is_deterministic(table)},
          {"slip", kSlip},
          {"optima", std::move(optima)}};
}

void write_tabular_page(const std::string& path, const std::string& id, const TransitionTable& table,
                        double gamma, const std::vector<double>& alphas) {
  Json data = {{"build", rl::build_info()}, {"date", utc_now()}};
  data.update(tabular_data(id, table, gamma, alphas));
  write_file(path, assemble("tabular", data));
}

}  // namespace saccade::pages
