// Normal distributions over real vectors with independent components.
//
// A component is one entry of the last dimension: mean and log_std are (..., d). Everything is differentiable
// in mean and log_std. Points and noise have mean's shape and dtype: ShapeError or DTypeError if not.
#pragma once

#include "autograd/tensor.h"
#include "base/rng.h"

namespace saccade::nn {

/// N(mean, exp(log_std)^2)
class Normal {
 public:
  /// log_std may have fewer dimensions, or sizes of 1, that broadcast to those of mean. ShapeError if it does
  /// not, or if mean has no dimension; DTypeError if their dtypes differ.
  Normal(const Tensor& mean, const Tensor& log_std);

  const Tensor& mean() const { return mean_; }
  const Tensor& log_std() const { return log_std_; }

  /// A draw without a graph, (..., d).
  Tensor sample(Rng& rng) const;
  /// mean + exp(log_std) eps: gradients flow to mean and log_std. eps is standard normal noise, (..., d),
  /// given or drawn.
  Tensor rsample(const Tensor& eps) const;
  Tensor rsample(Rng& rng) const;

  /// The log-density of each component, (..., d), and that of the whole vector, their sum: (..., 1).
  Tensor component_log_prob(const Tensor& x) const;
  Tensor log_prob(const Tensor& x) const;

  /// In nats; (..., 1).
  Tensor entropy() const;

 private:
  Tensor mean_, log_std_;
};

/// KL(p || q), summed over the components; (..., 1). With s the stds (Rasmussen & Williams 2006, eq. A.23,
/// for diagonal covariances),
///
///     sum_i log(s_q / s_p) + (s_p^2 + (mean_p - mean_q)^2) / (2 s_q^2) - 1/2
///
/// ShapeError or DTypeError if their means' shapes or dtypes differ.
Tensor kl_divergence(const Normal& p, const Normal& q);

}  // namespace saccade::nn
