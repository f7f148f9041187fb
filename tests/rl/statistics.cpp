// The statistics of several runs against rliable, NumPy and SciPy, what theory says and what can be counted
// by hand.
#include "rl/runs/statistics.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "tests/support/catch.h"
#include "tests/support/reference_data.h"

using namespace saccade;
using namespace saccade::tests;
using namespace saccade::rl::statistics;
using Catch::Contains;
using Json = nlohmann::json;

namespace {

const Json& facts() {
  static const Json file = reference("rliable.json");
  return file;
}

Scores scores_of(const Json& rows) {
  Scores scores;
  for (const Json& row : rows) scores.push_back(numbers(row));
  return scores;
}

// The entry of a list with that name.
const Json& named(const char* list, const Json& name) {
  for (const Json& entry : facts().at(list)) {
    if (entry.at("name") == name) return entry;
  }
  throw FormatError(fmt::format("{} has no {}", list, name.dump()));
}

// To 1e-12 of the largest number that went in, or of 1.
struct Close {
  double size = 1;
  explicit Close(std::span<const double> inputs) {
    for (const double x : inputs) size = std::max(size, std::abs(x));
  }
  explicit Close(const Scores& inputs) {
    for (const std::vector<double>& row : inputs) size = std::max(size, Close(row).size);
  }
  bool operator()(double ours, double theirs) const { return std::abs(ours - theirs) <= 1e-12 * size; }
};

Statistic statistic(const std::string& name) {
  static const std::map<std::string, Statistic> all = {
      {"mean", aggregate_mean},
      {"median", aggregate_median},
      {"iqm", aggregate_iqm},
      {"optimality_gap", [](const Scores& scores) { return aggregate_optimality_gap(scores); }},
  };
  return all.at(name);
}

// Whether an interval of rliable's is ours but for chance. Each end is the quantile p of R random numbers;
// how many of them lie below a given point has the standard deviation sqrt(R p (1 - p)), so the ranks of the
// two ends differ by about sqrt(2 p (1 - p) / R) of R. Theirs must lie between ours for p - d and for p + d,
// with d five times that, whatever the distribution is. The same generator gives us the same replications
// each time.
template <class Interval>
void check_interval(const Interval& interval, const Json& theirs, double confidence) {
  const std::int64_t replications = facts().at("replications");
  const double p = (1 - confidence) / 2;
  const double d = 5 * std::sqrt(2 * p * (1 - p) / static_cast<double>(replications));
  const Estimate wide = interval(BootstrapOptions{replications, confidence + 2 * d}),
                 narrow = interval(BootstrapOptions{replications, confidence - 2 * d});
  const double low = theirs.at("low"), high = theirs.at("high"),
               rounding = 1e-12 * std::max(1.0, std::abs(low));
  INFO(fmt::format("low {} in {} to {}, high {} in {} to {}", low, wide.low, narrow.low, high, narrow.high,
                   wide.high));
  CHECK(wide.low - rounding <= low);
  CHECK(low <= narrow.low + rounding);
  CHECK(narrow.high - rounding <= high);
  CHECK(high <= wide.high + rounding);
}

Curve curve(std::vector<double> values) {
  Curve c{{}, std::move(values)};
  for (std::size_t i = 0; i < c.values.size(); ++i) c.steps.push_back(static_cast<std::int64_t>(1000 * i));
  return c;
}

// Of `trials` samples of n normal scores around 5, how many 95 % intervals hold the 5.
int covered(std::int64_t n, int trials) {
  Rng rng(17);
  int held = 0;
  for (int t = 0; t < trials; ++t) {
    std::vector<double> scores(static_cast<std::size_t>(n));
    for (double& x : scores) x = 5 + 2 * rng.normal();
    const Estimate e =
        bootstrap(one_task(scores), aggregate_mean, rng.split(fmt::format("{} {}", n, t)), {500, 0.95});
    held += e.low <= 5 && 5 <= e.high;
  }
  return held;
}

}  // namespace

