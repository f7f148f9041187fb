// A training run on disk:
//
//     config.json     versions, instruction set, threads, preset, and every hyper-parameter
//     task.json       of a task file: the file, its model and all that the model is made of
//     progress.csv    a row for every finished episode
//     eval.csv        a row for every evaluation
//     diagnostics.jsonl   after a first row that says how, what the agent thinks and what comes of it: logs.h
//     tensorboard/    the same for TensorBoard, if it was asked for: see tensorboard_log.h
//     checkpoint/     all that training needs to go on: see rl/training/checkpoint.h
//     summary.json    once training is done
#pragma once

#include <memory>
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

/// The folder with a run's event file, and the file.
constexpr const char* kTensorBoardFolder = "tensorboard";
constexpr const char* kTensorBoardFile = "tensorboard/events.out.tfevents.saccade";

/// The copy of a task file, in a run's folder.
constexpr const char* kTaskFile = "task.json";

/// The path of one of a run's files.
std::string run_file(const std::string& run, const std::string& name);

/// From config.json and to it, and so with task.json: the run's task is what it was when the run began,
/// whatever has become of the file since. Throws FormatError or ConfigError, naming the file, where there is
/// no run. A key that the file lacks has its default, which for one that is newer than the run is what was
/// done before there was a choice.
RunInfo read_run_info(const std::string& run);
void write_run_info(const std::string& run, const RunInfo& info);

/// The first part of reading it: makes the run's own task known, if it has one, to which `config` must
/// belong. FormatError if it does not.
void remember_task_of(const std::string& run, const nlohmann::ordered_json& config);

/// A run may come from a stranger, and its files are written to: FormatError if one of them is a link, which
/// might lead anywhere.
void refuse_links(const std::string& run);

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

/// A folder for a new run, locked from the moment that it is known to be free.
class NewRunFolder {
 public:
  /// At `path`; or where that is empty, at runs/<name>-<seed> (of an algorithm other than the default one,
  /// runs/<name>-<algorithm>-<seed>), or the first with -2, -3, ... behind it that is free. A folder is free
  /// if it is empty, or holds a run that was killed before its first checkpoint. ConfigError if there is
  /// anything else.
  NewRunFolder(const std::string& path, const RunInfo& info);
  /// Takes away what is in it, and the folder if it was made here, unless the run is kept.
  ~NewRunFolder();
  NewRunFolder(const NewRunFolder&) = delete;
  NewRunFolder& operator=(const NewRunFolder&) = delete;

  const std::string& path() const { return path_; }
  /// The run has its first checkpoint: everything stays, and the lock goes to the caller.
  std::unique_ptr<RunLock> keep();

 private:
  void take(const std::string& path);

  std::string path_;
  bool made_ = false;
  std::unique_ptr<RunLock> lock_;
};

}  // namespace saccade::rl
