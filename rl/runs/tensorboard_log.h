// A run's curves for TensorBoard, under the tags that Stable-Baselines3 gives them.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "rl/components/replay_buffer.h"
#include "rl/components/train_state.h"
#include "rl/runs/config.h"
#include "rl/runs/event_file.h"
#include "rl/training/train.h"

namespace saccade::rl {

/// Writes, each in one event:
///
///     rollout/ep_rew_mean, ep_len_mean    over the last 100 episodes, whenever one has ended
///     time/fps                            steps a second since the run began, with them
///     train/...                           what updates report, as means over the episode, with them
///     train/learning_rate                 of the policy, or of the critics of an algorithm without one
///     eval/mean_reward, mean_ep_length    at every evaluation
///     rollout/action_0, ...               a histogram of each number of the last 1,000 actions, as the agent
///                                         gave them, every 1,000 steps
///
/// Episodes that end in one round, of several environments, are one event: TensorBoard shows one value of a
/// tag for a step.
///
/// A run that goes on from a checkpoint cuts the file back to where it was then, as it does its tables. The
/// other way, a new file with a SessionLog that takes back what the old one says of later steps, is
/// understood by TensorBoard's slow loader alone. A TensorBoard that is open meanwhile waits until the file
/// has grown to where it had read to; that is between the same two events, since a resumed run repeats the
/// same values.
class TensorBoardLog {
 public:
  /// Whether the run's folder has one.
  static bool exists(const std::string& run);
  /// Begins a log in the run's folder after that step, in place of any there. FormatError naming it where
  /// that cannot be.
  TensorBoardLog(const std::string& run, const Config& config, std::int64_t step = 0);
  /// Goes on with one as `saved`, by state(), at that step. FormatError where the file does not fit, as it
  /// was.
  TensorBoardLog(const std::string& run, const Config& config, const nlohmann::ordered_json& saved,
                 std::int64_t step);

  /// Cuts off what was written after that checkpoint.
  void cut() { file_->cut(); }
  /// Brings the file to disk.
  void sync() { file_->sync(); }
  /// What a checkpoint keeps of it.
  nlohmann::ordered_json state() const;

  void add_episode(const Episode& episode);
  /// After each round of steps, and what add_episode() and add_evaluation() tell of it; with the seconds that
  /// training has taken so far.
  void end_round(const TrainState& state, const ReplayBuffer& buffer, double seconds);
  void add_evaluation(std::int64_t step, const Evaluation& evaluation);

 private:
  void describe_episodes(Summary& summary, const TrainState& state, double seconds) const;
  std::string algorithm_;
  std::optional<double> learning_rate_;
  std::unique_ptr<EventFile> file_;
  struct Outcome {
    double ret;
    std::int64_t length;
  };
  std::deque<Outcome> outcomes_;      // of the last episodes
  std::optional<MetricMeans> means_;  // of the last episode of this round
  std::int64_t step_ = 0;             // that the last round ended at
};

}  // namespace saccade::rl
