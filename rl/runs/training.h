// A training run: the loop of rl/training with its files. It shows nothing: listeners do.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "envs/env.h"
#include "rl/agent.h"
#include "rl/components/replay_buffer.h"
#include "rl/components/vector_env.h"
#include "rl/runs/csv_file.h"
#include "rl/runs/parts.h"
#include "rl/runs/progress.h"
#include "rl/runs/run_folder.h"
#include "rl/runs/tensorboard_log.h"
#include "rl/training/checkpoint.h"
#include "rl/training/train.h"

namespace saccade::rl {

class Training;

/// Hears of what happens in a run: a command, a Python callback or a dashboard. Whatever a function throws
/// ends the run where it stands.
class TrainingListener {
 public:
  virtual ~TrainingListener() = default;
  /// After every round.
  virtual void on_step(const Training&) {}
  virtual void on_episode(const Training&, const Episode&) {}
  virtual void on_evaluation(const Training&, const Evaluation&) {}
  virtual void on_diagnosis(const Training&, const Diagnosis&) {}
  /// Asked at every round, and at evaluations' every step; true ends the run there.
  virtual bool should_stop(const Training&) { return false; }
};

/// What a run writes beside its tables. Nothing that it learns depends on it.
struct RunOutputs {
  bool tensorboard = false;  // TensorBoardLog
  /// The run's path holds wherever the program goes meanwhile.
  bool absolute_path = false;
};

/// An agent that learned elsewhere, as Agent::load() takes it.
struct AgentState {
  nn::NamedTensors weights, optimizer;
};

/// In a team (nn/team.h) every member makes one, and calls the same functions. Rank 0 alone has and writes
/// the folder, and alone tells a listener more than to ask whether to stop.
class Training {
 public:
  /// A new run in a new folder, of a new agent or of one that is given; see NewRunFolder for `path`. Whatever
  /// is wrong with the configuration or the agent shows before there are any files.
  static Training begin(const RunInfo& info, const std::string& path, const RunOutputs& outputs = {},
                        const AgentState* agent = nullptr);
  /// From the checkpoint in `path`, up to `steps` if given, else to the number that the run began with. A log
  /// for TensorBoard goes on if the folder has one, and begins here if it is asked for. Throws FormatError or
  /// ConfigError, with all files as they were, where that cannot be. One in an environment that lives
  /// elsewhere begins fresh episodes.
  static Training resume(const std::string& path, std::optional<std::int64_t> steps,
                         const RunOutputs& outputs = {});

  /// What a run in `path` began with, as every member of a team can be told of it; see read_run_info().
  static RunInfo info_for_all(const std::string& path);

  /// Trains, evaluates and writes the summary; returns it, or nothing if it was stopped. Either way all of it
  /// is in the run's folder, and resume() goes on with the same bits as if it had not been stopped. `copies`
  /// are the environments to train in, as many as the configuration says; fresh ones if null.
  std::optional<nlohmann::ordered_json> run(TrainingListener& listener, VectorEnv* copies = nullptr);

  const std::string& path() const { return path_; }
  const RunInfo& info() const { return info_; }
  const TrainState& state() const { return state_; }
  const Agent& agent() const { return *agent_; }
  bool has_tensorboard() const { return tensorboard_ != nullptr; }
  /// How many processes wrote the checkpoint that the run goes on from; 0 for one that has just begun.
  int members_before() const { return members_before_; }
  Progress progress() const;

 private:
  Training(RunInfo info, std::string path);
  void write_first_files(const RunOutputs& outputs);
  void begin_diagnoses();
  void check_state() const;
  void save();
  std::optional<nlohmann::ordered_json> finish(const std::function<bool()>& should_stop);
  // In a team; see training_team.cpp.
  void meet();
  nlohmann::ordered_json load_shares(const std::string& checkpoint);
  void take(Share share);
  void give_share();
  OtherShares other_shares();
  std::optional<nlohmann::ordered_json> follow(TrainingListener& listener, VectorEnv& copies);
  static std::optional<nlohmann::ordered_json> summary_for_all(std::optional<nlohmann::ordered_json> mine);
  void add_episode(const Episode& episode);
  void add_evaluation(const Evaluation& evaluation);
  void add_diagnosis(const Diagnosis& diagnosis);
  double seconds() const;
  nlohmann::ordered_json summarise(const std::optional<Evaluation>& final_evaluation) const;

  using Clock = std::chrono::steady_clock;
  RunInfo info_;
  std::string path_;
  envs::Spec spec_;
  std::vector<std::string> metric_names_;
  std::unique_ptr<Agent> agent_;
  ReplayBuffer buffer_;
  TrainState state_;
  std::unique_ptr<RunLock> lock_;
  std::unique_ptr<CsvFile> episodes_, evaluations_, diagnoses_;
  std::unique_ptr<TensorBoardLog> tensorboard_;  // or null
  double seconds_before_ = 0;                    // of training, until run() was called
  Clock::time_point start_ = Clock::now();
  int members_before_ = 0;
  bool stopped_ = false;
  // For progress(), and for the rates in the table's rows.
  Rates rates_;
  Metrics metrics_;
  std::optional<double> last_return_;
  double row_seconds_ = 0;
  std::int64_t row_step_ = 0, row_updates_ = 0;
};

}  // namespace saccade::rl
