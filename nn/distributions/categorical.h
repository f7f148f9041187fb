// Distributions over finitely many classes, given by their logits.
//
// Everything but a draw is differentiable in the logits. There is no rsample: an outcome jumps as the logits
// change, so no gradient flows through a draw. Outcomes are tensors of whole numbers.
//
// A logit may be infinite where that has a meaning: an outcome of probability 0 has a log-probability of -inf
// and adds nothing to entropy and KL divergence, since p log p goes to 0 with p. Values in nats.
#pragma once

#include "autograd/tensor.h"
#include "base/rng.h"

namespace saccade::nn {

/// One of n classes, with p_i = exp(l_i) / sum_j exp(l_j).
class Categorical {
 public:
  /// logits: (..., n), one distribution a row; a class of logit -inf is impossible. ShapeError if there is no
  /// class; ConfigError if a row's largest logit is not finite: one is NaN or inf, or all are -inf.
  explicit Categorical(const Tensor& logits);

  const Tensor& logits() const { return logits_; }
  /// (..., n)
  Tensor probs() const;
  Tensor log_probs() const;

  /// A class for each row, (...), i64, without a graph.
  Tensor sample(Rng& rng) const;
  /// The most probable class, of a tie the first; (...), i64.
  Tensor mode() const;

  /// log p_index: (...), as index is, of any dtype. ShapeError if that has another shape or names no class.
  Tensor log_prob(const Tensor& index) const;

  /// H(p) = -sum_i p_i log p_i (Cover & Thomas 2006, section 2.1); (...).
  Tensor entropy() const;

 private:
  Tensor logits_;
};

/// KL(p || q) = sum_i p_i (log p_i - log q_i) (Cover & Thomas 2006, section 2.3); (...). It is infinite where
/// p can be what q cannot, and no gradient flows from there. ShapeError or DTypeError if their logits' shapes
/// or dtypes differ.
Tensor kl_divergence(const Categorical& p, const Categorical& q);

}  // namespace saccade::nn
