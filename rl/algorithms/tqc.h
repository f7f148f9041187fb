// Truncated Quantile Critics (Kuznetsov et al., "Controlling Overestimation Bias with Truncated Mixture of
// Continuous Distributional Quantile Critics", 2020), one function per equation: SAC whose critics give the
// quantiles of the return, of which the largest are left out of the target.
//
// Notation: s, a, r, s' a transition, d = 1 if it terminated; pi the policy with parameters phi; z_ij
// quantile j of critic i, with parameters theta_i, z'_ij of its target; alpha the temperature, H0 the target
// entropy; eps standard normal noise; n critics of m quantiles.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "nn/distributions/tanh_normal.h"
#include "nn/optim/adam.h"
#include "rl/algorithms/registry.h"
#include "rl/components/actor_critic.h"
#include "rl/components/network_agent.h"

namespace saccade::rl {

/// Defaults are those of Stable-Baselines3: the paper's, with two critics in place of five.
struct TqcConfig {
  std::vector<std::int64_t> hidden = {256, 256};
  double gamma = 0.99;
  double tau = 0.005;
  double actor_lr = 3e-4;
  double critic_lr = 3e-4;
  double alpha_lr = 3e-4;
  std::optional<double> max_grad_norm = std::nullopt;
  double initial_alpha = 1;
  std::optional<double> target_entropy = std::nullopt;  // -dim(A)
  std::int64_t critics = 2;
  std::int64_t quantiles = 25;
  std::int64_t drop_per_critic = 2;
  double critic_loss_factor = 0.5;
  bool normalize_obs = false;
};

class Tqc final : public NetworkAgent {
 public:
  /// ConfigError if no quantile is left.
  Tqc(const TqcConfig& config, ObsSize obs, std::int64_t action_dim, const Rng& rng,
      DType dtype = DType::f32);

  std::int64_t noise_size() const override { return action_dim_; }
  /// To explore, a draw from the policy, with the noise as eps; to exploit, tanh(mu).
  void act(std::span<const double> obs, std::span<const double> noise, ActMode mode,
           std::span<double> action) const override;
  double discount() const override { return config_.gamma; }
  Inspection inspect(std::span<const double> obs, std::span<const double> noise) const override;
  std::optional<PolicyNetwork> policy_network() const override;
  std::optional<CriticNetworks> critic_networks() const override;

  /// One update: critics, policy, temperature, targets. alpha has one value throughout. The noise of s' and
  /// of s is given, (B, action_dim), or drawn.
  Metrics update(const Batch& batch, const Tensor& eps_next, const Tensor& eps);
  Metrics update(const Batch& batch, Rng& rng) override;

  // The equations; observations are normalised already, where they are to be.

  /// y_k = r + gamma (1 - d) (z'_(k) - alpha log pi(a' | s')),  a' ~ pi(s'), for the k-th smallest z'_ij(s',
  /// a') of all critics, k = 1 ... n m - n drop_per_critic; a constant, (B, k).
  Tensor critic_target(const Batch& batch, const Tensor& eps_next) const;

  /// J(theta) = factor sum_i mean_jk |tau_j - 1(y_k < z_ij)| huber(y_k - z_ij),  tau_j = (j - 1/2) / m,
  /// z_ij(s, a); and those z, (n, B, m).
  struct CriticLoss {
    Tensor loss, z;
  };
  CriticLoss critic_loss(const Batch& batch, const Tensor& y) const;

  /// J(phi) = mean (alpha log pi(a | s) - mean_ij z_ij(s, a)),  a ~ pi(s), and that log pi, (B, 1).
  struct ActorLoss {
    Tensor loss, log_prob;
  };
  ActorLoss actor_loss(const Tensor& obs, const Tensor& eps) const;

  /// J(alpha) = -mean alpha (log pi(a | s) + H0), differentiated with respect to log alpha.
  Tensor alpha_loss(const Tensor& log_prob) const;

  double alpha() const;
  GaussianActor& actor() { return actor_; }
  Critic& critic() { return critic_; }
  Critic& target() { return target_; }
  Tensor log_alpha() const { return log_alpha_; }

 private:
  Metrics take_steps(const Batch& batch, const Tensor& eps_next, const Tensor& eps);

  TqcConfig config_;
  std::int64_t action_dim_;
  double target_entropy_;
  Tensor quantile_levels_;  // tau, (m, 1)
  Rng init_;
  GaussianActor actor_;
  Critic critic_, target_;
  Tensor log_alpha_;
  nn::Adam actor_optimizer_, critic_optimizer_, alpha_optimizer_;
};

AlgorithmInfo tqc_info();

}  // namespace saccade::rl
