// saccade train --dashboard: the report of a run as it grows, in a browser.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "rl/runs/training.h"

namespace saccade::cli {

struct DashboardOptions {
  std::string host = "127.0.0.1";
  int port = 8080;
  std::chrono::milliseconds patience{20'000};  // so long a connection may last, unless it follows the run
};

/// Serves one page and what keeps it up to date, from threads of its own, which only read the run's files and
/// copies: nothing that a browser does reaches the training. Beyond the loopback addresses a token is asked
/// for, which url() has.
class Dashboard {
 public:
  /// Takes the port. ConfigError where it is taken, or the address is none of this machine's.
  explicit Dashboard(const DashboardOptions& options);
  /// Ends what browsers still wait for.
  ~Dashboard();
  Dashboard(const Dashboard&) = delete;
  Dashboard& operator=(const Dashboard&) = delete;

  std::string url() const;

  /// Serves this run from now on.
  void show(const rl::Training& training);
  /// For a TrainingListener: new numbers, or a new row of diagnostics or evaluations. While somebody watches,
  /// the second also has the present policy play an episode.
  void progressed(const rl::Training& training);
  void grew(const rl::Training& training);
  /// The run has come to its end: open pages take its last report, for which there is a second.
  void ended();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace saccade::cli
