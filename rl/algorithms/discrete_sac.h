// Soft Actor-Critic for discrete actions (Christodoulou, "Soft Actor-Critic for Discrete Action Settings",
// 2019), one function per equation. The policy is a categorical distribution, so expectations over its
// actions are sums, and nothing in an update is random.
//
// Notation: s, a, r, s' a transition, d = 1 if it terminated; pi the policy with parameters phi; Q_i the
// critics with parameters theta_i, Q'_i their targets, each with a value for every action of a set A; alpha
// the temperature, H0 the target entropy.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "nn/optim/adam.h"
#include "rl/algorithms/registry.h"
#include "rl/components/actor_critic.h"
#include "rl/components/network_agent.h"

namespace saccade::rl {

/// Defaults are SAC's, with the paper's target entropy.
struct DiscreteSacConfig {
  std::vector<std::int64_t> hidden = {256, 256};
  double gamma = 0.99;
  double tau = 0.005;
  double actor_lr = 3e-4;
  double critic_lr = 3e-4;
  std::optional<double> max_grad_norm = std::nullopt;
  double alpha_lr = 3e-4;
  double adam_eps = 1e-8;
  bool learn_alpha = true;
  double initial_alpha = 1;
  std::optional<double> target_entropy = std::nullopt;  // 0.98 log |A|
  bool normalize_obs = false;
};

class DiscreteSac final : public NetworkAgent {
 public:
  DiscreteSac(const DiscreteSacConfig& config, ObsSize obs, std::int64_t choices, const Rng& rng,
              DType dtype = DType::f32);

  std::int64_t noise_size() const override { return 1; }
  /// To explore, a draw from the policy; to exploit, its most probable action.
  void act(std::span<const double> obs, std::span<const double> noise, ActMode mode,
           std::span<double> action) const override;
  double discount() const override { return config_.gamma; }
  Inspection inspect(std::span<const double> obs, std::span<const double> noise) const override;
  std::optional<PolicyNetwork> policy_network() const override;
  std::optional<CriticNetworks> critic_networks() const override;

  /// One update: critics, policy, temperature, targets. alpha has one value throughout.
  Metrics update(const Batch& batch);
  Metrics update(const Batch& batch, Rng&) override { return update(batch); }

  // The equations; observations are normalised already, where they are to be.

  /// y = r + gamma (1 - d) sum_a' pi(a' | s') (min_i Q'_i(s', a') - alpha log pi(a' | s')); a constant,
  /// (B, 1).
  Tensor critic_target(const Batch& batch) const;

  /// J(theta) = sum_i mean (Q_i(s, a) - y)^2, and the Q that it compared, (n, B, 1).
  struct CriticLoss {
    Tensor loss, q;
  };
  CriticLoss critic_loss(const Batch& batch, const Tensor& y) const;

  /// J(phi) = mean sum_a pi(a | s) (alpha log pi(a | s) - min_i Q_i(s, a)), and the entropy of each pi(. |
  /// s), (B, 1).
  struct ActorLoss {
    Tensor loss, entropy;
  };
  ActorLoss actor_loss(const Tensor& obs) const;

  /// J(alpha) = mean alpha (H(pi(. | s)) - H0), differentiated with respect to log alpha.
  Tensor alpha_loss(const Tensor& entropy) const;

  double alpha() const;
  double target_entropy() const { return target_entropy_; }
  CategoricalActor& actor() { return actor_; }
  DiscreteCritic& critic() { return critic_; }
  DiscreteCritic& target() { return target_; }
  Tensor log_alpha() const { return log_alpha_; }

 private:
  Metrics take_steps(const Batch& batch);

  DiscreteSacConfig config_;
  double target_entropy_;
  Rng init_;
  CategoricalActor actor_;
  DiscreteCritic critic_, target_;
  Tensor log_alpha_;
  nn::Adam actor_optimizer_, critic_optimizer_, alpha_optimizer_;
};

AlgorithmInfo discrete_sac_info();

}  // namespace saccade::rl
