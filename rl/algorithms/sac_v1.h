// The first Soft Actor-Critic (Haarnoja et al., "Soft Actor-Critic: Off-Policy Maximum Entropy Deep
// Reinforcement Learning with a Stochastic Actor", ICML 2018), one function per equation: a network for the
// soft value V beside the critics, whose slow copy gives the target, and a temperature that is given. (The
// paper has no alpha and scales rewards by 1 / alpha.)
//
// Notation: s, a, r, s' a transition, d = 1 if it terminated; pi the policy with parameters phi; Q_i the
// critics with parameters theta_i; V the value with parameters psi, V' its slow copy; eps standard normal
// noise.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "nn/distributions/tanh_normal.h"
#include "nn/mlp.h"
#include "nn/optim/adam.h"
#include "rl/algorithms/registry.h"
#include "rl/components/actor_critic.h"
#include "rl/components/network_agent.h"

namespace saccade::rl {

/// Defaults are those of the paper.
struct SacV1Config {
  std::vector<std::int64_t> hidden = {256, 256};
  double gamma = 0.99;
  double tau = 0.005;
  double actor_lr = 3e-4;
  double critic_lr = 3e-4;
  double value_lr = 3e-4;
  std::optional<double> max_grad_norm = std::nullopt;
  double alpha = 0.2;
  bool normalize_obs = false;
};

class SacV1 final : public NetworkAgent {
 public:
  SacV1(const SacV1Config& config, ObsSize obs, std::int64_t action_dim, const Rng& rng,
        DType dtype = DType::f32);

  std::int64_t noise_size() const override { return action_dim_; }
  /// To explore, a draw from the policy, with the noise as eps; to exploit, tanh(mu).
  void act(std::span<const double> obs, std::span<const double> noise, ActMode mode,
           std::span<double> action) const override;
  double discount() const override { return config_.gamma; }
  Inspection inspect(std::span<const double> obs, std::span<const double> noise) const override;
  std::optional<PolicyNetwork> policy_network() const override;
  std::optional<CriticNetworks> critic_networks() const override;

  /// One update: value, critics, policy, slow copy of the value. The noise, (B, action_dim), is given or
  /// drawn; value and policy use the same.
  Metrics update(const Batch& batch, const Tensor& eps);
  Metrics update(const Batch& batch, Rng& rng) override;

  // The equations; observations are normalised already, where they are to be.

  /// min_i Q_i(s, a) - alpha log pi(a | s),  a ~ pi(s); a constant, (B, 1).
  Tensor value_target(const Tensor& obs, const Tensor& eps) const;
  /// J(psi) = mean (V(s) - v)^2 / 2, for that v.
  Tensor value_loss(const Tensor& obs, const Tensor& v) const;

  /// y = r + gamma (1 - d) V'(s'); a constant, (B, 1).
  Tensor critic_target(const Batch& batch) const;
  /// J(theta) = sum_i mean (Q_i(s, a) - y)^2 / 2, and the Q that it compared, (2, B, 1).
  struct CriticLoss {
    Tensor loss, q;
  };
  CriticLoss critic_loss(const Batch& batch, const Tensor& y) const;

  /// J(phi) = mean (alpha log pi(a | s) - min_i Q_i(s, a)),  a ~ pi(s), and that log pi, (B, 1).
  struct ActorLoss {
    Tensor loss, log_prob;
  };
  ActorLoss actor_loss(const Tensor& obs, const Tensor& eps) const;

  GaussianActor& actor() { return actor_; }
  Critic& critic() { return critic_; }
  nn::Mlp& value() { return value_; }
  nn::Mlp& target_value() { return target_value_; }

 private:
  Metrics take_steps(const Batch& batch, const Tensor& eps);

  SacV1Config config_;
  std::int64_t action_dim_;
  Rng init_;
  GaussianActor actor_;
  Critic critic_;
  nn::Mlp value_, target_value_;
  nn::Adam actor_optimizer_, critic_optimizer_, value_optimizer_;
};

AlgorithmInfo sac_v1_info();

}  // namespace saccade::rl
