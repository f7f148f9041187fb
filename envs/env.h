// An environment: a reinforcement-learning task in Gymnasium's terms.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/rng.h"
#include "envs/scene.h"
#include "envs/spaces.h"

namespace saccade::envs {

struct TransitionTable;

struct Spec {
  std::string id;  // Gymnasium's name, such as "Pendulum-v1"
  Space observation_space;
  Space action_space;
  std::int64_t max_episode_steps = 0;  // where the time limit truncates; 0 for none
  // The mean return that counts as solved, where the field agrees on one.
  std::optional<double> reward_threshold = {};
  // A name for the task's other ingredients, such as the hash of its model's file; "" if it has none. A run
  // that began with one fingerprint goes on only with the same.
  std::string fingerprint = {};
  std::vector<std::string> details = {};  // what else there is to tell of it, a line each
};

/// A part of a reward, such as 1.2 for "forward". Names are those of Gymnasium's infos, without "reward_",
/// and stay where they are as long as the program runs.
struct RewardTerm {
  const char* name = nullptr;
  double value = 0;
};

/// The outcome of one step. Terminated: the task's own end, nothing follows. Truncated: cut short by the time
/// limit, so the last observation's value still counts. Diverged: the simulation broke down, so the step
/// never happened and nothing is to be learnt from it; the episode ends with a reward of 0.
struct StepResult {
  double reward = 0;
  bool terminated = false;
  bool truncated = false;
  bool diverged = false;
  /// What the reward is the sum of, but for rounding, where it has parts; the rest have no name.
  std::array<RewardTerm, 8> terms = {};
  bool ends_episode() const { return terminated || truncated || diverged; }
};

class Env {
 public:
  virtual ~Env() = default;

  virtual const Spec& spec() const = 0;

  /// Starts an episode; writes its first observation.
  virtual void reset(Rng& rng, std::span<double> observation) = 0;

  /// Takes one step; writes the observation after it. Throws ShapeError for an action of the wrong size and
  /// Error for one that is not finite, or none of the choices of a discrete space.
  virtual StepResult step(std::span<const double> action, std::span<double> observation) = 0;

  /// Everything needed to go on from here bit for bit, and its way back. Throws ShapeError for a wrong size.
  virtual std::vector<double> state() const = 0;
  virtual void set_state(std::span<const double> state) = 0;

  /// The observation of the present state.
  virtual void observe(std::span<double> observation) const = 0;

  /// A picture of the present state. One without geoms, unless an environment says more: its observations
  /// are then drawn as curves.
  virtual Scene scene() const { return {}; }

  /// The task in full, where it has finitely many states whose number is the observation; null where not.
  virtual const TransitionTable* transitions() const { return nullptr; }
};

}  // namespace saccade::envs
