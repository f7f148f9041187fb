// Measuring: each case several times, interleaved, beside the part of what the machine could do.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tools/bench/cases.h"

namespace saccade::bench {

/// A line of the table: the median of its times as a rate, or the peak of memory.
struct Row {
  std::string name;
  int threads;
  std::vector<double> seconds;  // none for the memory
  double value;
  std::string unit;
  std::optional<double> limit;  // in the same unit
};

/// "gemm/256/t2": a name on so many threads.
std::string key(const std::string& name, int threads);

/// The share of its limit that a row reaches; it must have one.
double part_of_limit(const Row& row);

/// Says of a name whether it is to be measured.
using Wanted = std::function<bool(const std::string& name)>;

/// The names that are wanted among those measured, in order.
std::vector<std::string> names(const Wanted& wanted);

/// Measures it, on each of these numbers of threads, and takes medians of so many repeats. On a terminal a
/// line on stderr says what is being measured.
std::vector<Row> measure(const Wanted& wanted, const std::vector<int>& threads, std::int64_t repeats);

}  // namespace saccade::bench
