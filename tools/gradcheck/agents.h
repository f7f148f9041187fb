// For checks of what agents compute.
#pragma once

#include <cmath>
#include <functional>
#include <utility>
#include <vector>

#include "autograd/ops.h"
#include "nn/functional_call.h"
#include "rl/batch.h"
#include "tools/gradcheck/suite.h"

namespace saccade::suite {

/// The batch in the dtype of x.
inline rl::Batch like(const rl::Batch& batch, const Tensor& x) {
  const auto where_given = [&](const Tensor& t) { return t.defined() ? like(t, x) : t; };
  return {like(batch.obs, x),       like(batch.action, x),     like(batch.reward, x),
          like(batch.next_obs, x),  like(batch.terminated, x), where_given(batch.discount),
          where_given(batch.weight)};
}

/// A module, and what it has for parameters during a call.
using Part = std::pair<const nn::Module*, TensorList>;

/// The result of `call` while the modules have these parameters, in the dtype of x.
inline Tensor with_parameters(const std::vector<Part>& parts, const Tensor& x,
                              const std::function<Tensor()>& call, std::size_t from = 0) {
  if (from == parts.size()) return call();
  return nn::functional_call(*parts[from].first, like(parts[from].second, x),
                             [&] { return with_parameters(parts, x, call, from + 1); });
}

// Equations written out.

/// a and log pi(a), (B, 1), for a policy's outputs, the mean beside log sigma.
inline std::pair<Tensor, Tensor> squashed_sample(const Tensor& out, const Tensor& eps) {
  const std::int64_t n = eps.size(1);
  const Tensor mean = slice(out, 1, 0, n), log_std = slice(out, 1, n, 2 * n);
  const Tensor a = tanh(mean + exp(log_std) * eps);
  const Tensor each = -square(eps) / 2 - log_std - std::log(2 * std::acos(-1.0)) / 2 - log(1 - square(a));
  return {a, sum(each, {1}, true)};
}

/// Q_i(s, a) of critics, weights then biases, (n, B, outputs).
inline Tensor all_q(const TensorList& critic, const Tensor& obs, const Tensor& action) {
  return written_out_mlp(cat({obs, action}, 1), critic);
}

/// The smaller of two critics'.
inline Tensor smallest_q(const TensorList& critic, const Tensor& obs, const Tensor& action) {
  const Tensor q = all_q(critic, obs, action);
  return minimum(select(q, 0, 0), select(q, 0, 1));
}

}  // namespace saccade::suite
