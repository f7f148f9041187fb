// The copies of an environment that a run trains in, with what they observe and do.
#pragma once

#include <span>
#include <vector>

#include "rl/components/replay_buffer.h"
#include "rl/algorithms/sac.h"
#include "rl/components/vector_env.h"

namespace saccade::rl {

struct TrainState;

/// From an action in [-1, 1] to the environment's box, affinely. ConfigError, at construction, for a box that
/// is not finite, or discrete actions.
class ActionScale {
 public:
  explicit ActionScale(const envs::Spec& spec);
  void operator()(std::span<const double> action, std::span<double> scaled) const;

 private:
  std::vector<double> middle_, half_;
};

/// Rows of equal width side by side, such as the observations of all copies.
struct Rows {
  Rows(std::size_t rows, std::int64_t size) : width(static_cast<std::size_t>(size)), all(rows * width) {}
  std::span<double> operator[](std::size_t i) { return std::span(all).subspan(i * width, width); }

  std::size_t width;
  std::vector<double> all;
};

class Collector {
 public:
  /// config.envs copies, each where `state` has it.
  Collector(const Config& config, const EnvFactory& make_env, const TrainState& state);

  /// Steps every copy once, from a new episode if it is in none, and adds the transitions to the buffer but
  /// for those that diverged. An episode's last observation is stored as it was: the first of the next one
  /// takes its place only in the next call.
  void step(Sac& agent, ReplayBuffer& buffer, TrainState& state);

  /// What the last step of copy i gave.
  const envs::StepResult& transition(std::size_t i) const { return transitions_[i]; }

  /// Writes the copies' states, for the next Collector.
  void save(TrainState& state);

 private:
  void begin_episodes(TrainState& state);
  void choose_actions(const Sac& agent, TrainState& state);

  const Config& config_;
  VectorEnv envs_;
  ActionScale scale_;
  Rows obs_, next_obs_, action_, scaled_, noise_;
  std::vector<envs::StepResult> transitions_;
};

}  // namespace saccade::rl
