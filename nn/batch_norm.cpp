#include "nn/batch_norm.h"

#include <fmt/format.h>

#include "autograd/modes.h"
#include "autograd/ops.h"
#include "base/error.h"
#include "nn/init.h"
#include "nn/team.h"

namespace saccade::nn {

namespace {

// sqrt, with a gradient of 0 at 0, where a feature is the same in every row: its slope is infinite there.
Tensor root(const Tensor& v) {
  const Tensor varies = gt(v.detach(), 0);
  return sqrt(v + (1 - varies)) * varies;
}

}  // namespace

BatchNorm::BatchNorm(std::int64_t features, const BatchNormOptions& options, DType dtype)
    : options_(options) {
  if (features < 1 || options.ensemble < 0) {
    throw ConfigError(fmt::format("BatchNorm: features {}, ensemble {} given; expected at least 1 and 0",
                                  features, options.ensemble));
  }
  if (!(options.eps > 0 && options.momentum >= 0 && options.momentum <= 1 && options.renorm_after >= 0 &&
        options.r_max >= 1 && options.d_max >= 0)) {
    throw ConfigError(fmt::format(
        "BatchNorm: eps {}, momentum {}, renorm_after {}, r_max {}, d_max {} given; expected eps > 0, "
        "0 <= momentum <= 1, renorm_after >= 0, r_max >= 1, d_max >= 0",
        options.eps, options.momentum, options.renorm_after, options.r_max, options.d_max));
  }
  const std::int64_t n = options.ensemble;
  const Shape shape = n == 0 ? Shape{features} : Shape{n, features};
  weight_ = register_parameter("weight", init::constant(shape, 1, dtype));
  bias_ = register_parameter("bias", init::constant(shape, 0, dtype));
  const Shape statistics = n == 0 ? Shape{1, features} : Shape{n, 1, features};
  mean_ = zeros(statistics, dtype);
  variance_ = ones(statistics, dtype);
  passes_ = scalar(0, DType::f64);
  state_ = {{"mean", mean_}, {"variance", variance_}, {"passes", passes_}};
}

// The statistics are converted for functional_call, which may put parameters of another dtype in place.
Tensor BatchNorm::operator()(const Tensor& x) const {
  return scaled(x, to(mean_, x.dtype()), to(variance_, x.dtype()));
}

Tensor BatchNorm::operator()(const Tensor& x, Seen& seen) const {
  Tensor m = mean(x, {-2}, true), v;  // (1, f) or (n, 1, f)
  if (Team* const together = team()) {
    m = together->average(m);
    v = together->average(mean(square(x - m), {-2}, true));
  } else {
    v = var(x, {-2}, false, true);
  }
  seen = {m.detach(), v.detach()};
  if (passes_.item() < static_cast<double>(options_.renorm_after)) return scaled(x, m, v);
  const Tensor std = sqrt(to(variance_, x.dtype()) + options_.eps);
  const Tensor r = clamp(sqrt(seen.variance + options_.eps) / std, 1 / options_.r_max, options_.r_max);
  const Tensor d = clamp((seen.mean - to(mean_, x.dtype())) / std, -options_.d_max, options_.d_max);
  return scaled(x, m - d * root(v) / r, v / square(r));
}

BatchNorm::Affine BatchNorm::affine() const {
  const NoGrad no_grad;
  const auto exact = [&](const Tensor& x) { return reshape(to(x, DType::f64), weight_.shape()); };
  const Tensor scale = exact(weight_) * rsqrt(exact(variance_) + options_.eps);
  return {scale, exact(bias_) - exact(mean_) * scale};
}

void BatchNorm::follow(const Seen& seen) {
  const NoGrad no_grad;
  const double keep = options_.momentum;
  mean_.copy_(expand(keep * mean_ + (1 - keep) * seen.mean, mean_.shape()));
  variance_.copy_(expand(keep * variance_ + (1 - keep) * seen.variance, variance_.shape()));
  passes_.copy_(passes_ + 1);
}

Tensor BatchNorm::scaled(const Tensor& x, const Tensor& mean, const Tensor& variance) const {
  const bool one = options_.ensemble == 0;
  const Tensor weight = one ? weight_ : unsqueeze(weight_, 1), bias = one ? bias_ : unsqueeze(bias_, 1);
  return (x - mean) * (rsqrt(variance + options_.eps) * weight) + bias;
}

}  // namespace saccade::nn