TEST_CASE("aggregates of scores are rliable's", "[statistics]") {
  CHECK(facts().at("aggregates").size() == 18);
  for (const Json& c : facts().at("aggregates")) {
    CAPTURE(c.at("name").get<std::string>());
    const Scores scores = scores_of(c.at("scores"));
    const Close close(scores);
    CHECK(close(aggregate_mean(scores), c.at("mean")));
    CHECK(close(aggregate_median(scores), c.at("median")));
    CHECK(close(aggregate_iqm(scores), c.at("iqm")));
    for (const Json& gap : c.at("optimality_gaps")) {
      CHECK(close(aggregate_optimality_gap(scores, gap.at("gamma")), gap.at("value")));
    }
    CHECK(aggregate_optimality_gap(scores) == aggregate_optimality_gap(scores, 1));
    // With three seeds of a task nothing is cut, and of one task all but the optimality gap are
    // one-dimensional.
    if (scores.size() == 3 && scores[0].size() == 1) CHECK(close(aggregate_iqm(scores), c.at("mean")));
  }
}

TEST_CASE("the probability of improvement is rliable's", "[statistics]") {
  CHECK(facts().at("improvements").size() == 10);
  for (const Json& c : facts().at("improvements")) {
    CAPTURE(c.at("name").get<std::string>());
    const Scores x = scores_of(c.at("x")), y = scores_of(c.at("y"));
    const double p = probability_of_improvement(x, y);
    CHECK(p == Approx(c.at("probability").get<double>()).epsilon(0).margin(1e-12));
    CHECK(probability_of_improvement(y, x) == Approx(1 - p).epsilon(0).margin(1e-12));
  }
}

TEST_CASE("statistics of single rows are NumPy's and SciPy's", "[statistics]") {
  CHECK(facts().at("rows").size() == 16);
  for (const Json& c : facts().at("rows")) {
    const std::vector<double> values = numbers(c.at("values"));
    const Close close(values);
    CAPTURE(values.size());
    CHECK(close(mean(values), c.at("mean")));
    CHECK(close(median(values), c.at("median")));
    CHECK(close(interquartile_mean(values), c.at("iqm")));
    CHECK(close(population_std(values), c.at("population_std")));
    const std::optional<double> std = sample_std(values);
    REQUIRE(std.has_value() == !c.at("sample_std").is_null());
    if (std) CHECK(close(*std, c.at("sample_std")));
    for (const Json& q : c.at("quantiles")) CHECK(close(quantile(values, q.at("p")), q.at("value")));
    CHECK(close(worst_drop(curve(values)), c.at("worst_drop")));
  }
}

TEST_CASE("the interquartile mean of one to three values is their mean", "[statistics]") {
  CHECK(interquartile_mean(std::vector{7.0}) == 7);
  CHECK(interquartile_mean(std::vector{7.0, -1.0}) == 3);
  CHECK(interquartile_mean(std::vector{7.0, -1.0, 9.0}) == 5);
  CHECK(interquartile_mean(std::vector{7.0, -1.0, 9.0, 100.0}) == 8);       // the 7 and the 9
  CHECK(interquartile_mean(std::vector{7.0, -1.0, 9.0, 100.0, 2.0}) == 6);  // the 2, the 7 and the 9
}

TEST_CASE("equal scores have no spread, and a single one none of a sample", "[statistics]") {
  const std::vector<double> equal(7, 0.1);
  CHECK(mean(equal) == 0.1);
  CHECK(sample_std(equal) == 0.0);
  CHECK(population_std(equal) == 0);
  const Spread same = spread(std::vector{4.0, -2.0, 1.0});
  CHECK(same.min == -2);
  CHECK(same.max == 4);
  CHECK(same.std == 3.0);
  CHECK_FALSE(spread(std::vector{4.0}).std.has_value());
}

