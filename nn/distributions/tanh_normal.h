// Normal distributions squashed into (-1, 1) by tanh, for stochastic policies. Components, shapes and errors
// are as in normal.h.
#pragma once

#include "autograd/tensor.h"
#include "base/rng.h"
#include "nn/distributions/normal.h"

namespace saccade::nn {

/// How TanhNormal computes log(1 - tanh(u)^2).
enum class LogProbForm {
  /// 2 (log 2 - u - softplus(-2u)), which is exact and does not lose digits at any u.
  stable,
  /// log(1 - a^2 + 1e-6), as in the SAC authors' code, for comparison. It is finite for every a, but as 1 -
  /// a^2
  /// falls to 1e-6, the 1e-6 takes over: at |u| = 8 it is off by 1.2, and its gradient by a factor of 3.
  eps1e6,
};

/// The distribution of a = tanh(u) where u ~ N(mean, exp(log_std)^2): SAC's policy (Haarnoja et al. 2018,
/// appendix C). Its entropy has no closed form: entropy.h has it by quadrature, for plain numbers.
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

  /// log pi(a) for an action whose u is not known: at u = atanh(a), once a is limited to the numbers of its
  /// dtype between -1 and 1. Inexact near those, since a rounding error in a moves u by 1 / (1 - a^2) times
  /// as much.
  Tensor log_prob_of_action(const Tensor& action) const;

 private:
  Tensor draw_noise(Rng& rng) const;
  Normal normal_;
};

/// That of the Normals behind them: tanh is a bijection, and its derivative, which is a factor of both
/// densities, cancels in their ratio.
Tensor kl_divergence(const TanhNormal& p, const TanhNormal& q);

}  // namespace saccade::nn
