// Starting `saccade` several times, by mpirun.
#pragma once

#include <fmt/format.h>

#include <string>

#include "tests/support/command.h"

namespace saccade::test {

// Tests may run as root, and on fewer processors than there are ranks; and a rank's threads go where they
// like.
inline const std::string kMpirun = "timeout 100 mpirun --allow-run-as-root --oversubscribe --bind-to none ";

/// `mpirun -n RANKS saccade ARGUMENTS`, with more options for mpirun.
inline Output mpirun(const TemporaryFolder& folder, int ranks, const std::string& arguments,
                     const std::string& options = "") {
  return run_shell(folder,
                   fmt::format("{}{} -n {} '{}' {}", kMpirun, options, ranks, SACCADE_BINARY, arguments));
}

/// Another number of ranks, or other arguments or variables for some: "-n 1 $S train ... : -n 1 $S train
/// ...".
inline Output mpirun_mixed(const TemporaryFolder& folder, const std::string& contexts) {
  return run_shell(folder, fmt::format("S='{}'; {}{}", SACCADE_BINARY, kMpirun, contexts));
}

/// A tenth of a second of training.
inline const std::string kSmall =
    "train pendulum --quiet --set hidden=[8] --set batch_size=9 --set learning_starts=60 --set "
    "buffer_size=300 "
    "--set checkpoint_every=60 --set eval_every=120 --set eval_episodes=1 --set final_eval_episodes=1 "
    "--set diagnose_every=120 ";

/// The bits of a run that do not hold its times.
inline std::string result_of(const TemporaryFolder& folder, const std::string& run, int ranks) {
  std::string all;
  for (const std::string name : {"checkpoint/weights.safetensors", "checkpoint/optimizer.safetensors",
                                 "checkpoint/replay.safetensors", "eval.csv", "diagnostics.jsonl"}) {
    all += read_file(folder.path(run + "/" + name));
  }
  for (int rank = 1; rank < ranks; ++rank) {
    all += read_file(folder.path(fmt::format("{}/checkpoint/replay-{}.safetensors", run, rank)));
  }
  return all;
}

}  // namespace saccade::test
