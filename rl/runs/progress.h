// Where a run stands while it runs, for whoever shows it.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "rl/metrics.h"

namespace saccade::rl {

struct Progress {
  std::string name;  // of the preset or environment
  std::int64_t step = 0, steps = 0;
  std::int64_t episodes = 0;
  std::optional<double> ret = {};  // the return of the last episode, once there is one
  Metrics metrics = {};            // of the last update; empty while there is none
  std::optional<double> steps_per_second = {}, updates_per_second = {}, seconds_left = {};  // once known
};

/// Steps and updates per second over the last few seconds, from samples of their counts.
class Rates {
 public:
  /// `seconds` since any moment. Samples that come in quick succession are left out.
  void add(double seconds, std::int64_t step, std::int64_t updates);
  /// Nothing until there is something to go by.
  std::optional<double> steps_per_second() const { return rate(&Sample::step); }
  std::optional<double> updates_per_second() const { return rate(&Sample::updates); }

 private:
  struct Sample {
    double seconds;
    std::int64_t step, updates;
  };
  std::optional<double> rate(std::int64_t Sample::*count) const;
  std::deque<Sample> samples_;
};

}  // namespace saccade::rl
