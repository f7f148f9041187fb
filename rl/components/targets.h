// What critics learn from, for plain, n-step and weighted transitions alike.
#pragma once

#include "autograd/modes.h"
#include "autograd/ops.h"
#include "rl/batch.h"

namespace saccade::rl {

/// gamma (1 - d) v, which is what is to come; of n-step transitions gamma^k (1 - d) v.
inline Tensor discounted(const Batch& batch, double gamma, const Tensor& v) {
  if (batch.discount.defined()) return batch.discount * (1 - batch.terminated) * v;
  return gamma * (1 - batch.terminated) * v;
}

/// Each transition's part of a loss, (..., B, 1), times its weight.
inline Tensor weighted(const Batch& batch, const Tensor& each) {
  return batch.weight.defined() ? batch.weight * each : each;
}

/// The mean over critics of |Q_i - y|, (B, 1), for q (n, B, 1) and y (B, 1): what priorities follow.
/// Undefined for a batch without weights, of which nobody asks.
inline Tensor td_errors(const Batch& batch, const Tensor& q, const Tensor& y) {
  if (!batch.weight.defined()) return {};
  const NoGrad no_grad;
  return mean(abs(q.detach() - y), {0});
}

}  // namespace saccade::rl
