// Running mean and variance of observations, and normalisation by them.
#pragma once

#include <cstdint>
#include <span>

#include "autograd/tensor.h"
#include "nn/named_tensors.h"

namespace saccade::rl {

class RunningMeanStd {
 public:
  /// Of nothing yet: normalisation then leaves observations as they are but for the clip.
  explicit RunningMeanStd(std::int64_t obs_dim, DType dtype);

  /// Takes one more observation into account (Welford 1962).
  void add(std::span<const double> obs);

  /// (obs - mean) / sqrt(variance + 1e-8), clipped to [-10, 10]; (B, obs_dim), outside any graph.
  Tensor normalized(const Tensor& obs) const;

  /// "count", "mean" and "squares", the sum of squared deviations, in f64: handles through which a checkpoint
  /// is written and read; after writing, refresh().
  nn::NamedTensors named_state() const;
  void refresh();

 private:
  Tensor count_, mean_, squares_;  // (1), (obs_dim), (obs_dim)
  Tensor shift_, scale_;           // (obs_dim): the same in the networks' dtype
};

}  // namespace saccade::rl
