// What the results of several runs say, and how surely: Agarwal et al. 2021, "Deep reinforcement learning at
// the edge of the statistical precipice", whose library rliable gives the same numbers.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "base/rng.h"

/// Bad input is one error: ShapeError where a score, row or step is missing, Error for a score that is NaN,
/// infinite or beyond 1e150 in size (its square must be a number too), ConfigError for a setting out of
/// range.
namespace saccade::rl::statistics {

// ---- one number a run: x_1 ... x_n, at least one, in any order

double mean(std::span<const double> values);
/// The middle one, or the mean of the two in the middle.
double median(std::span<const double> values);
/// sqrt(sum (x - mean)^2 / (n - 1)), which estimates that of all runs there could be. None for a single
/// value.
std::optional<double> sample_std(std::span<const double> values);
/// sqrt(sum (x - mean)^2 / n), that of these runs alone.
double population_std(std::span<const double> values);
/// The mean of those that are left when the floor(n / 4) smallest and as many of the largest are left out. Of
/// one to three values it is their mean.
double interquartile_mean(std::span<const double> values);
/// The value below which the part p of them lies, for p from 0 to 1: at place p (n - 1) of the sorted ones,
/// counted from 0, on a straight line between two (Hyndman and Fan's seventh, NumPy's and R's default).
double quantile(std::span<const double> values, double p);

/// How far apart the seeds end.
struct Spread {
  double min = 0, max = 0;
  std::optional<double> std;  // of the sample; none for a single run
};
Spread spread(std::span<const double> values);

// ---- a number for each run on each task

/// A row a run, a column a task; all rows are as long.
using Scores = std::vector<std::vector<double>>;

/// A row for each value: runs of a single task.
Scores one_task(std::span<const double> values);

/// The mean over tasks of a task's mean score.
double aggregate_mean(const Scores& scores);
/// The median over tasks of a task's mean score. Of one task it is that mean.
double aggregate_median(const Scores& scores);
/// The interquartile mean of all scores, runs and tasks in one pot.
double aggregate_iqm(const Scores& scores);
/// gamma - mean of min(score, gamma): how far scores fall short of gamma, where a higher one than gamma makes
/// up for nothing.
double aggregate_optimality_gap(const Scores& scores, double gamma = 1);
/// P(X > Y) + P(X = Y) / 2 for a run of x and a run of y on the same task, drawn at random; the mean over
/// tasks. In each it is the Mann-Whitney U of x over the number of pairs. The numbers of runs may differ.
double probability_of_improvement(const Scores& x, const Scores& y);

// ---- how surely

struct BootstrapOptions {
  std::int64_t replications = 2000;  // 1 to 10,000,000
  double confidence = 0.95;          // between 0 and 1
};

struct Estimate {
  double value = 0;  // of the scores themselves
  double low = 0, high = 0;
};

using Statistic = std::function<double(const Scores&)>;
using PairStatistic = std::function<double(const Scores& x, const Scores& y)>;

/// The stratified percentile bootstrap. In each replication every task draws as many runs as it has, with
/// replacement, by itself; low and high are the quantiles (1 - confidence) / 2 and (1 + confidence) / 2 of
/// the statistic over the replications. The same `rng` gives the same bits. Throws Error where the statistic
/// is not finite.
///
/// It knows no more than the runs it has, and is too narrow when they are few. Of normal scores of one task,
/// the 95 % interval of the mean holds the true mean in about 93 of 100 cases with twenty runs, 90 with ten,
/// 85 with five and 75 with three, of which it goes from the smallest to the largest.
Estimate bootstrap(const Scores& scores, const Statistic& statistic, Rng rng,
                   const BootstrapOptions& options = {});

/// The same of two sets of runs, each drawn by itself: for probability_of_improvement or a difference.
Estimate bootstrap(const Scores& x, const Scores& y, const PairStatistic& statistic, Rng rng,
                   const BootstrapOptions& options = {});

/// The same at every point of a curve. Points with the same numbers of runs and tasks draw the same runs, as
/// if whole curves were drawn, so a band is as smooth as its curves. It is a band of intervals, each of which
/// holds by itself.
std::vector<Estimate> bootstrap_curve(std::span<const Scores> points, const Statistic& statistic,
                                      const Rng& rng, const BootstrapOptions& options = {});

// ---- one run's evaluations

struct Curve {
  std::vector<std::int64_t> steps;  // from 0 on, each more than the one before
  std::vector<double> values;       // as many
};

/// The step of the first evaluation that is at least `threshold`, whether or not later ones fall below it
/// again; none if there is none.
std::optional<std::int64_t> steps_to_threshold(const Curve& curve, double threshold);

/// max over t of (max over s <= t of v_s) - v_t, the worst drop after the best so far (the maximum drawdown);
/// 0 for a curve that never falls.
double worst_drop(const Curve& curve);

/// The values at the steps of `grid`, on straight lines between evaluations; none before the first and after
/// the last.
std::vector<std::optional<double>> interpolate(const Curve& curve, std::span<const std::int64_t> grid);

/// Every step at which one of the curves has an evaluation and all can be interpolated: from the latest first
/// step to the earliest last one. Empty where there are no such steps.
std::vector<std::int64_t> common_steps(std::span<const Curve> curves);

}  // namespace saccade::rl::statistics