TEST_CASE("the error of a mean does not grow with the number of values", "[statistics]") {
  std::vector<double> values(1'000'001, 0.1);
  values[0] = 1e6;  // so that no difference from the first is short
  const double exact = (1e6 + 1e6 * 0.1) / 1'000'001;
  CHECK(std::abs(mean(values) - exact) <= 2e-10);  // of 1e6 in size: two roundings
}

TEST_CASE("bootstrap intervals are rliable's but for chance", "[statistics][slow]") {
  CHECK(facts().at("intervals").size() == 29);
  for (const Json& c : facts().at("intervals")) {
    const std::string of = c.at("scores"), name = c.at("statistic");
    CAPTURE(of, name);
    const Scores scores = scores_of(named("aggregates", of).at("scores"));
    check_interval(
        [&](const BootstrapOptions& options) { return bootstrap(scores, statistic(name), Rng(1), options); },
        c, c.at("confidence"));
  }
  CHECK(facts().at("improvement_intervals").size() == 3);
  for (const Json& c : facts().at("improvement_intervals")) {
    CAPTURE(c.at("improvement").get<std::string>());
    const Json& pair = named("improvements", c.at("improvement"));
    const Scores x = scores_of(pair.at("x")), y = scores_of(pair.at("y"));
    check_interval(
        [&](const BootstrapOptions& options) {
          return bootstrap(x, y, probability_of_improvement, Rng(1), options);
        },
        c, c.at("confidence"));
  }
}

TEST_CASE("a learning curve's band is rliable's but for chance", "[statistics][slow]") {
  const Json& c = facts().at("curves");
  std::vector<Scores> points;
  for (const Json& point : c.at("points")) points.push_back(scores_of(point));
  const auto band = [&](const BootstrapOptions& options) {
    return bootstrap_curve(points, aggregate_iqm, Rng(3), options);
  };
  const std::vector<Estimate> ours = band({100, 0.95});
  REQUIRE(ours.size() == points.size());
  for (std::size_t i = 0; i < points.size(); ++i) {
    CAPTURE(i);
    CHECK(Close(points[i])(ours[i].value, c.at("iqm")[i]));
    check_interval([&](const BootstrapOptions& options) { return band(options)[i]; },
                   {{"low", c.at("low")[i]}, {"high", c.at("high")[i]}}, 0.95);
  }
}

// The mean of n normal scores has as its bootstrap distribution about a normal one, with the standard
// deviation of these scores, s sqrt((n - 1) / n), over sqrt(n). So the interval holds the true mean where |t|
// with n - 1 degrees of freedom is below 1.96 sqrt((n - 1) / n). Of three scores, low and high are the
// smallest and the largest, as each is drawn three times in 1 of 27 replications, more than the 2.5 % that
// are cut: they hold the mean unless all lie on one side of it, 1 - 2 / 8.
TEST_CASE("an interval holds the true mean as often as theory says", "[statistics][slow]") {
  struct Case {
    std::int64_t n;
    double theory;
  };
  const int trials = 2000;
  for (const auto& [n, theory] :
       {Case{3, 0.75}, Case{5, 0.8455}, Case{10, 0.9041}, Case{20, 0.9287}, Case{40, 0.9398}}) {
    CAPTURE(n);
    // 1493, 1712, 1787, 1843 and 1862 were counted.
    CHECK(std::abs(covered(n, trials) - trials * theory) <= 3 * std::sqrt(trials * theory * (1 - theory)));
  }
}

