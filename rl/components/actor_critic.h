// Policies and critics: the networks that actor-critic methods are made of.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "nn/distributions/tanh_normal.h"
#include "nn/mlp.h"
#include "rl/agent.h"

namespace saccade::rl {

/// Where log sigma comes from.
enum class LogStd {
  clamp,  // a network's output x, clamped to [-20, 2] as in the SAC paper's code
  tanh,   // the same as -5 + 3.5 (tanh(x) + 1), which has a gradient everywhere
  gsde,   // from the features of the state: see GaussianActor
};

/// pi(a | s): from observations (B, obs_dim) to a squashed Gaussian over actions (B, action_dim) in [-1, 1].
///
/// With LogStd::gsde its noise is that of a second last layer, whose weights are drawn (Raffin et al. 2021,
/// "Smooth exploration for robotic reinforcement learning"): with the features h(s) of the last hidden layer,
///
///     u = mu(s) + h(s) (sigma * Z),  Z standard normal, as large as the learned sigma: (width, action_dim),
///
/// so that u_j, for a Z of its own, has the variance sum_i (h_i sigma_ij)^2; log pi adds 1e-6 to it, without
/// which a state of no features would have none. sigma is not clamped. One Z that is held for many
/// steps makes actions a smooth function of the state, and differ from one Z to the next.
class GaussianActor : public nn::Module {
 public:
  /// `gsde_log_std` is what log sigma_ij begins as.
  GaussianActor(std::int64_t obs_dim, std::int64_t action_dim, const std::vector<std::int64_t>& hidden,
                LogStd log_std, Rng& rng, DType dtype = DType::f32, double gsde_log_std = -3);

  /// The distribution of the action; of gSDE, each for a Z of its own.
  nn::TanhNormal operator()(const Tensor& obs) const;

  /// How many numbers of noise explore() takes for an observation.
  std::int64_t noise_size() const;
  /// The action for this noise, (B, noise_size()): eps, or with gSDE Z.
  Tensor explore(const Tensor& obs, const Tensor& noise) const;

  /// Of gSDE, (width, action_dim); otherwise undefined.
  const Tensor& gsde_log_sigma() const { return log_sigma_; }

 private:
  nn::Mlp body_;     // "body": the hidden layers
  nn::Linear head_;  // "head": rows 0 to dim(A) - 1 give the mean, the rest, but for gSDE, log sigma
  LogStd log_std_;
  std::int64_t width_, action_dim_;
  Tensor log_sigma_;  // of gSDE: "log_sigma", (width, action_dim)
};

/// Agent::act() for a squashed Gaussian: to explore, a draw of which the noise is eps; to exploit, tanh(mu).
void act_by(const nn::TanhNormal& pi, std::span<const double> noise, ActMode mode, std::span<double> action);

/// mu(s): from observations (B, obs_dim) to actions (B, action_dim) in [-1, 1], by a tanh.
class DeterministicActor : public nn::Module {
 public:
  DeterministicActor(std::int64_t obs_dim, std::int64_t action_dim, const std::vector<std::int64_t>& hidden,
                     Rng& rng, DType dtype = DType::f32);

  Tensor operator()(const Tensor& obs) const;

 private:
  nn::Mlp mu_;  // "mu"
};

/// pi(a | s) of a Discrete space: from observations (B, obs_dim) to logits, one a choice, (B, choices).
class CategoricalActor : public nn::Module {
 public:
  CategoricalActor(std::int64_t obs_dim, std::int64_t choices, const std::vector<std::int64_t>& hidden,
                   Rng& rng, DType dtype = DType::f32);

  Tensor operator()(const Tensor& obs) const { return logits_(obs); }

 private:
  nn::Mlp logits_;  // "logits"
};

struct CriticOptions {
  std::int64_t n = 2;        // critics
  std::int64_t outputs = 1;  // of each, such as quantiles
  bool layer_norm = false;   // in hidden layers, before the relu
  double dropout = 0;        // of hidden layers, before the layer norm
};

/// Q_i(s, a) for an ensemble of critics that are computed side by side: (B, obs_dim) and (B, action_dim) to
/// (n, B, outputs).
class Critic : public nn::Module {
 public:
  Critic(std::int64_t obs_dim, std::int64_t action_dim, const std::vector<std::int64_t>& hidden, Rng& rng,
         DType dtype = DType::f32, const CriticOptions& options = {});

  /// With the masks of dropout, if there are any.
  Tensor operator()(const Tensor& obs, const Tensor& action, const TensorList& masks = {}) const;

  /// Masks for a batch, (n, batch, width) for each hidden layer; none without dropout.
  TensorList draw_masks(std::int64_t batch, Rng& rng) const;

 private:
  CriticOptions options_;
  std::vector<std::int64_t> hidden_;
  nn::Mlp q_;  // "q"
};

/// Q_i(s, .) of a Discrete space, the values of all choices at once, for an ensemble likewise. n = 0 is one
/// network by itself, whose results lack the dimension n.
class DiscreteCritic : public nn::Module {
 public:
  DiscreteCritic(std::int64_t obs_dim, std::int64_t choices, const std::vector<std::int64_t>& hidden,
                 Rng& rng, DType dtype = DType::f32, std::int64_t n = 2);

  /// (B, obs_dim) to (n, B, choices).
  Tensor operator()(const Tensor& obs) const { return q_(obs); }

 private:
  nn::Mlp q_;  // "q"
};

/// Q_i(s, a) of Q_i(s, .), (n, B, choices) or (B, choices): those of the actions (B, 1), as (n, B, 1) or
/// (B, 1). ShapeError for what is no choice.
Tensor q_of(const Tensor& q, const Tensor& action);

/// `n` different ones of `of` critics, in any order: (n), i64.
Tensor draw_subset(std::int64_t n, std::int64_t of, Rng& rng);

}  // namespace saccade::rl
