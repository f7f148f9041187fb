// Everything that `saccade bench` can measure.
#pragma once

#include <string>
#include <vector>

#include "tools/bench/work.h"

namespace saccade::bench {

/// Part of the least time that a line could take: so many calls of the case of that name, on as many threads
/// where there is one.
struct Limit {
  std::string name;
  double calls;
};

/// One line of the result. Its rate is `amount` / seconds, in `unit`; its limit the sum of `limits`, if any.
struct Line {
  std::string name;
  double amount = 1;
  std::string unit;
  std::vector<Limit> limits = {};
};

/// Lines that are measured together, part by part of their work.
struct Case {
  int threads;
  std::vector<Line> lines;
  std::function<Work()> make;
};

/// For each number of threads; what uses one thread is there once. The limits come first.
std::vector<Case> all_cases(const std::vector<int>& threads);

}  // namespace saccade::bench