TEST_CASE("an interval's ends are the quantiles that can be counted", "[statistics]") {
  SECTION("two runs: their means are 0, 1/2, 1 in 1, 2 and 1 of 4 replications") {
    const Scores scores = {{0}, {1}};
    const Estimate wide = bootstrap(scores, aggregate_mean, Rng(1));
    CHECK(wide.value == 0.5);
    CHECK(wide.low == 0);
    CHECK(wide.high == 1);
    const Estimate narrow = bootstrap(scores, aggregate_mean, Rng(1), {2000, 0.4});
    CHECK(narrow.low == 0.5);
    CHECK(narrow.high == 0.5);
    const Estimate between = bootstrap(scores, aggregate_mean, Rng(1), {2000, 0.6});
    CHECK(between.low == 0);
    CHECK(between.high == 1);
  }
  SECTION("each task draws by itself: both draw their zeros in 1 of 16 replications, not in 1 of 4") {
    const Scores scores = {{0, 0}, {1, 1}};
    const Estimate e = bootstrap(scores, aggregate_mean, Rng(1), {2000, 0.8});
    CHECK(e.low == 0.25);
    CHECK(e.high == 0.75);
    const Estimate wide = bootstrap(scores, aggregate_mean, Rng(1));
    CHECK(wide.low == 0);
    CHECK(wide.high == 1);
  }
  SECTION("and from its own scores alone") {
    const Scores scores = {{0, 100}, {0, 100}, {0, 100}};
    const Estimate e = bootstrap(scores, aggregate_mean, Rng(1));
    CHECK(e.low == 50);
    CHECK(e.high == 50);
  }
  SECTION("two sets draw by themselves: with the same draws for both it would always be 1/2") {
    const Scores scores = {{0}, {1}};
    const Estimate e = bootstrap(scores, scores, probability_of_improvement, Rng(1));
    CHECK(e.value == 0.5);
    CHECK(e.low == 0);  // 1 of 16
    CHECK(e.high == 1);
  }
  SECTION("a single run says nothing of others") {
    const Estimate e = bootstrap({{3, 5}}, aggregate_iqm, Rng(1));
    CHECK(e.value == 4);
    CHECK(e.low == 4);
    CHECK(e.high == 4);
  }
}

TEST_CASE("the same generator gives the same interval, and another one another", "[statistics]") {
  const Scores scores = scores_of(named("aggregates", "ten seeds of four tasks").at("scores"));
  const Estimate a = bootstrap(scores, aggregate_iqm, Rng(1)), b = bootstrap(scores, aggregate_iqm, Rng(1)),
                 c = bootstrap(scores, aggregate_iqm, Rng(2));
  CHECK(a.low == b.low);
  CHECK(a.high == b.high);
  CHECK(a.low != c.low);
  CHECK(a.high != c.high);
  CHECK(std::abs(a.low - c.low) < 0.1 * (a.high - a.low));
}

TEST_CASE("every point of a curve draws the same runs", "[statistics]") {
  const Scores first = scores_of(named("aggregates", "ten seeds of four tasks").at("scores"));
  Scores second = first;  // the same runs, 64 higher
  for (std::vector<double>& run : second) {
    for (double& score : run) score += 64;
  }
  const std::vector<Scores> points = {first, second, {{5}, {5}}};
  const std::vector<Estimate> band = bootstrap_curve(points, aggregate_iqm, Rng(1), {200, 0.95});
  REQUIRE(band.size() == 3);
  CHECK(std::abs(band[1].value - (band[0].value + 64)) < 1e-12);
  CHECK(std::abs(band[1].low - (band[0].low + 64)) < 1e-12);
  CHECK(std::abs(band[1].high - (band[0].high + 64)) < 1e-12);
  CHECK(band[2].low == 5);  // other numbers of runs may be there
  CHECK(bootstrap_curve({}, aggregate_iqm, Rng(1)).empty());
}

