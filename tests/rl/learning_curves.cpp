// What a single learning curve says: rl/runs/statistics.h.
#include <limits>
#include <optional>
#include <vector>

#include "base/error.h"
#include "rl/runs/statistics.h"
#include "tests/support/catch.h"

using namespace saccade;
using namespace saccade::rl::statistics;
using Catch::Contains;

namespace {

Curve curve(std::vector<double> values) {
  Curve c{{}, std::move(values)};
  for (std::size_t i = 0; i < c.values.size(); ++i) c.steps.push_back(static_cast<std::int64_t>(1000 * i));
  return c;
}

}  // namespace

TEST_CASE("steps to a threshold are those of the first evaluation that reaches it", "[statistics]") {
  const Curve c = curve({-5, 1, -3, 2, 2});
  CHECK(steps_to_threshold(c, 1) == 1000);  // though it falls below it again
  CHECK(steps_to_threshold(c, 1.5) == 3000);
  CHECK(steps_to_threshold(c, -9) == 0);
  CHECK_FALSE(steps_to_threshold(c, 2.5).has_value());
}

TEST_CASE("the worst drop is from the best so far, not from the best of all", "[statistics]") {
  CHECK(worst_drop(curve({1, 5, 2, 9, 8})) == 3);
  CHECK(worst_drop(curve({9, 1, 5, 2})) == 8);
  CHECK(worst_drop(curve({-4, -3, -3, 0})) == 0);
  CHECK(worst_drop(curve({-7})) == 0);
}

TEST_CASE("common steps are all evaluations' within every curve", "[statistics]") {
  const std::vector<Curve> curves = {{{0, 10, 20, 30}, {0, 0, 0, 0}}, {{5, 10, 25}, {0, 0, 0}}};
  CHECK(common_steps(curves) == std::vector<std::int64_t>{5, 10, 20, 25});
  const std::vector<Curve> apart = {{{0, 10}, {0, 0}}, {{20, 30}, {0, 0}}};
  CHECK(common_steps(apart).empty());
}

TEST_CASE("bad curves give one error that names them", "[statistics]") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH(worst_drop({}), "curve.values is empty; at least one number is expected");
  CHECK_THROWS_WITH(worst_drop({{1, 2}, {3}}),
                    "curve has 2 steps and 1 values; one value for each step is expected");
  CHECK_THROWS_WITH(steps_to_threshold({{1, 2}, {3, nan}}, 0), Contains("curve.values[1] is nan"));
  CHECK_THROWS_WITH(steps_to_threshold({{1}, {3}}, nan), Contains("threshold is nan"));
  CHECK_THROWS_WITH(interpolate({{1, 1}, {3, 4}}, {}), Contains("curve.steps[1] is 1 after 1"));
  CHECK_THROWS_WITH(interpolate({{-5}, {3}}, {}), Contains("curve.steps[0] is -5"));
  CHECK_THROWS_WITH(common_steps({}), Contains("curves is empty"));
  CHECK_THROWS_WITH(common_steps(std::vector<Curve>{curve({1}), {}}), Contains("curves[1].values is empty"));
}
