// The measurements of `saccade gradcheck`: the checks of the suite, and how far off each is.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tools/gradcheck/suite.h"

namespace saccade::suite {

struct Measures {
  int order = 2;     // of the gradients compared with finite differences; 0: none
  bool f32 = false;  // f32 against f64
};

/// One check. An error that was not measured is -1.
struct Variant {
  std::string name;
  std::int64_t elements = 0;      // of the inputs
  double relative[2] = {-1, -1};  // worst errors of orders 1 and 2, against finite differences
  double value = -1;              // error of the value, where another way to it is known
  double f32 = -1;                // in units of f32's rounding
  std::vector<std::string> failures = {};

  bool passed() const { return failures.empty(); }
};

/// All checks of one op or quantity.
struct Row {
  std::string group, name;
  std::string formula = {};  // "y = tanh x;  dx = g (1 - y^2)"
  double f32_limit = 0;
  std::vector<Variant> variants = {};

  std::int64_t elements() const;
  double relative(int order) const;  // the worst
  double value() const;
  double f32() const;
  int failures() const;
};

/// Whether the text holds the pattern, in which * and ? match; whatever the case.
bool matches(const std::string& text, const std::string& pattern);

/// The checks whose "group/name variant" holds the pattern, those of one name together. Throws ConfigError if
/// there are none.
std::vector<Check> select(std::vector<Check> checks, const std::string& pattern);

/// Runs the checks in order; calls `done` with each row as soon as it is complete.
std::vector<Row> run_checks(const std::vector<Check>& checks, const Measures& measures,
                            const std::function<void(const Row&)>& done);

/// The ops that the failing checks have in common: "12 checks fail; all use softplus, as do 3 that pass", or
/// "" if no more than one fails. `rows` are those of the checks.
std::string suspicion(const std::vector<Check>& checks, const std::vector<Row>& rows);

/// "1.3e-11", "0" or "" if not measured.
std::string error_text(double error);

}  // namespace saccade::suite
