// What a comparison came to.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "rl/runs/comparison.h"
#include "rl/runs/statistics.h"

namespace saccade::rl {

/// One run that is done.
struct RunResult {
  std::int64_t seed = 0;
  double score = 0, score_std = 0;  // of its final evaluation: mean and deviation over episodes
  statistics::Curve curve;          // of its evaluations; the final one takes the place of one at its step
  double best = 0;                  // of all its evaluations, that one among them
  double last_ten = 0;  // mean of the last ten of those on the way; the score where there are none
  std::optional<std::int64_t> steps_to_threshold;  // of the curve
  double worst_drop = 0;                           // of the curve
  // Means over the later half of its diagnoses; none if there are none.
  std::optional<double> overestimation, soft_return, entropy, alpha;  // Q less the soft return, and that
  double seconds = 0, steps_per_second = 0;
};

struct ConfigurationResult {
  std::string name, algorithm;
  std::int64_t steps_asked_for = 0;
  // Those in which any configuration of the task differs from what goes without saying of task and algorithm.
  nlohmann::ordered_json settings;
  std::vector<RunResult> runs;
  // None while no run is done. The interval of a single run has no width, and says nothing.
  std::optional<statistics::Estimate> iqm;  // of the final scores
  /// P(a run of it ends higher than one of the first configuration), a tie counting half. An interval without
  /// a width, where all runs of one end higher, says nothing.
  std::optional<statistics::Estimate> improvement;
  std::vector<std::int64_t> steps;  // of the curve, which is the interquartile mean of the runs' curves
  std::vector<statistics::Estimate> curve;
};

struct TaskResult {
  std::string name;
  std::optional<double> threshold;
  std::vector<ConfigurationResult> configurations;
};

struct ComparisonResults {
  std::size_t done = 0, runs = 0;
  std::vector<TaskResult> tasks;
  std::vector<std::string> damaged;  // runs that cannot be read, each with what is wrong
  /// The interquartile mean over all tasks of each configuration, each task's scores being scaled so that 0
  /// is the lowest and 1 the highest of any run; none of a single task, nor while runs are missing.
  std::vector<statistics::Estimate> over_tasks;
};

/// From the folders of those runs that are done.
ComparisonResults results_of(const Comparison& comparison);

/// A row a run.
std::string scores_csv(const ComparisonResults& results);

}  // namespace saccade::rl
