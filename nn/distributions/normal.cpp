#include "nn/distributions/normal.h"

#include <fmt/format.h>

#include "autograd/modes.h"
#include "autograd/ops.h"
#include "base/error.h"
#include "nn/distributions/internal.h"

namespace saccade::nn {

using namespace detail;

namespace {

// log_std as one entry for each of mean's.
Tensor fitted(const Tensor& log_std, const Tensor& mean) {
  if (!mean.defined() || !log_std.defined() || mean.dim() == 0) {
    throw ShapeError(fmt::format("Normal: mean is {} and log_std {}, expected (..., d) each", describe(mean),
                                 describe(log_std)));
  }
  if (mean.dtype() != log_std.dtype()) {
    throw DTypeError(fmt::format("Normal: mean is {}, but log_std is {}", describe(mean), describe(log_std)));
  }
  if (broadcast_shapes("Normal", mean.shape(), log_std.shape()) != mean.shape()) {
    throw ShapeError(fmt::format("Normal: log_std is {}, which does not broadcast to mean's {}",
                                 log_std.shape().str(), mean.shape().str()));
  }
  return expand(log_std, mean.shape());
}

}  // namespace

Normal::Normal(const Tensor& mean, const Tensor& log_std) : mean_(mean), log_std_(fitted(log_std, mean)) {}

Tensor Normal::sample(Rng& rng) const {
  const NoGrad no_grad;
  return rsample(rng);
}

Tensor Normal::rsample(const Tensor& eps) const {
  check_like_mean("Normal::rsample", "eps", eps, mean_);
  return mean_ + exp(log_std_) * eps;
}

Tensor Normal::rsample(Rng& rng) const { return rsample(randn(mean_.shape(), rng, mean_.dtype())); }

Tensor Normal::component_log_prob(const Tensor& x) const {
  check_like_mean("Normal::log_prob", "x", x, mean_);
  return normal_log_prob((x - mean_) / exp(log_std_), log_std_);
}

Tensor Normal::log_prob(const Tensor& x) const { return sum_of_components(component_log_prob(x)); }

Tensor Normal::entropy() const { return sum_of_components(log_std_ + (0.5 + kHalfLog2Pi)); }

// ((mean_p - mean_q) / s_q)^2 / 2 + (e^(2r) - 1) / 2 - r, where r = log(s_p / s_q): exactly 0 if p = q.
Tensor kl_divergence(const Normal& p, const Normal& q) {
  check_like_mean("kl_divergence of Normals", "q's mean", q.mean(), p.mean());
  const Tensor r = p.log_std() - q.log_std(), distance = (p.mean() - q.mean()) / exp(q.log_std());
  return sum_of_components(0.5 * (square(distance) + expm1(2 * r)) - r);
}

}  // namespace saccade::nn
