#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "autograd/ops.h"
#include "autograd/ops/map.h"
#include "autograd/record.h"
#include "base/error.h"

namespace saccade {

namespace {

Tensor reduced(const Tensor& loss, Reduction reduction) {
  switch (reduction) {
    case Reduction::none:
      return loss;
    case Reduction::mean:
      return mean(loss);
    default:
      return sum(loss);
  }
}

// Losses do not broadcast: a target of another shape is nearly always a mistake, such as (n) for (n, 1).
void check_same_shape(const char* op, const Tensor& x, const Tensor& target) {
  check_defined(op, x);
  check_defined(op, target);
  if (x.shape() != target.shape()) {
    throw ShapeError(
        fmt::format("{}: input {} and target {} differ in shape", op, x.shape().str(), target.shape().str()));
  }
}

// Less than the smallest normal number of the dtype would round to 0 or to few digits.
void check_width(const char* op, const char* name, double width, const Tensor& x, bool may_be_0) {
  const double min = visit(x.dtype(), []<class T>() -> double { return std::numeric_limits<T>::min(); });
  if ((width >= min && std::isfinite(width)) || (may_be_0 && width == 0)) return;
  throw ConfigError(fmt::format("{}: {} is {}, expected {}a finite number of at least {:.3g}", op, name,
                                width, may_be_0 ? "0 or " : "", min));
}

// d^2 / 2 for |d| < width, else width (|d| - width / 2).
Tensor huber(const Tensor& d, double width) {
  const Tensor size = abs(d);
  const Tensor near = minimum(size, constant_like(size, width));
  return near * (size - 0.5 * near);
}

}  // namespace

Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double eps) {
  check_defined("layer_norm", x);
  if (!(eps >= 0)) throw ConfigError(fmt::format("layer_norm: eps is {}, expected 0 or more", eps));
  for (const Tensor* scale : {&weight, &bias}) {
    if (!scale->defined() || (scale->dim() == 1 && x.dim() > 0 && scale->shape()[0] == x.size(-1))) continue;
    throw ShapeError(
        fmt::format("layer_norm: a weight or bias of shape {} does not fit {}; expected its last size",
                    scale->shape().str(), x.shape().str()));
  }
  const Tensor centred = x - mean(x, {-1}, true);
  Tensor y = centred * rsqrt(mean(square(centred), {-1}, true) + eps);
  if (weight.defined()) y = y * weight;
  return bias.defined() ? y + bias : y;
}

Tensor mse_loss(const Tensor& x, const Tensor& target, Reduction reduction) {
  check_same_shape("mse_loss", x, target);
  return reduced(square(x - target), reduction);
}

Tensor l1_loss(const Tensor& x, const Tensor& target, Reduction reduction) {
  check_same_shape("l1_loss", x, target);
  return reduced(abs(x - target), reduction);
}

Tensor huber_loss(const Tensor& x, const Tensor& target, Reduction reduction, double delta) {
  check_same_shape("huber_loss", x, target);
  check_width("huber_loss", "delta", delta, x, false);
  return reduced(huber(x - target, delta), reduction);
}

Tensor smooth_l1_loss(const Tensor& x, const Tensor& target, Reduction reduction, double beta) {
  check_same_shape("smooth_l1_loss", x, target);
  check_width("smooth_l1_loss", "beta", beta, x, true);
  if (beta == 0) return l1_loss(x, target, reduction);
  return reduced(huber(x - target, beta) / beta, reduction);
}

Tensor cross_entropy(const Tensor& logits, const Tensor& target, Reduction reduction) {
  check_defined("cross_entropy", logits);
  check_defined("cross_entropy", target);
  if (logits.dim() != 2 || target.dim() != 1 || logits.size(0) != target.size(0)) {
    throw ShapeError(
        fmt::format("cross_entropy: logits {} and target {} do not fit; expected (n, classes) and (n)",
                    logits.shape().str(), target.shape().str()));
  }
  return reduced(-squeeze(gather(log_softmax(logits, 1), 1, unsqueeze(target, 1)), 1), reduction);
}

// -(t log s(x) + (1 - t) log(1 - s(x))) = t softplus(-x) + (1 - t) softplus(x). The shorter softplus(x) - t x
// cancels where x is large and t is 1. In t it is linear; its derivative there is the difference of the two,
// -x.
Tensor binary_cross_entropy_with_logits(const Tensor& logits, const Tensor& target, Reduction reduction) {
  check_same_shape("binary_cross_entropy_with_logits", logits, target);
  const auto [x, t] = same_dtype("binary_cross_entropy_with_logits", logits, target);
  const Tensor at = x.detach(), share = t.detach();
  const Tensor loss = share * softplus(-at) + (1 - share) * softplus(at);
  return reduced(
      record("binary_cross_entropy_with_logits", loss,
             {{x, [x = x, t = t](const Tensor& g) { return g * ((1 - t) * sigmoid(x) - t * sigmoid(-x)); }},
              {t, [x = x](const Tensor& g) { return -(g * x); }}}),
      reduction);
}

}  // namespace saccade
