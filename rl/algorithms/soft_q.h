// Soft Q-learning over discrete actions (Haarnoja et al., "Reinforcement Learning with Deep Energy-Based
// Policies", 2017), one function per equation. Where that paper needs a sampler for continuous actions, the
// sum over actions is exact here, and the policy is the softmax of Q / alpha.
//
// Notation: s, a, r, s' a transition, d = 1 if it terminated; Q the critic with parameters theta, Q' its
// target, each with a value for every action of a set A; alpha the temperature, which is fixed.
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

struct SoftQConfig {
  std::vector<std::int64_t> hidden = {256, 256};
  double gamma = 0.99;
  double tau = 0.005;
  double critic_lr = 3e-4;
  std::optional<double> max_grad_norm = std::nullopt;
  double alpha = 0.1;
  bool normalize_obs = false;
};

class SoftQ final : public NetworkAgent {
 public:
  SoftQ(const SoftQConfig& config, ObsSize obs, std::int64_t choices, const Rng& rng,
        DType dtype = DType::f32);

  std::int64_t noise_size() const override { return 1; }
  /// To explore, a draw from the policy; to exploit, its most probable action, which is argmax_a Q(s, a).
  void act(std::span<const double> obs, std::span<const double> noise, ActMode mode,
           std::span<double> action) const override;
  double discount() const override { return config_.gamma; }
  Inspection inspect(std::span<const double> obs, std::span<const double> noise) const override;
  std::optional<PolicyNetwork> policy_network() const override;
  std::optional<CriticNetworks> critic_networks() const override;

  /// One update: the critic, then theta' <- theta' + tau (theta - theta').
  Metrics update(const Batch& batch);
  Metrics update(const Batch& batch, Rng&) override { return update(batch); }

  // The equations; observations are normalised already, where they are to be.

  /// V(s) = alpha log sum_a exp(Q(s, a) / alpha), from Q(s, .), (B, |A|); (B, 1).
  Tensor value(const Tensor& q) const;

  /// y = r + gamma (1 - d) V'(s'), V' being that of Q'; a constant, (B, 1).
  Tensor critic_target(const Batch& batch) const;

  /// J(theta) = mean (Q(s, a) - y)^2, and the Q(s, .) that it took Q(s, a) from, (B, |A|).
  struct CriticLoss {
    Tensor loss, q;
  };
  CriticLoss critic_loss(const Batch& batch, const Tensor& y) const;

  /// log pi(a | s) = (Q(s, a) - V(s)) / alpha, from Q(s, .); (B, |A|).
  Tensor log_policy(const Tensor& q) const;

  DiscreteCritic& critic() { return critic_; }
  DiscreteCritic& target() { return target_; }

 private:
  Metrics take_step(const Batch& batch);

  SoftQConfig config_;
  Rng init_;
  DiscreteCritic critic_, target_;
  nn::Adam optimizer_;
};

AlgorithmInfo soft_q_info();

}  // namespace saccade::rl
