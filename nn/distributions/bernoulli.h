// Coins, given by their logits. Gradients, draws and infinite logits are as in categorical.h.
#pragma once

#include "autograd/tensor.h"
#include "base/rng.h"

namespace saccade::nn {

/// 1 with probability p = sigmoid(logit), else 0: each entry of the logits is a coin of its own.
class Bernoulli {
 public:
  /// logits: any shape, (...). inf and -inf make a coin certain. ConfigError if one is NaN.
  explicit Bernoulli(const Tensor& logits);

  const Tensor& logits() const { return logits_; }
  /// The probabilities of 1; (...), as is all that follows.
  Tensor probs() const;

  /// Zeros and ones, without a graph.
  Tensor sample(Rng& rng) const;
  /// The more probable outcome, of a tie 0.
  Tensor mode() const;

  /// log p = -softplus(-logit) where x is 1, log(1 - p) = -softplus(logit) where it is 0: exact at any logit.
  /// ShapeError if x has another shape, or entries other than 0 and 1.
  Tensor log_prob(const Tensor& x) const;

  /// H(p) = -p log p - (1 - p) log(1 - p) (Cover & Thomas 2006, section 2.1).
  Tensor entropy() const;

 private:
  Tensor logits_;
};

/// KL(p || q) as a Categorical's, over each coin's two sides; (...).
Tensor kl_divergence(const Bernoulli& p, const Bernoulli& q);

}  // namespace saccade::nn
