// Ctrl-C and its kin, made into a question that the training loop asks.
//
// Every signal that would end the program and can be kept from it: a terminal that closes, a reader of the
// output that goes away, a batch system that gives notice.
#pragma once

#include <csignal>
#include <utility>
#include <vector>

namespace saccade::cli {

/// While it lives, the first such signal is kept instead of ending the program; a second ends it at once, but
/// for SIGPIPE, which every line of output brings again. One at a time.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  /// The signal that came, or 0.
  static int received();

 private:
  std::vector<std::pair<int, struct sigaction>> before_;
};

}  // namespace saccade::cli
