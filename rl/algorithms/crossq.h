// CrossQ (Bhatt et al., "CrossQ: Batch Normalization in Deep Reinforcement Learning for Greater Sample
// Efficiency and Simplicity", ICLR 2024), one function per equation: SAC without target networks, whose
// critics are batch-renormalised and see (s, a) and (s', a') in one pass, so that their statistics are those
// of both.
//
// Notation: s, a, r, s' a transition, d = 1 if it terminated; pi the policy with parameters phi; Q_i the
// critics with parameters theta_i; alpha the temperature, H0 the target entropy; eps standard normal noise.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "nn/distributions/tanh_normal.h"
#include "nn/optim/adam.h"
#include "rl/algorithms/registry.h"
#include "rl/components/batch_norm_net.h"
#include "rl/components/network_agent.h"

namespace saccade::rl {

/// Defaults are those of the paper, but for critics half as wide as its 2048.
struct CrossQConfig {
  std::vector<std::int64_t> hidden = {256, 256};
  std::int64_t critic_widening = 4;
  double gamma = 0.99;
  double actor_lr = 1e-3;
  double critic_lr = 1e-3;
  double alpha_lr = 1e-3;
  double adam_beta1 = 0.5;
  std::optional<double> max_grad_norm = std::nullopt;
  double initial_alpha = 1;
  std::optional<double> target_entropy = std::nullopt;  // -dim(A)
  std::int64_t policy_delay = 3;
  double norm_momentum = 0.99;
  double norm_eps = 0.001;
  std::int64_t renorm_after = 100'000;
  bool normalize_obs = false;
};

class CrossQ final : public NetworkAgent {
 public:
  CrossQ(const CrossQConfig& config, ObsSize obs, std::int64_t action_dim, const Rng& rng,
         DType dtype = DType::f32);

  std::int64_t noise_size() const override { return action_dim_; }
  /// To explore, a draw from the policy, with the noise as eps; to exploit, tanh(mu).
  void act(std::span<const double> obs, std::span<const double> noise, ActMode mode,
           std::span<double> action) const override;
  double discount() const override { return config_.gamma; }
  Inspection inspect(std::span<const double> obs, std::span<const double> noise) const override;
  std::optional<PolicyNetwork> policy_network() const override;
  std::optional<CriticNetworks> critic_networks() const override;

  /// One update: critics, and in every policy_delay-th policy and temperature. alpha has one value
  /// throughout. The noise of s' and of s is given, (B, action_dim), or drawn.
  Metrics update(const Batch& batch, const Tensor& eps_next, const Tensor& eps);
  Metrics update(const Batch& batch, Rng& rng) override;

  // The equations; observations are normalised already, where they are to be.

  /// J(theta) = sum_i mean (Q_i(s, a) - y)^2 / 2,  y = r + gamma (1 - d) (min_i Q_i(s', a') - alpha log pi(a'
  /// | s')) a constant, a' ~ pi(s'); with Q(s, a) and Q(s', a') from one pass over both. Also that Q(s, a),
  /// (2, B, 1), that y, (B, 1), and the statistics of the batch.
  struct CriticLoss {
    Tensor loss, q, y;
    BatchNormNet::Seen seen;
  };
  CriticLoss critic_loss(const Batch& batch, const Tensor& eps_next) const;

  /// J(phi) = mean (alpha log pi(a | s) - min_i Q_i(s, a)),  a ~ pi(s), with the policy in training and the
  /// critics in evaluation; and that log pi, (B, 1).
  struct ActorLoss {
    Tensor loss, log_prob;
    BatchNormNet::Seen seen;
  };
  ActorLoss actor_loss(const Tensor& obs, const Tensor& eps) const;

  /// J(alpha) = -mean log alpha (log pi(a | s) + H0).
  Tensor alpha_loss(const Tensor& log_prob) const;

  double alpha() const;
  BatchNormNet& actor() { return actor_; }
  BatchNormNet& critic() { return critic_; }
  Tensor log_alpha() const { return log_alpha_; }
  /// pi(s), with the policy in evaluation.
  nn::TanhNormal policy(const Tensor& obs) const;

 private:
  Metrics take_steps(const Batch& batch, const Tensor& eps_next, const Tensor& eps);

  CrossQConfig config_;
  std::int64_t action_dim_;
  double target_entropy_;
  Rng init_;
  BatchNormNet actor_, critic_;
  Tensor log_alpha_;
  nn::Adam actor_optimizer_, critic_optimizer_, alpha_optimizer_;
};

AlgorithmInfo crossq_info();

}  // namespace saccade::rl
