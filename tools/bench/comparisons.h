// The comparisons of saccade_bench_peers, and how far each is to get.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tools/bench/work.h"

namespace saccade::bench {

/// The goal: a ratio of at least `figure`, or if `absolute` a time of at most that in seconds.
struct Reach {
  double figure, stretch;
  bool absolute = false;
};

/// Ours and a peer's way of the same work, part by part. Without `theirs` it is ours alone.
struct Comparison {
  std::string peer;  // "oneDNN 2.6.3"
  int threads;       // ours
  std::vector<std::string> names;
  Work ours, theirs;
  std::optional<Reach> reach;
};

/// Comparisons whose parts' names are wanted, as functions to make them of, since making some takes a while.
struct Candidate {
  std::vector<std::string> names;
  std::function<Comparison()> make;
};
std::vector<Candidate> all_comparisons(const std::vector<int>& threads);

/// Products of this engine on AVX2 against OpenBLAS's Haswell kernels: to be run in a process whose
/// environment says so for both.
std::vector<Candidate> haswell_comparisons();

}  // namespace saccade::bench
