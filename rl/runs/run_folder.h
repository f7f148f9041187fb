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

#include "rl/config.h"

namespace saccade::tools {

/// What a run is of.
struct RunInfo {
  std::string preset;  // or "", for an environment by its name
  rl::Config config;
  std::string instruction_set;  // that it was begun with
  std::string fingerprint;      // of the environment then: envs::Spec

  const std::string& name() const { return preset.empty() ? config.env : preset; }
};

/// The path of one of a run's files.
std::string run_file(const std::string& run, const std::string& name);

/// From config.json and to it. Throws FormatError or ConfigError, naming the file, where there is no run or
/// where it does not hold every hyper-parameter.
RunInfo read_run_info(const std::string& run);
void write_run_info(const std::string& run, const RunInfo& info);

/// Makes a new folder: `path`; or where that is empty, runs/<name>-<seed>, or the first of
/// runs/<name>-<seed>-2, -3, ... that is free. Returns its path. Throws ConfigError if there is anything at
/// `path` already.
std::string create_run_folder(const std::string& path, const RunInfo& info);

/// Replaces the file at once: a reader sees the old or the new one. Throws FormatError if it cannot be
/// written.
void write_json(const std::string& path, const nlohmann::ordered_json& json);

/// A table that grows row by row; each is on its way to disk when add_row returns. Throws FormatError naming
/// the file where it cannot be written.
class CsvFile {
 public:
  /// A new file.
  CsvFile(std::string path, const std::string& header);
  /// One that had `size` bytes when the checkpoint was made. Throws FormatError if it is shorter by now, or
  /// if no row ends there.
  CsvFile(std::string path, std::int64_t size);
  ~CsvFile();
  CsvFile(const CsvFile&) = delete;
  CsvFile& operator=(const CsvFile&) = delete;

  /// Cuts off what was written after that checkpoint.
  void cut();
  void add_row(const std::string& row);
  /// Waits until all of it is on disk.
  void sync();
  std::int64_t size() const { return size_; }

 private:
  [[noreturn]] void fail(const char* what) const;
  std::string path_;
  std::int64_t size_ = 0;
  int descriptor_ = -1;
};

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

}  // namespace saccade::tools
