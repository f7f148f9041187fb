// Several configurations on several tasks, each with several seeds: which runs that takes, and where they
// are.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "rl/runs/run_folder.h"

namespace saccade::rl {

struct ComparedRun {
  std::string task, configuration;  // by their names in the specification
  RunInfo info;                     // with its seed
  std::string folder;
};

struct Comparison {
  std::vector<std::string> tasks, configurations;
  std::vector<std::int64_t> seeds;
  std::map<std::string, double> thresholds;  // of tasks: returns that count as good
  std::vector<ComparedRun> runs;  // seed by seed, so that all that is compared comes along together
};

/// What a specification asks for, a JSON file, with the runs below the folder `out`:
///
///     {"tasks": ["pendulum", "Hopper-v4"],                 presets or environments; or with settings of
///                                                          their own: {"Hopper-v4": {"steps": 300000}}
///      "seeds": [1, 2, 3],                                 or "1..3"
///      "set": {"eval_every": 5000},                        of all runs; may be left out
///      "configurations": {"SAC": {"algorithm": "sac"}, "no entropy": {"algorithm": "td3"}},
///      "thresholds": {"Hopper-v4": 2500}}                  otherwise the environments' own
///
/// A configuration's settings are over a task's, those over the ones of all. One that is called as an
/// algorithm is, "td3" or "TD3", is of that algorithm, whatever is set for all or for its task, unless it
/// says otherwise itself; so a list of them will do: ["sac", "td3"]. FormatError or ConfigError, naming file
/// and key, for anything that is unknown, missing or does not fit, before there are any files.
Comparison read_comparison(const std::string& path, const std::string& out);

/// The same of one configuration with these seeds.
Comparison comparison_of(const RunInfo& info, const std::vector<std::int64_t>& seeds, const std::string& out);

/// "1..5" or "1,2,7". ConfigError for what is neither, or has a seed twice.
std::vector<std::int64_t> parse_seeds(const std::string& flag, const std::string& text);

enum class RunStage { none, begun, done };
/// Where a run stands; one of fewer steps can go on from its checkpoint. One that is done needs none.
/// ConfigError if its folder holds one of other settings, or one that cannot go on.
RunStage stage_of(const ComparedRun& run);

}  // namespace saccade::rl
