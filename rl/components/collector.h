// The copies of an environment that a run trains in, with what they observe and do.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "rl/agent.h"
#include "rl/components/action_scale.h"
#include "rl/components/exploration_noise.h"
#include "rl/components/n_step.h"
#include "rl/components/replay_buffer.h"
#include "rl/components/train_state.h"
#include "rl/components/vector_env.h"
#include "rl/config.h"

namespace saccade::rl {

/// Rows of equal width side by side, such as the observations of all copies.
struct Rows {
  Rows(std::size_t rows, std::size_t size) : width(size), all(rows * size) {}
  std::span<double> operator[](std::size_t i) { return std::span(all).subspan(i * width, width); }
  std::span<const double> operator[](std::size_t i) const { return std::span(all).subspan(i * width, width); }

  std::size_t width;
  std::vector<double> all;
};

class Collector {
 public:
  /// Puts the copies where `state` says each is. ConfigError if the state is one of another number of them.
  Collector(const OffPolicyConfig& config, VectorEnv& envs, const Agent& agent, const TrainState& state);

  /// Steps every copy once, from a new episode if it is in none, and adds the transitions to the buffer but
  /// for those that diverged. An episode's last observation is stored as it was: the first of the next one
  /// takes its place only in the next call.
  void step(Agent& agent, ReplayBuffer& buffer, TrainState& state);

  /// The result of copy i's last step.
  const envs::StepResult& result(std::size_t i) const { return results_[i]; }
  /// Whether that step was none, but began an episode.
  bool began(std::size_t i) const { return envs_.began(i); }
  /// The observation that it began with.
  std::span<const double> before(std::size_t i) const { return next_obs_[i]; }

  /// Writes the copies' states, the noise's and what n-step returns wait for, for the next Collector.
  void save(TrainState& state) const;

 private:
  void begin_episodes(TrainState& state);
  void choose_actions(const Agent& agent, TrainState& state);

  const OffPolicyConfig& config_;
  VectorEnv& envs_;
  ActionScale scale_;
  Rows obs_, next_obs_, action_, scaled_, noise_;
  std::unique_ptr<ExplorationNoise> exploration_;
  NStep n_step_;
  std::vector<envs::StepResult> results_;
};

}  // namespace saccade::rl
