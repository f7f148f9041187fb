// saccade envs: what there is to train in.

#include "envs/registry.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "tools/cli/command.h"
#include "tools/cli/output.h"
#include "tools/cli/text.h"

namespace saccade::cli {

namespace {

using Json = nlohmann::ordered_json;

// "[-2, 2]", or one for each coordinate where they differ; how many choices there are of discrete actions.
std::string ranges(const envs::Spec& spec) {
  const auto* choices = std::get_if<envs::Discrete>(&spec.action_space);
  if (choices != nullptr) return fmt::format("{} choices", choices->n);
  const auto& box = std::get<envs::Box>(spec.action_space);
  std::vector<std::string> each;
  for (std::size_t i = 0; i < box.low.size(); ++i) {
    each.push_back(fmt::format("[{:.5g}, {:.5g}]", box.low[i], box.high[i]));
  }
  const bool same = std::adjacent_find(each.begin(), each.end(), std::not_equal_to<>()) == each.end();
  return each.empty() ? "" : same ? each[0] : join(each, " ");
}

struct Listed {
  std::string id;
  envs::Spec spec;
  std::string problem;  // why it cannot be made, if it cannot
};

// Those that were named, or all. What is wrong with one that was named is an error.
std::vector<Listed> list(const std::vector<std::string>& names) {
  std::vector<Listed> all;
  for (const std::string& name : names) {
    const envs::Spec spec = envs::make(name)->spec();
    all.push_back({spec.id, spec, ""});
  }
  if (!names.empty()) return all;
  for (const std::string& id : envs::ids()) {
    Listed& one = all.emplace_back();
    one.id = id;
    try {
      one.spec = envs::make(id)->spec();
    } catch (const Error& error) {
      one.problem = error.what();
    }
  }
  return all;
}

void print_json(const std::vector<std::string>& names) {
  Json json = Json::array();
  for (const auto& [id, spec, problem] : list(names)) {
    if (!problem.empty()) {
      json.push_back({{"id", id}, {"available", false}, {"problem", problem}});
      continue;
    }
    const envs::Box bounds = envs::bounds_of(spec.action_space);
    const auto* choices = std::get_if<envs::Discrete>(&spec.action_space);
    json.push_back({{"id", id},
                    {"available", true},
                    {"observation_size", envs::size_of(spec.observation_space)},
                    {"action_size", envs::size_of(spec.action_space)},
                    {"action_low", bounds.low},
                    {"action_high", bounds.high},
                    {"discrete_actions", choices == nullptr ? 0 : choices->n},
                    {"max_episode_steps", spec.max_episode_steps}});
    if (!spec.details.empty()) json.back()["details"] = spec.details;
  }
  if (names.empty()) {
    for (const std::string& id : envs::unavailable_ids()) json.push_back({{"id", id}, {"available", false}});
  }
  out_json(json);
}

void print_table(const std::vector<std::string>& names) {
  const std::vector<Listed> all = list(names);
  out("{:<26} {:>11} {:>7}  {:<18} {:>10}\n", "environment", "observation", "action", "action range",
      "time limit");
  for (const auto& [id, spec, problem] : all) {
    if (!problem.empty()) continue;
    out("{:<26} {:>11} {:>7}  {:<18} {:>10}\n", id, envs::size_of(spec.observation_space),
        envs::size_of(spec.action_space), ranges(spec),
        spec.max_episode_steps == 0 ? "none" : fmt::format("{}", spec.max_episode_steps));
  }
  for (const auto& [id, spec, problem] : all) {
    if (problem.empty()) continue;
    out("\n");
    for (const std::string& line : wrap(fmt::format("{} cannot be made: {}", id, problem), kColumns)) {
      out("{}\n", line);
    }
  }
  for (const auto& [id, spec, problem] : all) {
    if (spec.details.empty()) continue;
    out("\n{}:\n", id);
    for (const std::string& detail : spec.details) {
      std::string indent = "  ";
      for (const std::string& line : wrap(printable(detail), kColumns - 4)) {
        out("{}{}\n", indent, line);
        indent = "    ";
      }
    }
  }
  const std::vector<std::string> missing = envs::unavailable_ids();
  if (missing.empty() || !names.empty()) return;
  out("\nNot available, for want of MuJoCo (install libmujoco-dev and build again):\n");
  for (std::size_t i = 0; i < missing.size(); ++i) {
    const bool ends_row = i % 3 == 2 || i + 1 == missing.size();
    out("  {:<{}}{}", missing[i], ends_row ? 0 : 25, ends_row ? "\n" : "");
  }
}

}  // namespace

void add_envs(CLI::App& app, int&) {
  CLI::App* sub =
      app.add_subcommand("envs",
                         "List the environments. Observation and action sizes, the range of actions, and the "
                         "number of steps after which an episode is cut short; of a task's file also what it "
                         "observes and pays for.");
  auto names = std::make_shared<std::vector<std::string>>();
  auto json = std::make_shared<bool>(false);
  sub->add_option("ENV", *names,
                  "these alone, such as Ant-v5 or my_robot.json (default: all that have names)");
  sub->add_flag("--json", *json, "as JSON");
  sub->callback([names, json] { *json ? print_json(*names) : print_table(*names); });
}

}  // namespace saccade::cli
