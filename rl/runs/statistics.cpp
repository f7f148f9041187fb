#include "rl/runs/statistics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <string_view>

#include "base/error.h"

namespace saccade::rl::statistics {

namespace {

constexpr double kLargest = 1e150;
constexpr std::int64_t kMostReplications = 10'000'000;

double count(std::size_t n) { return static_cast<double>(n); }

bool fits(double value) { return std::abs(value) <= kLargest; }  // NaN does not

void check_number(double value, std::string_view name) {
  if (fits(value)) return;
  throw Error(fmt::format("{} is {}; a number of at most {:g} in size is expected", name, value, kLargest));
}

void check(std::span<const double> values, std::string_view name) {
  if (values.empty()) throw ShapeError(fmt::format("{} is empty; at least one number is expected", name));
  const auto bad = std::find_if_not(values.begin(), values.end(), fits);
  if (bad != values.end()) check_number(*bad, fmt::format("{}[{}]", name, bad - values.begin()));
}

// No name is made up for a row that is well: the bootstrap comes here thousands of times.
void check(const Scores& scores, std::string_view name) {
  if (scores.empty()) throw ShapeError(fmt::format("{} is empty; a row for each run is expected", name));
  const std::size_t tasks = scores[0].size();
  for (std::size_t run = 0; run < scores.size(); ++run) {
    const std::vector<double>& row = scores[run];
    if (row.size() != tasks) {
      throw ShapeError(fmt::format("{}[{}] has {} scores and {}[0] has {}; every run has one for each task",
                                   name, run, row.size(), name, tasks));
    }
    if (row.empty() || !std::all_of(row.begin(), row.end(), fits))
      check(row, fmt::format("{}[{}]", name, run));
  }
}

void check(const Curve& curve, std::string_view name) {
  const auto& [steps, values] = curve;
  if (steps.size() != values.size()) {
    throw ShapeError(fmt::format("{} has {} steps and {} values; one value for each step is expected", name,
                                 steps.size(), values.size()));
  }
  check(values, fmt::format("{}.values", name));
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const bool grows = i == 0 ? steps[i] >= 0 : steps[i] > steps[i - 1];
    if (grows) continue;
    throw ShapeError(fmt::format(
        "{}.steps[{}] is {} after {}; steps from 0 on are expected, each more than the one before", name, i,
        steps[i], i == 0 ? "nothing" : fmt::to_string(steps[i - 1])));
  }
}

void check(const BootstrapOptions& options) {
  if (options.replications < 1 || options.replications > kMostReplications) {
    throw ConfigError(fmt::format("replications is {}; a number from 1 to {} is expected",
                                  options.replications, kMostReplications));
  }
  if (!(options.confidence > 0 && options.confidence < 1)) {
    throw ConfigError(fmt::format("confidence is {}; a number between 0 and 1 is expected, such as 0.95",
                                  options.confidence));
  }
}

// Kahan's: what rounding lost of one addition goes into the next, so the error does not grow with n.
class Sum {
 public:
  void add(double x) {
    const double term = x - lost_, sum = sum_ + term;
    lost_ = (sum - sum_) - term;
    sum_ = sum;
  }
  double value() const { return sum_; }

