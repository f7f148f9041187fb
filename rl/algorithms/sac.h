// Soft Actor-Critic (Haarnoja et al., "Soft Actor-Critic Algorithms and Applications", 2018), one function
// per equation.
//
// Notation: s, a, r, s' a transition, d = 1 if it terminated; pi the policy with parameters phi; Q_i the
// critics with parameters theta_i, Q'_i their targets; alpha the temperature, H0 the target entropy; eps
// standard normal noise.
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

/// Which loss the temperature follows.
enum class AlphaLoss {
  alpha,      // -mean alpha (log pi + H0), as in the paper
  log_alpha,  // -mean log alpha (log pi + H0)
};

/// What the policy is judged by.
enum class PolicyQ {
  min,   // the smallest of the critics
  mean,  // their mean, as in REDQ and DroQ
};

/// Defaults are those of the paper and of Stable-Baselines3, but for the choices that rl/README.md argues.
struct SacConfig {
  std::vector<std::int64_t> hidden = {256, 256};
  double gamma = 0.99;
  double tau = 0.005;
  double actor_lr = 3e-4;
  double critic_lr = 3e-4;
  double alpha_lr = 3e-4;
  std::optional<double> max_grad_norm = std::nullopt;
  bool learn_alpha = true;
  double initial_alpha = 1;
  std::optional<double> target_entropy = std::nullopt;  // -dim(A)
  AlphaLoss alpha_loss = AlphaLoss::alpha;
  LogStd log_std = LogStd::clamp;
  double gsde_log_std = -3;
  nn::LogProbForm log_prob = nn::LogProbForm::stable;
  double critic_loss_factor = 1;
  std::int64_t critics = 2;
  std::int64_t target_critics = 0;  // whose minimum counts, drawn anew in each update; 0: all
  PolicyQ policy_q = PolicyQ::min;
  std::int64_t policy_delay = 1;
  bool layer_norm = false;
  double dropout = 0;
  bool normalize_obs = false;
};

class Sac final : public NetworkAgent {
 public:
  /// Networks and temperature are drawn and set as config says.
  Sac(const SacConfig& config, ObsSize obs, std::int64_t action_dim, const Rng& rng,
      DType dtype = DType::f32);

  std::int64_t noise_size() const override { return actor_.noise_size(); }
  /// To explore, a draw from the policy, with the noise as eps, or as gSDE's Z; to exploit, tanh(mu).
  void act(std::span<const double> obs, std::span<const double> noise, ActMode mode,
           std::span<double> action) const override;
  double discount() const override { return config_.gamma; }
  Inspection inspect(std::span<const double> obs, std::span<const double> noise) const override;
  std::optional<PolicyNetwork> policy_network() const override;
  std::optional<CriticNetworks> critic_networks() const override;

  /// All that is random in an update.
  struct Draws {
    Tensor eps_next, eps;                                // noise of s' and of s, (B, action_dim)
    Tensor subset{};                                     // the target critics that count, i64; undefined: all
    TensorList target_masks{}, masks{}, policy_masks{};  // of the critics' dropout; empty: none
  };
  /// One update: critics, policy, temperature, targets; policy and temperature only in every policy_delay-th.
  /// alpha has one value throughout.
  Metrics update(const Batch& batch, const Draws& draws);
  Metrics update(const Batch& batch, Rng& rng) override;

  // The equations; observations are normalised already, where they are to be.

  /// y = r + gamma (1 - d) (min_i Q'_i(s', a') - alpha log pi(a' | s')),  a' ~ pi(s'); a constant, (B, 1).
  Tensor critic_target(const Batch& batch, const Draws& draws) const;

  /// J(theta) = sum_i mean (Q_i(s, a) - y)^2, and the Q that it compared, (n, B, 1).
  struct CriticLoss {
    Tensor loss, q;
  };
  CriticLoss critic_loss(const Batch& batch, const Tensor& y, const TensorList& masks = {}) const;

  /// J(phi) = mean (alpha log pi(a | s) - min_i Q_i(s, a)),  a ~ pi(s), and that log pi, (B, 1); or with the
  /// mean of Q_i.
  struct ActorLoss {
    Tensor loss, log_prob;
  };
  ActorLoss actor_loss(const Tensor& obs, const Tensor& eps, const TensorList& masks = {}) const;

  /// J(alpha) = -mean alpha (log pi(a | s) + H0), differentiated with respect to log alpha.
  Tensor alpha_loss(const Tensor& log_prob) const;

  double alpha() const;
  double target_entropy() const { return target_entropy_; }
  GaussianActor& actor() { return actor_; }
  Critic& critic() { return critic_; }
  Critic& target() { return target_; }
  Tensor log_alpha() const { return log_alpha_; }

 private:
  Metrics take_steps(const Batch& batch, const Draws& draws);

  SacConfig config_;
  std::int64_t action_dim_;
  double target_entropy_;
  Rng init_;
  GaussianActor actor_;
  Critic critic_, target_;
  Tensor log_alpha_;
  nn::Adam actor_optimizer_, critic_optimizer_, alpha_optimizer_;
};

AlgorithmInfo sac_info();
/// Randomized ensembled double Q-learning and dropout Q-functions: many updates a step, kept from
/// overestimation by a large ensemble, or by dropout and layer norm.
AlgorithmInfo redq_info();
AlgorithmInfo droq_info();

}  // namespace saccade::rl
