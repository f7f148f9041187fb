#include "rl/runs/tensorboard_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <vector>

#include "autograd/ops.h"
#include "base/error.h"
#include "base/json.h"
#include "rl/runs/run_folder.h"

namespace saccade::rl {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

namespace {

constexpr std::size_t kOutcomes = 100;        // Stable-Baselines3's stats_window_size
constexpr std::int64_t kActionsEvery = 1000;  // steps

// Where Stable-Baselines3 has another name for what an update reports. Its actor_loss and critic_loss are
// called so here too. What it has no name for (entropy, q, value_loss, ...) goes by ours.
std::string metric_tag(std::string_view algorithm, std::string_view metric) {
  struct Theirs {
    std::string_view algorithm, metric;  // of all algorithms if that is empty
    const char* tag;
  };
  static constexpr Theirs renamed[] = {{"", "alpha", "train/ent_coef"},
                                       {"", "alpha_loss", "train/ent_coef_loss"},
                                       {"dqn", "critic_loss", "train/loss"},
                                       {"dqn", "epsilon", "rollout/exploration_rate"}};
  for (const Theirs& theirs : renamed) {
    if (theirs.metric == metric && (theirs.algorithm.empty() || theirs.algorithm == algorithm))
      return theirs.tag;
  }
  return fmt::format("train/{}", metric);
}

std::optional<double> learning_rate_of(const Config& config) {
  const Json keys = to_json(config);
  for (const char* name : {"actor_lr", "critic_lr"}) {
    if (keys.contains(name)) return keys.at(name).get<double>();
  }
  return std::nullopt;
}

template <class T, class Number>
double mean_of(const T& all, Number number) {
  double sum = 0;
  for (const auto& one : all) sum += static_cast<double>(number(one));
  return sum / static_cast<double>(all.size());
}

}  // namespace

bool TensorBoardLog::exists(const std::string& run) {
  std::error_code error;
  return fs::exists(run_file(run, kTensorBoardFile), error);
}

TensorBoardLog::TensorBoardLog(const std::string& run, const Config& config, std::int64_t step)
    : algorithm_(config.algorithm().name), learning_rate_(learning_rate_of(config)), step_(step) {
  const std::string folder = run_file(run, kTensorBoardFolder);
  std::error_code error;
  fs::create_directory(folder, error);
  if (error) throw FormatError(fmt::format("{}: the folder cannot be made: {}", folder, error.message()));
  fs::remove(run_file(run, kTensorBoardFile), error);
  file_ = std::make_unique<EventFile>(run_file(run, kTensorBoardFile));
}

TensorBoardLog::TensorBoardLog(const std::string& run, const Config& config, const Json& saved,
                               std::int64_t step)
    : algorithm_(config.algorithm().name),
      learning_rate_(learning_rate_of(config)),
      file_(std::make_unique<EventFile>(run_file(run, kTensorBoardFile),
                                        count_of(saved, "bytes", "state.json"))),
      step_(step) {
  for (const Json& outcome : saved.at("episodes"))
    outcomes_.push_back({outcome.at("return").get<double>(), count_of(outcome, "length", "state.json")});
}

Json TensorBoardLog::state() const {
  Json episodes = Json::array();
  for (const Outcome& outcome : outcomes_)
    episodes.push_back({{"return", outcome.ret}, {"length", outcome.length}});
  return {{"bytes", file_->size()}, {"episodes", episodes}};
}

void TensorBoardLog::add_episode(const Episode& episode) {
  outcomes_.push_back({episode.ret, episode.length});
  while (outcomes_.size() > kOutcomes) outcomes_.pop_front();
  means_ = episode.metrics;
}

void TensorBoardLog::describe_episodes(Summary& summary, const TrainState& state, double seconds) const {
  summary.scalar("rollout/ep_rew_mean", mean_of(outcomes_, [](const Outcome& o) { return o.ret; }));
  summary.scalar("rollout/ep_len_mean", mean_of(outcomes_, [](const Outcome& o) { return o.length; }));
  summary.scalar("time/fps", static_cast<double>(state.step) / std::max(1e-9, seconds));
  for (const MetricMeans::Entry& entry : means_->entries()) {
    if (const std::optional<double> mean = entry.mean())
      summary.scalar(metric_tag(algorithm_, entry.name), *mean);
  }
  if (state.updates == 0) return;
  // Stable-Baselines3's too, though it only prints this one.
  summary.scalar("train/n_updates", static_cast<double>(state.updates));
  if (learning_rate_) summary.scalar("train/learning_rate", *learning_rate_);
}

void TensorBoardLog::end_round(const TrainState& state, const ReplayBuffer& buffer, double seconds) {
  Summary summary;
  if (means_) describe_episodes(summary, state, seconds);
  means_.reset();
  if (state.step / kActionsEvery > step_ / kActionsEvery) {
    const Tensor actions = buffer.last_actions(kActionsEvery);
    for (std::int64_t i = 0; i < actions.size(1); ++i)
      summary.histogram(fmt::format("rollout/action_{}", i), slice(actions, 1, i, i + 1).to_vector());
  }
  step_ = state.step;
  if (!summary.empty()) file_->add(step_, summary);
}

void TensorBoardLog::add_evaluation(std::int64_t step, const Evaluation& e) {
  file_->add(step, Summary()
                       .scalar("eval/mean_reward", e.mean())
                       .scalar("eval/mean_ep_length", mean_of(e.lengths, [](std::int64_t n) { return n; })));
}

}  // namespace saccade::rl