 private:
  double sum_ = 0, lost_ = 0;
};

// These take what has been checked.

// From the first value on, so that the mean of equal ones is exactly theirs and their spread is 0.
double mean_of(std::span<const double> values) {
  Sum differences;
  for (const double x : values) differences.add(x - values[0]);
  return values[0] + differences.value() / count(values.size());
}

double squared_deviations(std::span<const double> values) {
  const double centre = mean_of(values);
  Sum squares;
  for (const double x : values) squares.add((x - centre) * (x - centre));
  return squares.value();
}

std::vector<double> sorted(std::span<const double> values) {
  std::vector<double> all(values.begin(), values.end());
  std::sort(all.begin(), all.end());
  return all;
}

double quantile_of_sorted(std::span<const double> values, double p) {
  const double place = p * count(values.size() - 1);
  const auto i = static_cast<std::size_t>(place);
  const double after = values[std::min(i + 1, values.size() - 1)];
  return values[i] + (place - std::floor(place)) * (after - values[i]);
}

std::vector<double> task(const Scores& scores, std::size_t m) {
  std::vector<double> column;
  for (const std::vector<double>& run : scores) column.push_back(run[m]);
  return column;
}

std::vector<double> task_means(const Scores& scores) {
  std::vector<double> means;
  for (std::size_t m = 0; m < scores[0].size(); ++m) means.push_back(mean_of(task(scores, m)));
  return means;
}

std::vector<double> flat(const Scores& scores) {
  std::vector<double> all;
  for (const std::vector<double>& run : scores) all.insert(all.end(), run.begin(), run.end());
  return all;
}

// Each task by itself.
void draw_runs(const Scores& from, Rng& rng, Scores& drawn) {
  for (std::vector<double>& run : drawn) {
    for (std::size_t m = 0; m < run.size(); ++m) run[m] = from[rng.below(from.size())][m];
  }
}

// `replicate` draws anew and gives the statistic of what it drew.
Estimate percentiles(double value, const std::function<double()>& replicate,
                     const BootstrapOptions& options) {
  check_number(value, "the statistic of the scores");
  std::vector<double> replications(static_cast<std::size_t>(options.replications));
  for (double& r : replications) {
    r = replicate();
    check_number(r, "the statistic of a bootstrap replication");
  }
  std::sort(replications.begin(), replications.end());
  return {value, quantile_of_sorted(replications, (1 - options.confidence) / 2),
          quantile_of_sorted(replications, (1 + options.confidence) / 2)};
}

}  // namespace

double mean(std::span<const double> values) {
  check(values, "values");
  return mean_of(values);
}

double median(std::span<const double> values) { return quantile(values, 0.5); }

std::optional<double> sample_std(std::span<const double> values) {
  check(values, "values");
  if (values.size() == 1) return std::nullopt;
  return std::sqrt(squared_deviations(values) / count(values.size() - 1));
}

double population_std(std::span<const double> values) {
  check(values, "values");
  return std::sqrt(squared_deviations(values) / count(values.size()));
}

double interquartile_mean(std::span<const double> values) {
  check(values, "values");
  const std::vector<double> all = sorted(values);
  const std::size_t cut = all.size() / 4;
  return mean_of(std::span(all).subspan(cut, all.size() - 2 * cut));
}

double quantile(std::span<const double> values, double p) {
  check(values, "values");
  if (!(p >= 0 && p <= 1)) throw ConfigError(fmt::format("p is {}; a number from 0 to 1 is expected", p));
  return quantile_of_sorted(sorted(values), p);
}

Spread spread(std::span<const double> values) {
  check(values, "values");
  const auto [min, max] = std::minmax_element(values.begin(), values.end());
  return {*min, *max, sample_std(values)};
}

Scores one_task(std::span<const double> values) {
  Scores scores;
  for (const double x : values) scores.push_back({x});
  return scores;
}

double aggregate_mean(const Scores& scores) {
  check(scores, "scores");
  return mean_of(task_means(scores));
}

double aggregate_median(const Scores& scores) {
  check(scores, "scores");
  return median(task_means(scores));
}

double aggregate_iqm(const Scores& scores) {
  check(scores, "scores");
  return interquartile_mean(flat(scores));
}

double aggregate_optimality_gap(const Scores& scores, double gamma) {
  check(scores, "scores");
  check_number(gamma, "gamma");
  std::vector<double> all = flat(scores);
  for (double& score : all) score = std::min(score, gamma);
  return gamma - mean_of(all);
}

