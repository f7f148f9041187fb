// Mutation testing of the gradient checks: every gradient of every op is broken on purpose, and some check
// must notice.
#pragma once

#include <string>
#include <vector>

#include "tools/gradcheck/suite.h"

namespace saccade::suite {

/// One edge of one op, broken in one way.
struct Mutant {
  std::string op;
  std::size_t edge = 0;  // which of the op's inputs
  std::string kind;      // "scaled by 1.01", "negated", ...
  bool killed = false;
  std::string killer;       // the check that noticed, or for a survivor why
  bool equivalent = false;  // a survivor that changed no number: not wrong at all
};

/// The ways to break a gradient, by name.
std::vector<std::string> mutation_kinds();

/// Makes every mutant of every edge that the checks' tapes hold, and runs the checks in which it occurs until
/// one fails. Throws GradError if a check fails before anything is broken: then no mutant would say anything.
std::vector<Mutant> mutate(const std::vector<Check>& checks);

}  // namespace saccade::suite
