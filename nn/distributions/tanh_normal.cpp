#include "nn/distributions/tanh_normal.h"

#include <cmath>
#include <numbers>

#include "autograd/modes.h"
#include "autograd/ops.h"
#include "autograd/record.h"
#include "nn/distributions/internal.h"

namespace saccade::nn {

using namespace detail;

namespace {

// log |da/du| = log(1 - tanh(u)^2), where a = tanh(u). With e = exp(-2u), tanh(u) = (1 - e) / (1 + e), so
// 1 - tanh(u)^2 = 4 e / (1 + e)^2, whose log is 2 (log 2 - u - log(1 + e)). Its derivative is -2 tanh(u);
// that of the terms, -2 + 4 sigmoid(-2u), has few digits left near 0.
Tensor tanh_log_det(const Tensor& u, LogProbForm form) {
  if (form == LogProbForm::eps1e6) return log(1 - square(tanh(u)) + 1e-6);
  const Tensor at = u.detach();
  return record("tanh_log_det", 2 * (std::numbers::ln2 - at - softplus(-2 * at)),
                {{u, [u](const Tensor& g) { return g * (-2 * tanh(u)); }}});
}

}  // namespace

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
