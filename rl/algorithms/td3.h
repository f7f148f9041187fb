// Twin Delayed DDPG (Fujimoto et al., "Addressing Function Approximation Error in Actor-Critic Methods",
// 2018), one function per equation; and Deep Deterministic Policy Gradient (Lillicrap et al. 2016), which is
// the same with one critic, no delay and no noise in its targets.
//
// Notation: s, a, r, s' a transition, d = 1 if it terminated; mu the policy with parameters phi; Q_i the
// critics with parameters theta_i; mu' and Q'_i their targets; z standard normal noise.
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

/// Defaults are those of the paper, but for step sizes and the sizes of networks and batches, which are
/// SAC's.
struct Td3Config {
  std::vector<std::int64_t> hidden = {256, 256};
  double gamma = 0.99;
  double tau = 0.005;
  double actor_lr = 3e-4;
  double critic_lr = 3e-4;
  std::optional<double> max_grad_norm = std::nullopt;
  std::int64_t critics = 2;
  std::int64_t policy_delay = 2;
  double target_noise = 0.2;
  double target_noise_clip = 0.5;
  double exploration_noise = 0.1;
  bool normalize_obs = false;
};

class Td3 final : public NetworkAgent {
 public:
  Td3(const Td3Config& config, ObsSize obs, std::int64_t action_dim, const Rng& rng,
      DType dtype = DType::f32);

  std::int64_t noise_size() const override { return action_dim_; }
  /// mu(s); to explore, with exploration_noise times the noise added, clipped to [-1, 1].
  void act(std::span<const double> obs, std::span<const double> noise, ActMode mode,
           std::span<double> action) const override;
  double discount() const override { return config_.gamma; }
  ActMode judged() const override { return ActMode::exploit; }
  Inspection inspect(std::span<const double> obs, std::span<const double>) const override;
  std::optional<PolicyNetwork> policy_network() const override;
  std::optional<CriticNetworks> critic_networks() const override;

  /// One update: critics, and in every policy_delay-th the policy and all targets. The noise of the target
  /// policy is given, (B, action_dim), or drawn.
  Metrics update(const Batch& batch, const Tensor& z);
  Metrics update(const Batch& batch, Rng& rng) override;

  // The equations; observations are normalised already, where they are to be.

  /// a' = clip(mu'(s') + clip(sigma z, -c, c), -1, 1);  (B, action_dim).
  Tensor target_action(const Tensor& next_obs, const Tensor& z) const;

  /// y = r + gamma (1 - d) min_i Q'_i(s', a'); a constant, (B, 1).
  Tensor critic_target(const Batch& batch, const Tensor& z) const;

  /// J(theta) = sum_i mean (Q_i(s, a) - y)^2, and the Q that it compared, (n, B, 1).
  struct CriticLoss {
    Tensor loss, q;
  };
  CriticLoss critic_loss(const Batch& batch, const Tensor& y) const;

  /// J(phi) = -mean Q_1(s, mu(s)).
  Tensor actor_loss(const Tensor& obs) const;

  DeterministicActor& actor() { return actor_; }
  Critic& critic() { return critic_; }
  DeterministicActor& target_actor() { return target_actor_; }
  Critic& target_critic() { return target_critic_; }

 private:
  Metrics take_steps(const Batch& batch, const Tensor& z);

  Td3Config config_;
  std::int64_t action_dim_;
  Rng init_;
  DeterministicActor actor_, target_actor_;
  Critic critic_, target_critic_;
  nn::Adam actor_optimizer_, critic_optimizer_;
};

AlgorithmInfo td3_info();
AlgorithmInfo ddpg_info();

}  // namespace saccade::rl
