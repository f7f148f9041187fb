// For checks of what agents compute.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "nn/functional_call.h"
#include "rl/batch.h"
#include "tools/gradcheck/suite.h"

namespace saccade::suite {

/// The batch in the dtype of x.
inline rl::Batch like(const rl::Batch& batch, const Tensor& x) {
  return {like(batch.obs, x), like(batch.action, x), like(batch.reward, x), like(batch.next_obs, x),
          like(batch.terminated, x)};
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

}  // namespace saccade::suite
