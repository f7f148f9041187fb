#include "nn/distributions/tanh_normal.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "autograd/grad.h"
#include "autograd/ops.h"
#include "base/error.h"

namespace saccade::nn {

namespace {

const double kHalfLog2Pi = 0.5 * std::log(2 * std::numbers::pi);

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

void check_like_mean(const char* function, const char* argument, const Tensor& x, const Tensor& mean) {
  if (x.defined() && x.dtype() != mean.dtype()) {
    throw DTypeError(
        fmt::format("{}: {} is {}, expected {}", function, argument, describe(x), describe(mean)));
  }
  if (!x.defined() || x.shape() != mean.shape()) {
    throw ShapeError(
        fmt::format("{}: {} is {}, expected {}", function, argument, describe(x), describe(mean)));
  }
}

Tensor sum_of_components(const Tensor& x) { return sum(x, {-1}, true); }

// log N(mean + std z; mean, std)
Tensor normal_log_prob(const Tensor& z, const Tensor& log_std) {
  return -0.5 * square(z) - log_std - kHalfLog2Pi;
}

// log |da/du| = log(1 - tanh(u)^2), where a = tanh(u). With e = exp(-2u), tanh(u) = (1 - e) / (1 + e), so
// 1 - tanh(u)^2 = 4 e / (1 + e)^2, whose log is 2 (log 2 - u - log(1 + e)).
Tensor tanh_log_det(const Tensor& u, LogProbForm form) {
  if (form == LogProbForm::eps1e6) return log(1 - square(tanh(u)) + 1e-6);
  return 2 * (std::numbers::ln2 - u - softplus(-2 * u));
}

}  // namespace

// ---- Normal ----

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

// ---- TanhNormal ----

TanhNormal::Sample TanhNormal::sample(Rng& rng) const {
  const NoGrad no_grad;
  return rsample(rng);
}

TanhNormal::Sample TanhNormal::rsample(const Tensor& eps) const {
  const Tensor u = normal_.rsample(eps);
  return {tanh(u), u, eps};
}

Tensor TanhNormal::mode() const { return tanh(normal_.mean()); }

Tensor TanhNormal::component_log_prob(const Tensor& u, LogProbForm form) const {
  check_like_mean("TanhNormal::log_prob", "u", u, normal_.mean());
  return normal_.component_log_prob(u) - tanh_log_det(u, form);
}

Tensor TanhNormal::component_log_prob(const Sample& drawn, LogProbForm form) const {
  check_like_mean("TanhNormal::log_prob", "the sample's u", drawn.u, normal_.mean());
  return normal_log_prob(drawn.eps, normal_.log_std()) - tanh_log_det(drawn.u, form);
}

Tensor TanhNormal::log_prob(const Tensor& u, LogProbForm form) const {
  return sum_of_components(component_log_prob(u, form));
}

Tensor TanhNormal::log_prob(const Sample& drawn, LogProbForm form) const {
  return sum_of_components(component_log_prob(drawn, form));
}

Tensor TanhNormal::log_prob_of_action(const Tensor& action) const {
  check_like_mean("TanhNormal::log_prob_of_action", "action", action, normal_.mean());
  // The largest number below 1: 1 - 2^-24 in f32.
  const double limit = visit(action.dtype(), []<class T>() -> double { return std::nextafter(T(1), T(0)); });
  const Tensor a = clamp(action, -limit, limit);
  return log_prob(0.5 * (log1p(a) - log1p(-a)));  // atanh
}

Tensor kl_divergence(const TanhNormal& p, const TanhNormal& q) {
  return kl_divergence(p.normal(), q.normal());
}

Tensor TanhNormal::draw_noise(Rng& rng) const {
  return randn(normal_.mean().shape(), rng, normal_.mean().dtype());
}

}  // namespace saccade::nn
