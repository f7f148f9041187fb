// Ctrl-C and its kin, made into a question that the training loop asks.
#pragma once

#include <csignal>

namespace saccade::cli {

/// While it lives, the first SIGINT, SIGTERM or SIGHUP is kept instead of ending the program; a second ends
/// it at once. One at a time.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  /// The signal that came, or 0.
  static int received();

 private:
  struct sigaction before_[3];
};

}  // namespace saccade::cli
