// The contract of an algorithm: all that the training loop, evaluation, checkpoints, runs, the command and
// its pages know of it. One virtual call a step or an update costs nothing beside the work it does.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/rng.h"
#include "nn/named_tensors.h"
#include "rl/batch.h"
#include "rl/metrics.h"
#include "rl/policy_network.h"

namespace saccade::rl {

enum class ActMode {
  explore,  // with noise, to learn from
  exploit,  // the best the policy knows, for evaluation
};

/// What an agent thinks at some states, of actions that are its own.
struct Inspection {
  Tensor action;         // (B, A) in [-1, 1], or the choice, (B, 1)
  Tensor q;              // (B, 1): what its critics say that action is worth
  Tensor log_prob = {};  // (B, 1): log pi(action | s); undefined for a policy that draws nothing
  double alpha = 0;      // the temperature: every later state is worth alpha times its entropy besides
  std::optional<double> target_entropy = std::nullopt;
};

class Agent {
 public:
  virtual ~Agent() = default;

  /// How many numbers of noise act() takes for an observation when it explores.
  virtual std::int64_t noise_size() const = 0;

  /// An action for each of one or more observations, side by side in `obs`: in [-1, 1] of a Box, or the
  /// choice of a Discrete space. To explore it takes a row of standard normal noise for each; whether that is
  /// white or correlated in time is the caller's affair. To exploit it needs none. ShapeError for sizes that
  /// do not fit.
  virtual void act(std::span<const double> obs, std::span<const double> noise, ActMode mode,
                   std::span<double> action) const = 0;

  /// Takes an observation into running statistics, if it keeps any.
  virtual void observe(std::span<const double>) {}
  /// Whether it keeps any.
  virtual bool observes() const { return false; }

  /// One update. What is random in it is drawn from `rng`. Throws Error, the agent being as before, where a
  /// loss or a weight would not be finite.
  virtual Metrics update(const Batch& batch, Rng& rng) = 0;

  /// gamma, by which rewards of later steps count; n-step returns add them up with it.
  virtual double discount() const { return 1; }

  /// |Q - y| of each transition of the last update, (B, 1), if its batch had weights. Undefined for an
  /// algorithm that has none, which cannot learn by priorities.
  virtual Tensor last_td_errors() const { return {}; }

  /// How the policy acts that the critics judge: with its noise, or as the best it knows.
  virtual ActMode judged() const { return ActMode::explore; }
  /// What the agent thinks at one or more states when it acts so. Sizes as in act(), whose actions for the
  /// same noise these are. All undefined of an agent that does not say.
  virtual Inspection inspect(std::span<const double>, std::span<const double>) const { return {}; }

  /// Whether updates measure their gradients, which takes a pass over them and changes nothing. At first they
  /// do not; each call with true begins anew.
  virtual void measure_gradients(bool) {}
  /// The mean norm, before any clipping, of the gradients of each thing that learns ("actor", "critic", ...),
  /// over the updates since they began to be measured.
  virtual std::vector<std::pair<std::string, double>> gradient_norms() const { return {}; }

  /// What act() and the critics compute, to be carried elsewhere; copies. None of an agent that does not say.
  virtual std::optional<PolicyNetwork> policy_network() const { return std::nullopt; }
  virtual std::optional<CriticNetworks> critic_networks() const { return std::nullopt; }

  /// The agent's part of a checkpoint, as handles: weights, with all that acting needs, and the optimisers'
  /// state.
  virtual nn::NamedTensors named_weights() const = 0;
  virtual nn::NamedTensors named_optimizer_state() const = 0;
  /// Goes on from them. Throws ConfigError, ShapeError or DTypeError, having changed nothing, if they do not
  /// fit.
  virtual void load(const nn::NamedTensors& weights, const nn::NamedTensors& optimizer_state) = 0;
  /// The weights alone, to act with.
  virtual void load_weights(const nn::NamedTensors& weights) = 0;
};

}  // namespace saccade::rl
