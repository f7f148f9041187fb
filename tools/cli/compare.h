// The runs of a comparison, as processes, and what they came to: for `saccade compare` and `train --seeds`.
#pragma once

#include <string>

#include "rl/runs/comparison.h"

namespace saccade::cli {

struct CompareOptions {
  std::string folder;  // of runs and results
  std::string title;
  std::string again;  // the command that goes on, without the program's name
  int jobs = 0;       // how many runs at once; 0 for one a core
  bool quiet = false, report_only = false;
};

/// A flag's number of runs at once, or 0 where it was not given.
int parse_jobs(const std::string& flag, const std::string& text);

/// Trains what is not done, shows a table while it does, and writes scores.csv and comparison.html. The exit
/// status: 1 if a run failed, 128 and a signal if one stopped it.
int compare(const rl::Comparison& comparison, const CompareOptions& options);

}  // namespace saccade::cli
