// Soft Actor-Critic (Haarnoja et al., "Soft Actor-Critic Algorithms and Applications", 2018), one function
// per equation.
//
// Notation: s, a, r, s' a transition, d = 1 if it terminated; pi the policy with parameters phi; Q_i the
// critics with parameters theta_i, Q'_i their targets; alpha the temperature, H0 the target entropy; eps
// standard normal noise.
#pragma once

#include <optional>
#include <span>

#include "nn/optim/optimizer.h"
#include "rl/config.h"
#include "rl/components/networks.h"
#include "rl/components/running_mean_std.h"
#include "rl/components/replay_buffer.h"

namespace saccade::rl {

/// What one update saw: means over its batch, before the steps.
struct UpdateMetrics {
  double critic_loss = 0, actor_loss = 0, alpha_loss = 0;
  double alpha = 0;
  double entropy = 0;  // -mean log pi, of the action in [-1, 1]
  double q = 0;        // the mean of the critics on the batch's own actions
};

class Sac {
 public:
  /// Networks and temperature are drawn and set as config says.
  Sac(const Config& config, std::int64_t obs_dim, std::int64_t action_dim, const Rng& rng,
      DType dtype = DType::f32);

  /// An action in [-1, 1] for each of one or more observations, side by side in obs: drawn from the policy,
  /// made of standard normal noise that is given, or the policy's mode tanh(mu) for evaluation. ShapeError
  /// for sizes that do not fit.
  void act(std::span<const double> obs, Rng& rng, std::span<double> action) const;
  void act(std::span<const double> obs, std::span<const double> eps, std::span<double> action) const;
  void act_deterministic(std::span<const double> obs, std::span<double> action) const;

  /// With normalize_obs, takes an observation into the statistics that all others are normalised by, here and
  /// in update(); without, does nothing.
  void observe(std::span<const double> obs);

  /// One update: critics, policy, temperature, targets. alpha has one value throughout. The noise of s' and
  /// of s is given, (B, action_dim), or drawn. Throws Error where a loss is not finite.
  UpdateMetrics update(const Batch& batch, const Tensor& eps_next, const Tensor& eps);
  UpdateMetrics update(const Batch& batch, Rng& rng);

  // The equations; observations are normalised already, where they are to be.

  /// y = r + gamma (1 - d) (min_i Q'_i(s', a') - alpha log pi(a' | s')),  a' ~ pi(s'); a constant, (B, 1).
  Tensor critic_target(const Batch& batch, const Tensor& eps_next) const;

  /// J(theta) = sum_i mean (Q_i(s, a) - y)^2, and the Q that it compared, (n, B, 1).
  struct CriticLoss {
    Tensor loss, q;
  };
  CriticLoss critic_loss(const Batch& batch, const Tensor& y) const;

  /// J(phi) = mean (alpha log pi(a | s) - min_i Q_i(s, a)),  a ~ pi(s), and that log pi, (B, 1).
  struct ActorLoss {
    Tensor loss, log_prob;
  };
  ActorLoss actor_loss(const Tensor& obs, const Tensor& eps) const;

  /// J(alpha) = -mean alpha (log pi(a | s) + H0), differentiated with respect to log alpha.
  Tensor alpha_loss(const Tensor& log_prob) const;

  double alpha() const;
  double target_entropy() const { return target_entropy_; }
  Actor& actor() { return actor_; }
  Critic& critic() { return critic_; }
  Critic& target() { return target_; }
  Tensor log_alpha() const { return log_alpha_; }

  /// What a checkpoint needs: weights ("actor.body.l1.weight", ...), and the optimisers' state. Loading
  /// throws ConfigError, ShapeError or DTypeError, having changed nothing, if they do not fit.
  nn::NamedTensors named_weights() const;
  nn::NamedTensors named_optimizer_state() const;
  void load(const nn::NamedTensors& weights, const nn::NamedTensors& optimizer_state);
  void load_weights(const nn::NamedTensors& weights);

 private:
  Tensor to_rows(std::span<const double> values, std::int64_t width) const;
  nn::TanhNormal policy(std::span<const double> obs) const;

  Config config_;
  DType dtype_;
  std::int64_t obs_dim_, action_dim_;
  double target_entropy_;
  nn::LogProbForm form_;
  Rng init_;
  Actor actor_;
  Critic critic_, target_;
  Tensor log_alpha_;
  nn::Adam actor_optimizer_, critic_optimizer_, alpha_optimizer_;
  std::optional<RunningMeanStd> obs_rms_;  // with normalize_obs
};

}  // namespace saccade::rl
