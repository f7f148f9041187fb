// What training shows while it runs: one live line on a terminal, plain lines elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "rl/training/train.h"

namespace saccade::tools {

/// Where training stands.
struct Progress {
  std::string name;  // of the preset or environment
  std::int64_t step = 0, steps = 0;
  std::int64_t episodes = 0;
  std::optional<double> ret = {};                  // the return of the last episode, once there is one
  std::optional<double> alpha = {}, entropy = {};  // once there are updates
  std::optional<double> steps_per_second = {}, updates_per_second = {}, seconds_left = {};  // once known
};

/// All of it in at most `width` columns: in full where there is room, with shorter labels in 80, and with the
/// least important left out below that. Never empty.
std::string progress_line(const Progress& progress, std::size_t width);

/// The same with the part that is done in reverse video, in the field of the steps.
std::string progress_bar_line(const Progress& progress, std::size_t width);

/// "step  4000  evaluation  -162.31 +- 91.20, ..."
std::string evaluation_line(std::int64_t step, std::int64_t steps, const rl::Evaluation& evaluation);

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

/// Prints to stdout.
class Display {
 public:
  enum class Mode { live, plain, silent };

  explicit Display(Mode mode) : mode_(mode) {}
  ~Display() { clear(); }
  Display(const Display&) = delete;
  Display& operator=(const Display&) = delete;

  /// Live where stdout is a terminal that can rewrite a line, plain elsewhere.
  static Mode best_mode();

  /// Whether update() would show something now: ten times a second when live; when plain, after ten seconds
  /// without a line or a tenth of all steps.
  bool due(std::int64_t step, std::int64_t steps) const;
  void update(const Progress& progress);
  /// A line of its own, above the live one, on how things stand at this step.
  void message(const std::string& line, std::int64_t step);
  /// Takes the live line away.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  Mode mode_;
  std::string line_;  // the live one, while it is shown
  Clock::time_point last_ = Clock::now();
  std::int64_t last_step_ = 0;
};

}  // namespace saccade::tools
