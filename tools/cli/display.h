// How training shows itself while it runs: one live line on a terminal, plain lines elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "rl/runs/progress.h"
#include "rl/training/evaluation.h"

namespace saccade::cli {

using rl::Progress;

/// Where training stands, in at most `width` columns: in full where there is room, with shorter labels in 80,
/// and with the least important left out below that. Of the metrics, those that ask for it. Never empty.
std::string progress_line(const Progress& progress, std::size_t width);

/// The same with the part that is done in reverse video, in the field of the steps.
std::string progress_bar_line(const Progress& progress, std::size_t width);

/// "step  4000  evaluation  -162.31 +- 91.20, ..."
std::string evaluation_line(std::int64_t step, std::int64_t steps, const rl::Evaluation& evaluation);

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

}  // namespace saccade::cli
