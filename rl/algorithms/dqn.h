// Deep Q-learning (Mnih et al., "Human-level control through deep reinforcement learning", 2015) and double
// Q-learning (van Hasselt et al., "Deep Reinforcement Learning with Double Q-learning", 2016), one function
// per equation.
//
// Notation: s, a, r, s' a transition, d = 1 if it terminated; Q the critic with parameters theta, Q' its
// target, each with a value for every action of a set A.
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

/// Which loss L compares Q with its target.
enum class QLoss {
  huber,    // e^2 / 2 for |e| < 1, else |e| - 1/2
  squared,  // e^2
};

/// Networks, step size and discount are SAC's by default; whole copies to the target, the Huber loss and
/// the last epsilon are usual for DQN.
struct DqnConfig {
  std::vector<std::int64_t> hidden = {256, 256};
  double gamma = 0.99;
  double critic_lr = 3e-4;
  std::optional<double> max_grad_norm = std::nullopt;
  bool double_q = true;
  QLoss loss = QLoss::huber;
  std::int64_t target_every = 1000;
  double tau = 1;
  double epsilon_start = 1;
  double epsilon_end = 0.05;
  std::int64_t epsilon_updates = 10'000;
  bool normalize_obs = false;
};

class Dqn final : public NetworkAgent {
 public:
  Dqn(const DqnConfig& config, ObsSize obs, std::int64_t choices, const Rng& rng, DType dtype = DType::f32);

  std::int64_t noise_size() const override { return 1; }
  /// To explore, a draw from the epsilon-greedy policy; to exploit, argmax_a Q(s, a).
  void act(std::span<const double> obs, std::span<const double> noise, ActMode mode,
           std::span<double> action) const override;
  double discount() const override { return config_.gamma; }
  ActMode judged() const override { return ActMode::exploit; }
  Inspection inspect(std::span<const double> obs, std::span<const double>) const override;
  std::optional<PolicyNetwork> policy_network() const override;
  std::optional<CriticNetworks> critic_networks() const override;

  /// One update: the critic, and in every target_every-th theta' <- theta' + tau (theta - theta').
  Metrics update(const Batch& batch);
  Metrics update(const Batch& batch, Rng&) override { return update(batch); }

  // The equations; observations are normalised already, where they are to be.

  /// a' = argmax_a Q(s', a) if double, else argmax_a Q'(s', a); i64, (B, 1).
  Tensor next_action(const Tensor& next_obs) const;

  /// y = r + gamma (1 - d) Q'(s', a'); a constant, (B, 1).
  Tensor critic_target(const Batch& batch) const;

  /// J(theta) = mean L(Q(s, a) - y), and that Q, (B, 1).
  struct CriticLoss {
    Tensor loss, q;
  };
  CriticLoss critic_loss(const Batch& batch, const Tensor& y) const;

  /// beta(a | s) = (1 - epsilon) [a = argmax Q(s, .)] + epsilon / |A|, from Q(s, .); (B, |A|).
  Tensor epsilon_greedy(const Tensor& q) const;

  /// From epsilon_start to epsilon_end in a straight line over the first epsilon_updates updates.
  double epsilon() const;

  DiscreteCritic& critic() { return critic_; }
  DiscreteCritic& target() { return target_; }

 private:
  Metrics take_step(const Batch& batch);

  DqnConfig config_;
  std::int64_t choices_;
  Rng init_;
  DiscreteCritic critic_, target_;
  nn::Adam optimizer_;
};

AlgorithmInfo dqn_info();

}  // namespace saccade::rl