TEST_CASE("curves are interpolated as NumPy does, and not beyond their ends", "[statistics]") {
  CHECK(facts().at("interpolations").size() == 4);
  for (const Json& c : facts().at("interpolations")) {
    const Curve from{c.at("steps"), numbers(c.at("values"))};
    const std::vector<std::int64_t> grid = c.at("grid");
    const std::vector<std::optional<double>> at = interpolate(from, grid);
    REQUIRE(at.size() == grid.size());
    const Close close(from.values);
    for (std::size_t i = 0; i < grid.size(); ++i) {
      CAPTURE(from.steps.size(), grid[i]);
      const Json& theirs = c.at("interpolated")[i];
      REQUIRE(at[i].has_value() == !theirs.is_null());
      if (at[i]) CHECK(close(*at[i], theirs));
    }
  }
  const std::vector<std::int64_t> grid = {-1, 0, 10, 15, 20, 21};
  const std::vector<std::optional<double>> expected = {std::nullopt, std::nullopt, 1, 2, 3, std::nullopt};
  CHECK(interpolate({{10, 20}, {1, 3}}, grid) == expected);
}

TEST_CASE("bad scores give one error that names them", "[statistics]") {
  const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  const std::vector<double> none;
  for (const auto& f : {mean, median, population_std, interquartile_mean}) {
    CHECK_THROWS_WITH(f(none), "values is empty; at least one number is expected");
    CHECK_THROWS_WITH(f(std::vector{1.0, nan}),
                      "values[1] is nan; a number of at most 1e+150 in size is expected");
    CHECK_THROWS_AS(f(std::vector{inf}), Error);
  }
  CHECK_THROWS_AS(sample_std(none), ShapeError);
  CHECK_THROWS_AS(spread(none), ShapeError);
  CHECK_THROWS_AS(quantile(none, 0.5), ShapeError);
  for (const double p : {-0.1, 1.1, nan}) CHECK_THROWS_WITH(quantile(std::vector{1.0}, p), Contains("p is "));

  for (const char* name : {"mean", "median", "iqm", "optimality_gap"}) {
    const Statistic f = statistic(name);
    CHECK_THROWS_WITH(f({}), "scores is empty; a row for each run is expected");
    CHECK_THROWS_WITH(f({{}}), "scores[0] is empty; at least one number is expected");
    CHECK_THROWS_WITH(f({{1, 2}, {3}}),
                      "scores[1] has 1 scores and scores[0] has 2; every run has one for each task");
    CHECK_THROWS_WITH(f({{1, 2}, {3, -inf}}), Contains("scores[1][1] is -inf"));
    CHECK_THROWS_AS(f({{1e151}}), Error);
  }
  CHECK_THROWS_WITH(aggregate_optimality_gap({{1}}, nan), Contains("gamma is nan"));
  CHECK_THROWS_WITH(probability_of_improvement({{1}}, {{nan}}), Contains("y[0][0] is nan"));
  CHECK_THROWS_WITH(probability_of_improvement({}, {{1}}), Contains("x is empty"));
  CHECK_THROWS_WITH(probability_of_improvement({{1, 2}}, {{1}}),
                    "x has 2 tasks and y has 1; the same tasks are expected");

  CHECK_THROWS_WITH(bootstrap({{1}, {nan}}, aggregate_mean, Rng(1)), Contains("scores[1][0] is nan"));
  CHECK_THROWS_WITH(bootstrap({{1}}, {}, probability_of_improvement, Rng(1)), Contains("y is empty"));
  CHECK_THROWS_WITH(bootstrap_curve(std::vector<Scores>{{{1}}, {}}, aggregate_mean, Rng(1)),
                    Contains("points[1] is empty"));
  for (const std::int64_t replications : {-1, 0, 10'000'001}) {
    CHECK_THROWS_AS(bootstrap({{1}}, aggregate_mean, Rng(1), {replications, 0.95}), ConfigError);
  }
  for (const double confidence : {0.0, 1.0, 95.0, nan}) {
    CHECK_THROWS_WITH(bootstrap({{1}}, aggregate_mean, Rng(1), {10, confidence}), Contains("confidence is "));
  }
  const auto inverse = [](const Scores& scores) { return 1 / aggregate_mean(scores); };
  CHECK_THROWS_WITH(bootstrap({{0}, {1}}, inverse, Rng(1)),
                    Contains("the statistic of a bootstrap replication is inf"));
}
