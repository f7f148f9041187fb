// Distributions over real vectors with independent components, for stochastic policies.
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

/// How TanhNormal computes log(1 - tanh(u)^2).
enum class LogProbForm {
  /// 2 (log 2 - u - softplus(-2u)), which is exact and does not lose digits at any u.
  stable,
  /// log(1 - a^2 + 1e-6), as in the SAC authors' code: finite for every a, but what it adds takes over as
  /// 1 - a^2 falls to 1e-6. At |u| = 8 it is off by 1.2 and its gradient by a factor of 3. For comparison.
  eps1e6,
};

/// The distribution of a = tanh(u) where u ~ N(mean, exp(log_std)^2): SAC's policy (Haarnoja et al. 2018,
/// appendix C). Its entropy has no closed form, so there is no function for it.
///
/// Log-probabilities are taken at the pre-tanh u and not at the action: a saturated a = tanh(u) does not
/// determine u. In f32 every u from 9.02 on gives exactly 1, although the densities there differ.
class TanhNormal {
 public:
  /// As Normal.
  TanhNormal(const Tensor& mean, const Tensor& log_std) : normal_(mean, log_std) {}

  struct Sample {
    Tensor action;  // tanh(u), (..., d)
    Tensor u;       // mean + exp(log_std) eps
    Tensor eps;
  };

  /// The distribution of u.
  const Normal& normal() const { return normal_; }

  /// A draw without a graph.
  Sample sample(Rng& rng) const;
  /// A draw through which gradients flow to mean and log_std, from standard normal noise, (..., d), given or
  /// drawn.
  Sample rsample(const Tensor& eps) const;
  Sample rsample(Rng& rng) const { return rsample(draw_noise(rng)); }
  /// The action of the most probable u, tanh(mean): for evaluation.
  Tensor mode() const;

  /// log pi(a) of the whole action a = tanh(u), (..., 1): the sum of its components',
  ///
  ///     log pi(a) = log N(u; mean, std) - sum_i log(1 - tanh(u_i)^2)
  ///               = log N(u; mean, std) - sum_i 2 (log 2 - u_i - softplus(-2 u_i))
  Tensor log_prob(const Tensor& u, LogProbForm form = LogProbForm::stable) const;
  Tensor component_log_prob(const Tensor& u, LogProbForm form = LogProbForm::stable) const;

  /// The same for a draw of this very distribution, whose (u - mean) / std is known to be eps: cheaper, and
  /// right where std is so small that u - mean has no digits left.
  Tensor log_prob(const Sample& drawn, LogProbForm form = LogProbForm::stable) const;
  Tensor component_log_prob(const Sample& drawn, LogProbForm form = LogProbForm::stable) const;

  /// log pi(a) for an action whose u is not known: at u = atanh(a), with a first limited to what its dtype
  /// tells from -1 and 1. Inexact near them, where a rounding error in a moves u by 1 / (1 - a^2) times that.
  Tensor log_prob_of_action(const Tensor& action) const;

 private:
  Tensor draw_noise(Rng& rng) const;
  Normal normal_;
};

/// KL(p || q), summed over the components; (..., 1). With s the stds (Rasmussen & Williams 2006, eq. A.23,
/// for diagonal covariances),
///
///     sum_i log(s_q / s_p) + (s_p^2 + (mean_p - mean_q)^2) / (2 s_q^2) - 1/2
///
/// ShapeError or DTypeError if their means' shapes or dtypes differ.
Tensor kl_divergence(const Normal& p, const Normal& q);
/// That of the Normals behind them: tanh is a bijection, and the derivatives of a = tanh(u) that it brings
/// into both densities cancel in their ratio.
Tensor kl_divergence(const TanhNormal& p, const TanhNormal& q);

}  // namespace saccade::nn
