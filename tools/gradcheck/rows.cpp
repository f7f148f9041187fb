#include "tools/gradcheck/rows.h"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "base/error.h"

namespace saccade::suite {

namespace {

// In units of f32's rounding. A check takes a few dozen roundings on the way to a value or gradient; see
// tests/autograd/gradcheck.cpp. What log pi(a) is computed from here is u alone: it is rounded by up to |u|
// <= 20 units, and (u - mean) / std divides that by std >= e^-4. Training keeps eps and does not divide.
double f32_limit(const Check& check) { return check.name == "log pi(a)" ? 1024 : 64; }

// Those of one group, and in it of one name, together; otherwise in the suite's order.
void sort_by_name(std::vector<Check>& checks) {
  std::map<std::string, std::size_t> groups, names;
  const auto place = [&](const Check& check) {
    return std::pair(groups.at(check.group), names.at(check.group + '/' + check.name));
  };
  for (const Check& check : checks) {
    groups.emplace(check.group, groups.size());
    names.emplace(check.group + '/' + check.name, names.size());
  }
  std::stable_sort(checks.begin(), checks.end(),
                   [&](const Check& a, const Check& b) { return place(a) < place(b); });
}

void compare_with_differences(Variant& variant, const Check& check, int order) {
  const GradcheckResult result = check.run(order);
  for (int n = 1; n <= order; ++n) variant.relative[n - 1] = result.worst_relative_error(n);
  if (!result.passed()) variant.failures.push_back(result.explanation());
}

void compare_with_expected(Variant& variant, const Check& check) {
  try {
    variant.value = value_error(check);
    if (variant.value < kValueTolerance) return;
    variant.failures.push_back(fmt::format(
        "its value is another than that of the formula, by {:.1e} relative; expected less than {:.0e}",
        variant.value, kValueTolerance));
  } catch (const std::exception& error) {
    variant.value = INFINITY;
    variant.failures.push_back(fmt::format("its value: {}", error.what()));
  }
}

void compare_with_f64(Variant& variant, const Check& check) {
  const double limit = f32_limit(check);
  try {
    variant.f32 = f32_error(check);
    if (variant.f32 < limit) return;
    variant.failures.push_back(fmt::format(
        "f32 is {:.0f} units of its rounding away from f64; expected less than {:.0f}", variant.f32, limit));
  } catch (const Error& error) {
    variant.f32 = INFINITY;
    variant.failures.push_back(fmt::format("in f32: {}", error.what()));
  }
}

Variant measure(const Check& check, const Measures& measures) {
  Variant variant{check.variant};
  for (const Tensor& input : check.inputs) variant.elements += input.numel();
  if (measures.order > 0 && check.expected) compare_with_expected(variant, check);
  if (measures.order > 0 && check.differentiable) compare_with_differences(variant, check, measures.order);
  if (measures.f32) compare_with_f64(variant, check);
  return variant;
}

template <class F>
double worst(const Row& row, const F& error) {
  double max = -1;
  for (const Variant& variant : row.variants) max = std::max(max, error(variant));
  return max;
}

}  // namespace

std::int64_t Row::elements() const {
  std::int64_t total = 0;
  for (const Variant& variant : variants) total += variant.elements;
  return total;
}

double Row::relative(int order) const {
  return worst(*this, [order](const Variant& variant) { return variant.relative[order - 1]; });
}

double Row::value() const {
  return worst(*this, [](const Variant& variant) { return variant.value; });
}

double Row::f32() const {
  return worst(*this, [](const Variant& variant) { return variant.f32; });
}

int Row::failures() const {
  return static_cast<int>(std::count_if(variants.begin(), variants.end(),
                                        [](const Variant& variant) { return !variant.passed(); }));
}

bool matches(const std::string& text, const std::string& pattern) {
  return fnmatch(("*" + pattern + "*").c_str(), text.c_str(), FNM_CASEFOLD) == 0;
}

std::vector<Check> select(std::vector<Check> checks, const std::string& pattern) {
  std::erase_if(checks, [&](const Check& check) {
    return !matches(fmt::format("{}/{} {}", check.group, check.name, check.variant), pattern);
  });
  if (checks.empty()) {
    throw ConfigError(fmt::format(
        "--filter: no check matches '{}'; expected part of a name, such as matmul or tanh", pattern));
  }
  sort_by_name(checks);
  return checks;
}

std::vector<Row> run_checks(const std::vector<Check>& checks, const Measures& measures,
                            const std::function<void(const Row&)>& done) {
  std::vector<Row> rows;
  for (const Check& check : checks) {
    if (rows.empty() || rows.back().group != check.group || rows.back().name != check.name) {
      if (!rows.empty()) done(rows.back());
      rows.push_back({check.group, check.name, "", f32_limit(check)});
    }
    if (rows.back().formula.empty()) rows.back().formula = check.formula;
    rows.back().variants.push_back(measure(check, measures));
  }
  if (!rows.empty()) done(rows.back());
  return rows;
}

std::string error_text(double error) {
  if (error < 0) return "";
  return error == 0 ? "0" : fmt::format("{:.1e}", error);
}

}  // namespace saccade::suite
