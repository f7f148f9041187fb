#include "tools/pages/comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/text.h"
#include "rl/runs/build_info.h"
#include "tools/pages/assemble.h"

namespace saccade::pages {

namespace {

using Json = nlohmann::ordered_json;
using rl::statistics::Estimate;

// An interval without a width is of a single run, or of runs all of which end higher: it says nothing.
Json to_json(const Estimate& e) { return e.low < e.high ? Json{e.value, e.low, e.high} : Json{e.value}; }

template <class T>
Json or_null(const std::optional<T>& value) {
  if (!value) return nullptr;
  if constexpr (std::is_same_v<T, Estimate>) {
    return to_json(*value);
  } else {
    return *value;
  }
}

Json to_json(const rl::RunResult& run) {
  return {{"seed", run.seed},
          {"score", run.score},
          {"score_std", run.score_std},
          {"last_ten", run.last_ten},
          {"best", run.best},
          {"steps_to_threshold", or_null(run.steps_to_threshold)},
          {"worst_drop", run.worst_drop},
          {"overestimation", or_null(run.overestimation)},
          {"soft_return", or_null(run.soft_return)},
          {"entropy", or_null(run.entropy)},
          {"alpha", or_null(run.alpha)},
          {"seconds", run.seconds},
          {"steps_per_second", run.steps_per_second}};
}

std::string text_of(const Json& value) {
  if (value.is_number_integer()) return grouped(value.get<std::int64_t>());
  if (value.is_number_float()) return fmt::format("{}", value.get<double>());
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_array()) return value.dump();
  std::vector<std::string> parts;
  for (const Json& part : value) parts.push_back(text_of(part));
  return fmt::format("[{}]", join(parts));
}

// What all of a task's configurations have, and what each has for itself.
struct SettingsText {
  std::string shared;
  std::vector<std::string> own;
};

SettingsText settings_text(const std::vector<rl::ConfigurationResult>& configurations) {
  const rl::ConfigurationResult& first = configurations.front();
  const auto all = [&](const auto& is_so) {
    return std::all_of(configurations.begin(), configurations.end(), is_so);
  };
  const bool same_steps = all([&](const auto& c) { return c.steps_asked_for == first.steps_asked_for; });
  SettingsText text;
  for (const rl::ConfigurationResult& c : configurations) {
    std::vector<std::string> shared, own = {c.algorithm};
    (same_steps ? shared : own).push_back(grouped(c.steps_asked_for) + " steps");
    for (const auto& [name, value] : c.settings.items()) {
      const std::string& key = name;  // Clang 14 captures no structured binding
      const bool is_shared = all([&](const auto& other) {
        return other.settings.contains(key) && other.settings.at(key) == c.settings.at(key);
      });
      (is_shared ? shared : own).push_back(fmt::format("{} {}", key, text_of(value)));
    }
    text.shared = join(shared);
    text.own.push_back(join(own));
  }
  return text;
}

Json to_json(const rl::ConfigurationResult& c, const std::string& settings) {
  Json runs = Json::array(), curve = Json::array();
  for (const rl::RunResult& run : c.runs) runs.push_back(to_json(run));
  for (const Estimate& point : c.curve) curve.push_back(to_json(point));
  return {{"name", c.name},        {"algorithm", c.algorithm},
          {"settings", settings},  {"runs", runs},
          {"iqm", or_null(c.iqm)}, {"improvement", or_null(c.improvement)},
          {"steps", c.steps},      {"curve", curve}};
}

}  // namespace

Json to_json(const rl::ComparisonResults& results) {
  Json tasks = Json::array(), over_tasks = Json::array();
  for (const rl::TaskResult& task : results.tasks) {
    Json configurations = Json::array();
    const SettingsText settings = settings_text(task.configurations);
    for (std::size_t i = 0; i < task.configurations.size(); ++i)
      configurations.push_back(to_json(task.configurations[i], settings.own[i]));
    tasks.push_back({{"name", task.name},
                     {"threshold", or_null(task.threshold)},
                     {"settings", settings.shared},
                     {"configurations", configurations}});
  }
  for (const Estimate& e : results.over_tasks) over_tasks.push_back(to_json(e));
  return {{"done", results.done}, {"runs", results.runs}, {"tasks", tasks}, {"over_tasks", over_tasks}};
}

void write_comparison(const std::string& path, const std::string& title,
                      const rl::ComparisonResults& results) {
  Json data = {{"title", title}, {"date", utc_now()}, {"build", rl::build_info()}};
  data.update(to_json(results));
  write_file(path, assemble("comparison", data));
}

}  // namespace saccade::pages