double probability_of_improvement(const Scores& x, const Scores& y) {
  check(x, "x");
  check(y, "y");
  if (x[0].size() != y[0].size()) {
    throw ShapeError(
        fmt::format("x has {} tasks and y has {}; the same tasks are expected", x[0].size(), y[0].size()));
  }
  std::vector<double> of_task;
  for (std::size_t m = 0; m < x[0].size(); ++m) {
    double u = 0;  // Mann and Whitney's
    for (const std::vector<double>& a : x) {
      for (const std::vector<double>& b : y) u += a[m] > b[m] ? 1 : a[m] == b[m] ? 0.5 : 0;
    }
    of_task.push_back(u / (count(x.size()) * count(y.size())));
  }
  return mean_of(of_task);
}

Estimate bootstrap(const Scores& scores, const Statistic& statistic, Rng rng,
                   const BootstrapOptions& options) {
  check(scores, "scores");
  check(options);
  Scores drawn = scores;
  return percentiles(
      statistic(scores),
      [&] {
        draw_runs(scores, rng, drawn);
        return statistic(drawn);
      },
      options);
}

Estimate bootstrap(const Scores& x, const Scores& y, const PairStatistic& statistic, Rng rng,
                   const BootstrapOptions& options) {
  check(x, "x");
  check(y, "y");
  check(options);
  Scores drawn_x = x, drawn_y = y;
  return percentiles(
      statistic(x, y),
      [&] {
        draw_runs(x, rng, drawn_x);
        draw_runs(y, rng, drawn_y);
        return statistic(drawn_x, drawn_y);
      },
      options);
}

std::vector<Estimate> bootstrap_curve(std::span<const Scores> points, const Statistic& statistic,
                                      const Rng& rng, const BootstrapOptions& options) {
  for (std::size_t i = 0; i < points.size(); ++i) check(points[i], fmt::format("points[{}]", i));
  std::vector<Estimate> band;
  for (const Scores& point : points) band.push_back(bootstrap(point, statistic, rng, options));
  return band;
}

std::optional<std::int64_t> steps_to_threshold(const Curve& curve, double threshold) {
  check(curve, "curve");
  check_number(threshold, "threshold");
  for (std::size_t i = 0; i < curve.steps.size(); ++i) {
    if (curve.values[i] >= threshold) return curve.steps[i];
  }
  return std::nullopt;
}

double worst_drop(const Curve& curve) {
  check(curve, "curve");
  double best = curve.values[0], drop = 0;
  for (const double v : curve.values) {
    best = std::max(best, v);
    drop = std::max(drop, best - v);
  }
  return drop;
}

std::vector<std::optional<double>> interpolate(const Curve& curve, std::span<const std::int64_t> grid) {
  check(curve, "curve");
  const auto& [steps, values] = curve;
  std::vector<std::optional<double>> at;
  for (const std::int64_t step : grid) {
    const auto next = std::lower_bound(steps.begin(), steps.end(), step);
    const auto i = static_cast<std::size_t>(next - steps.begin());
    if (next == steps.end() || step < steps[0]) {
      at.push_back(std::nullopt);
    } else if (*next == step) {
      at.push_back(values[i]);
    } else {
      const double part =
          static_cast<double>(step - steps[i - 1]) / static_cast<double>(steps[i] - steps[i - 1]);
      at.push_back(values[i - 1] + part * (values[i] - values[i - 1]));
    }
  }
  return at;
}

std::vector<std::int64_t> common_steps(std::span<const Curve> curves) {
  if (curves.empty()) throw ShapeError("curves is empty; at least one curve is expected");
  std::vector<std::int64_t> all;
  std::int64_t first = 0, last = std::numeric_limits<std::int64_t>::max();
  for (std::size_t i = 0; i < curves.size(); ++i) {
    check(curves[i], fmt::format("curves[{}]", i));
    const std::vector<std::int64_t>& steps = curves[i].steps;
    first = std::max(first, steps.front());
    last = std::min(last, steps.back());
    all.insert(all.end(), steps.begin(), steps.end());
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  std::erase_if(all, [&](std::int64_t step) { return step < first || step > last; });
  return all;
}

}  // namespace saccade::rl::statistics
