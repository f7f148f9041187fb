#include "tools/pages/comparison.h"

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

Json to_json(const rl::ConfigurationResult& c) {
  Json runs = Json::array(), curve = Json::array();
  for (const rl::RunResult& run : c.runs) runs.push_back(to_json(run));
  for (const Estimate& point : c.curve) curve.push_back(to_json(point));
  return {{"name", c.name},
          {"algorithm", c.algorithm},
          {"steps_asked_for", c.steps_asked_for},
          {"settings", c.settings},
          {"runs", runs},
          {"iqm", or_null(c.iqm)},
          {"improvement", or_null(c.improvement)},
          {"steps", c.steps},
          {"curve", curve}};
}

}  // namespace

Json to_json(const rl::ComparisonResults& results) {
  Json tasks = Json::array(), over_tasks = Json::array();
  for (const rl::TaskResult& task : results.tasks) {
    Json configurations = Json::array();
    for (const rl::ConfigurationResult& c : task.configurations) configurations.push_back(to_json(c));
    tasks.push_back(
        {{"name", task.name}, {"threshold", or_null(task.threshold)}, {"configurations", configurations}});
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
