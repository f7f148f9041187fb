// Policies and critics: the networks that actor-critic methods are made of.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "nn/distributions/tanh_normal.h"
#include "nn/mlp.h"
#include "rl/agent.h"

namespace saccade::rl {

/// How log sigma is kept in bounds.
enum class LogStd {
  clamp,  // to [-20, 2], as in the SAC paper's code
  tanh,   // -5 + 3.5 (tanh(x) + 1), which has a gradient everywhere
};

/// pi(a | s): from observations (B, obs_dim) to a squashed Gaussian over actions (B, action_dim) in [-1, 1].
class GaussianActor : public nn::Module {
 public:
  GaussianActor(std::int64_t obs_dim, std::int64_t action_dim, const std::vector<std::int64_t>& hidden,
                LogStd log_std, Rng& rng, DType dtype = DType::f32);

  nn::TanhNormal operator()(const Tensor& obs) const;

 private:
  nn::Mlp body_;     // "body": the hidden layers
  nn::Linear head_;  // "head": rows 0 to dim(A) - 1 give the mean, the rest log sigma
  LogStd log_std_;
};

/// Agent::act() for a squashed Gaussian: to explore, a draw of which the noise is eps; to exploit, tanh(mu).
void act_by(const nn::TanhNormal& pi, std::span<const double> noise, ActMode mode, std::span<double> action);

/// mu(s): from observations (B, obs_dim) to actions (B, action_dim) in [-1, 1], by a tanh.
class DeterministicActor : public nn::Module {
 public:
  DeterministicActor(std::int64_t obs_dim, std::int64_t action_dim, const std::vector<std::int64_t>& hidden,
                     Rng& rng, DType dtype = DType::f32);

  Tensor operator()(const Tensor& obs) const { return mu_(obs); }

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
