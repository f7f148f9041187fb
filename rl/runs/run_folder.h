// A training run on disk:
//
//     config.json     versions, instruction set, threads, preset, and every hyper-parameter
//     progress.csv    a row for every finished episode
//     eval.csv        a row for every evaluation
//     checkpoint/     all that training needs to go on: see rl/checkpoint.h
//     summary.json    once training is done
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "rl/runs/config.h"

namespace saccade::rl {

/// The facts that a run begins with.
struct RunInfo {
  std::string preset;  // or "", for an environment by its name
  Config config;
  std::string instruction_set;  // that it was begun with
  std::string fingerprint;      // of the environment then: envs::Spec

  const std::string& name() const { return preset.empty() ? config.run.env : preset; }
};

/// The path of one of a run's files.
std::string run_file(const std::string& run, const std::string& name);

/// From config.json and to it. Throws FormatError or ConfigError, naming the file, where there is no run. A key that the file lacks has its
/// default, which for one that is newer than the run is what was done before there was a choice.
RunInfo read_run_info(const std::string& run);
void write_run_info(const std::string& run, const RunInfo& info);

/// Makes a new folder: `path`; or where that is empty, runs/<name>-<seed>, or the first of
/// runs/<name>-<seed>-2, -3, ... that is free; of an algorithm other than SAC, runs/<name>-<algorithm>-<seed>. Returns its path. Throws ConfigError if there is anything at
/// `path` already.
std::string create_run_folder(const std::string& path, const RunInfo& info);

/// Replaces the file at once: a reader sees the old or the new one. Throws FormatError if it cannot be
/// written.
void write_json(const std::string& path, const nlohmann::ordered_json& json);

/// Keeps others from training in the same folder. Throws ConfigError while another program does.
class RunLock {
 public:
  explicit RunLock(const std::string& run);
  ~RunLock();
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

 private:
  int descriptor_ = -1;
};

}  // namespace saccade::rl
