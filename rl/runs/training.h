// A training run: the loop of rl/train.h with its files and its display.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "rl/training/train.h"
#include "tools/cli/display.h"
#include "rl/runs/run_folder.h"

namespace saccade::tools {

/// Where the episodes of a last evaluation start: with the same seed, `saccade eval` repeats what training
/// ended with.
Rng evaluation_rng(std::int64_t seed);

/// What to say of an action space that reaches beyond 100, if this one does.
std::optional<std::string> action_warning(const envs::Spec& spec);

/// What counts as solved: the least mean return, where there is an agreed number.
std::optional<double> solved_threshold(const std::string& env);

/// What to say where a run's environment is made of something else than when the run began, such as another
/// model.
std::optional<std::string> changed_environment(const std::string& run, const RunInfo& info);

/// An untrained agent for this configuration.
rl::Sac make_agent(const rl::Config& config);

class Training {
 public:
  /// Asked after every step; true ends training there.
  using Stop = std::function<bool(const rl::TrainState&)>;

  /// A new run in a new folder; see create_run_folder for `path`. Whatever is wrong with the configuration
  /// shows before there are any files.
  static Training begin(const RunInfo& info, const std::string& path);
  /// From the checkpoint in `path`, up to `steps` if given, else to the number that the run began with.
  /// Throws FormatError or ConfigError, with all files as they were, where that cannot be.
  static Training resume(const std::string& path, std::optional<std::int64_t> steps);

  /// Trains, evaluates and writes the summary; returns it, or nothing if it was stopped. Either way all of it
  /// is in the run's folder, and resume() goes on with the same bits as if it had not been stopped.
  std::optional<nlohmann::ordered_json> run(Display& display, const Stop& stop = {});

  const std::string& path() const { return path_; }
  const RunInfo& info() const { return info_; }
  const rl::TrainState& state() const { return state_; }

 private:
  Training(RunInfo info, std::string path);
  void write_first_files();
  void save();
  void add_episode(const rl::Episode& episode);
  void add_evaluation(const rl::Evaluation& evaluation);
  double seconds() const;
  Progress progress(const rl::UpdateMetrics& metrics) const;
  nlohmann::ordered_json summarise(const rl::Evaluation& final_evaluation) const;

  using Clock = std::chrono::steady_clock;
  RunInfo info_;
  std::string path_;
  rl::Sac agent_;
  rl::ReplayBuffer buffer_;
  rl::TrainState state_;
  std::unique_ptr<RunLock> lock_;
  std::unique_ptr<CsvFile> episodes_, evaluations_;
  double seconds_before_ = 0;  // of training, until run() was called
  Clock::time_point start_ = Clock::now();
  // For the display, and for the rates in the table's rows.
  Rates rates_;
  std::optional<double> last_return_;
  double row_seconds_ = 0;
  std::int64_t row_step_ = 0, row_updates_ = 0;
};

}  // namespace saccade::tools
