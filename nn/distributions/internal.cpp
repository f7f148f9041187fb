#include "nn/distributions/internal.h"

#include <fmt/format.h>

#include <cmath>

#include "autograd/ops.h"
#include "base/error.h"

namespace saccade::nn::detail {

namespace {

// 1 for an outcome of probability 0.
Tensor impossible(const Tensor& log_p) { return eq(log_p, scalar(-INFINITY, log_p.dtype())); }

}  // namespace

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

Tensor normal_log_prob(const Tensor& z, const Tensor& log_std) {
  return -0.5 * square(z) - log_std - kHalfLog2Pi;
}

void check_same(const char* function, const Tensor& p, const Tensor& q) {
  const auto message = [&] {
    return fmt::format("{}: p's logits are {}, but q's are {}", function, describe(p), describe(q));
  };
  if (p.dtype() != q.dtype()) throw DTypeError(message());
  if (p.shape() != q.shape()) throw ShapeError(message());
}

void check_outcome(const char* function, const char* argument, const Tensor& outcome, const Shape& expected) {
  if (!outcome.defined() || outcome.shape() != expected) {
    throw ShapeError(fmt::format("{}: {} is {}, expected shape {}", function, argument, describe(outcome),
                                 expected.str()));
  }
}

// `where` drops -inf from values and from gradients, so that neither multiplies it by 0.
Tensor p_log_p(const Tensor& log_p) {
  return exp(log_p) * where(impossible(log_p), zeros_like(log_p), log_p);
}

Tensor p_log_p_over_q(const Tensor& log_p, const Tensor& log_q) {
  const Tensor p_none = impossible(log_p), q_none = impossible(log_q), zero = zeros_like(log_p);
  const Tensor log_ratio = where(p_none, zero, where(q_none, zero, log_p - log_q));
  return where(gt(q_none, p_none), scalar(INFINITY, log_p.dtype()), exp(log_p) * log_ratio);
}

Tensor wide(const Tensor& logits) { return to(logits.detach(), DType::f64); }

}  // namespace saccade::nn::detail
