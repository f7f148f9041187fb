#include "rl/runs/comparison_results.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "rl/runs/logs.h"
#include "rl/runs/warnings.h"

namespace saccade::rl {

namespace {

using statistics::Scores;

// Intervals are the same whenever the page is made.
const Rng& bootstrap_rng() {
  static const Rng rng = Rng(1).split("comparison");
  return rng;
}

std::optional<double> mean_of_later(const RunLog& log,
                                    const std::function<std::optional<double>(const Diagnosis&)>& value) {
  std::vector<double> values;
  for (const Diagnosis& diagnosis : later_half(log)) {
    if (const std::optional<double> number = value(diagnosis)) values.push_back(*number);
  }
  return values.empty() ? std::nullopt : std::optional(statistics::mean(values));
}

RunResult result_of(const ComparedRun& run, const std::optional<double>& threshold) {
  const RunLog log = read_run_log(run.folder);
  RunResult result;
  result.seed = run.info.config.run.seed;
  if (log.summary.is_null()) throw FormatError(run.folder + ": has no summary.json");
  const auto& final = log.summary.at("final_evaluation");
  if (final.is_null()) throw FormatError(run.folder + ": its summary.json has no final evaluation");
  result.score = final.at("mean");
  result.score_std = final.at("std");
  result.seconds = log.summary.at("seconds");
  result.steps_per_second = log.summary.at("steps_per_second");
  const std::vector<double>&steps = log.evaluations["step"], &means = log.evaluations["mean"];
  for (std::size_t i = 0; i < steps.size(); ++i) {
    result.curve.steps.push_back(static_cast<std::int64_t>(steps[i]));
    result.curve.values.push_back(means.at(i));
  }
  // The final evaluation is the curve's end; one at the same step has fewer episodes.
  const std::int64_t last = log.summary.at("steps");
  if (!result.curve.steps.empty() && result.curve.steps.back() >= last) {
    result.curve.values.back() = result.score;
  } else {
    result.curve.steps.push_back(last);
    result.curve.values.push_back(result.score);
  }
  result.best = result.score;
  for (const double mean : means) result.best = std::max(result.best, mean);
  const std::size_t late = std::min<std::size_t>(means.size(), 10);
  result.last_ten =
      late == 0 ? result.score : statistics::mean(std::span(means).subspan(means.size() - late));
  if (threshold) result.steps_to_threshold = statistics::steps_to_threshold(result.curve, *threshold);
  result.worst_drop = statistics::worst_drop(result.curve);
  result.overestimation =
      mean_of_later(log, [](const Diagnosis& d) { return std::optional(d.q - d.soft_return); });
  result.soft_return = mean_of_later(log, [](const Diagnosis& d) { return std::optional(d.soft_return); });
  result.entropy = mean_of_later(log, [](const Diagnosis& d) { return d.entropy; });
  result.alpha = mean_of_later(
      log, [](const Diagnosis& d) { return d.entropy ? std::optional(d.alpha) : std::nullopt; });
  return result;
}

// The first run of each of a task's configurations gives their settings, those that any of them changes.
void add_settings(TaskResult& task, const std::vector<const ComparedRun*>& first_runs) {
  std::set<std::string> changed;
  for (const ComparedRun* run : first_runs) {
    const Config& config = run->info.config;
    const auto all = to_json(config), usual = to_json(config_for(run->task, config.algorithm().name));
    for (const auto& [key, value] : all.items()) {
      if (usual.at(key) != value) changed.insert(key);
    }
  }
  for (const char* key : {"algorithm", "seed", "steps"}) changed.erase(key);  // those are said anyway
  for (std::size_t i = 0; i < first_runs.size(); ++i) {
    ConfigurationResult& result = task.configurations[i];
    const Config& config = first_runs[i]->info.config;
    result.algorithm = config.algorithm().name;
    result.steps_asked_for = config.run.steps;
    result.settings = nlohmann::ordered_json::object();
    const auto all = to_json(config);
    for (const auto& [key, value] : all.items()) {
      if (changed.contains(key)) result.settings[key] = value;
    }
  }
}

std::vector<double> scores_of(const ConfigurationResult& configuration) {
  std::vector<double> scores;
  for (const RunResult& run : configuration.runs) scores.push_back(run.score);
  return scores;
}

void add_curve(ConfigurationResult& configuration) {
  std::vector<statistics::Curve> curves;
  for (const RunResult& run : configuration.runs) curves.push_back(run.curve);
  configuration.steps = statistics::common_steps(curves);
  std::vector<Scores> points(configuration.steps.size());
  for (const statistics::Curve& curve : curves) {
    const auto values = statistics::interpolate(curve, configuration.steps);
    for (std::size_t i = 0; i < values.size(); ++i) points[i].push_back({values[i].value()});
  }
  configuration.curve = statistics::bootstrap_curve(points, statistics::aggregate_iqm, bootstrap_rng());
}

void add_statistics(TaskResult& task) {
  const std::vector<double> first = scores_of(task.configurations.front());
  for (ConfigurationResult& configuration : task.configurations) {
    if (configuration.runs.empty()) continue;
    const Scores scores = statistics::one_task(scores_of(configuration));
    configuration.iqm = statistics::bootstrap(scores, statistics::aggregate_iqm, bootstrap_rng());
    if (!first.empty() && &configuration != &task.configurations.front()) {
      configuration.improvement = statistics::bootstrap(
          scores, statistics::one_task(first), statistics::probability_of_improvement, bootstrap_rng());
    }
    add_curve(configuration);
  }
}

// A task's scores of all configurations on [0, 1].
void add_over_tasks(ComparisonResults& results, std::size_t seeds) {
  if (results.tasks.size() < 2 || results.done < results.runs) return;
  std::vector<Scores> all(results.tasks.front().configurations.size(), Scores(seeds));
  for (const TaskResult& task : results.tasks) {
    double low = std::numeric_limits<double>::infinity(), high = -low;
    for (const ConfigurationResult& configuration : task.configurations) {
      for (const RunResult& run : configuration.runs)
        low = std::min(low, run.score), high = std::max(high, run.score);
    }
    for (std::size_t c = 0; c < all.size(); ++c) {
      for (std::size_t s = 0; s < seeds; ++s) {
        const double score = task.configurations[c].runs[s].score;
        all[c][s].push_back(high > low ? (score - low) / (high - low) : 1);
      }
    }
  }
  for (const Scores& scores : all) {
    results.over_tasks.push_back(statistics::bootstrap(scores, statistics::aggregate_iqm, bootstrap_rng()));
  }
}

std::string cell(const std::string& text) {
  if (text.find_first_of(",\"\n") == text.npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

template <class T>
std::string cell(const std::optional<T>& number) {
  return number ? fmt::format("{}", *number) : "";
}

}  // namespace

ComparisonResults results_of(const Comparison& comparison) {
  ComparisonResults results;
  results.runs = comparison.runs.size();
  for (const std::string& name : comparison.tasks) {
    TaskResult task;
    task.name = name;
    if (const auto at = comparison.thresholds.find(name); at != comparison.thresholds.end())
      task.threshold = at->second;
    std::vector<const ComparedRun*> first_runs;
    for (const std::string& configuration : comparison.configurations) {
      ConfigurationResult result;
      result.name = configuration;
      for (const ComparedRun& run : comparison.runs) {
        if (run.task != name || run.configuration != configuration) continue;
        if (first_runs.size() == task.configurations.size()) first_runs.push_back(&run);
        try {
          if (stage_of(run) != RunStage::done) continue;
          result.runs.push_back(result_of(run, task.threshold));
          ++results.done;
        } catch (const Error& error) {
          const std::string what = error.what();
          results.damaged.push_back(fmt::format("{}{}; delete {} to train it anew",
                                                what.starts_with(run.folder) ? "" : run.folder + ": ", what,
                                                run.folder));
        }
      }
      task.configurations.push_back(std::move(result));
    }
    add_settings(task, first_runs);
    add_statistics(task);
    results.tasks.push_back(std::move(task));
  }
  add_over_tasks(results, comparison.seeds.size());
  return results;
}

std::string scores_csv(const ComparisonResults& results) {
  std::string csv =
      "task,configuration,algorithm,seed,score,score_std,last_ten,best_evaluation,steps_to_threshold,"
      "worst_drop,overestimation,soft_return,entropy,alpha,seconds,steps_per_second\n";
  for (const TaskResult& task : results.tasks) {
    for (const ConfigurationResult& c : task.configurations) {
      for (const RunResult& r : c.runs) {
        csv +=
            fmt::format("{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}\n", cell(task.name), cell(c.name),
                        c.algorithm, r.seed, r.score, r.score_std, r.last_ten, r.best,
                        cell(r.steps_to_threshold), r.worst_drop, cell(r.overestimation), cell(r.soft_return),
                        cell(r.entropy), cell(r.alpha), r.seconds, r.steps_per_second);
      }
    }
  }
  return csv;
}

}  // namespace saccade::rl
