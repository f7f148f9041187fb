// How far off log pi(a) and its gradient are, over u: the stable form and the one with 1e-6.
#pragma once

#include <string>
#include <vector>

namespace saccade::suite {

struct LogProbErrors {
  std::vector<double> u;  // the middle of each bin
  struct Curve {
    std::string form, dtype;              // "stable" or "1e-6"; "f32" or "f64"
    std::vector<double> value, gradient;  // the largest |error| in each bin
  };
  std::vector<Curve> curves;
};

/// For one action with mean = u and log_std = 0, against a reference in long double, at 2561 points u from
/// -20 to 20 that f32 holds exactly; in bins of 1/4.
LogProbErrors log_prob_errors();

}  // namespace saccade::suite
