// Running mean and variance of observations, and normalisation by them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "autograd/tensor.h"
#include "nn/named_tensors.h"
#include "rl/policy_network.h"

namespace saccade::rl {

class RunningMeanStd {
 public:
  /// Statistics of no observation yet. Until the first one, normalisation does no more than clip.
  explicit RunningMeanStd(std::int64_t obs_dim, DType dtype);

  /// Takes one more observation into account (Welford 1962).
  void add(std::span<const double> obs);

  /// (obs - mean) / sqrt(variance + 1e-8), clipped to [-10, 10]; (B, obs_dim), outside any graph.
  Tensor normalized(const Tensor& obs) const;

  /// The same as numbers.
  ObsTransform transform() const;

  /// "count", "mean" and "squares", the sum of squared deviations, in f64: handles through which a checkpoint
  /// is written and read; after writing, refresh().
  nn::NamedTensors named_state() const;
  void refresh();

 private:
  Tensor count_, mean_, squares_;  // (1), (obs_dim), (obs_dim)
  Tensor shift_, scale_;           // (obs_dim): the same in the networks' dtype
};

/// Observations as the networks see them: normalised by the running statistics of those observed, or, if it
/// is off, as they are.
class ObsNormalizer {
 public:
  ObsNormalizer(bool on, std::int64_t obs_dim, DType dtype);

  bool on() const { return statistics_.has_value(); }
  void observe(std::span<const double> obs);
  Tensor operator()(const Tensor& obs) const;  // (B, obs_dim)

  ObsTransform transform(bool one_hot) const;

  /// As RunningMeanStd's; nothing if it is off.
  nn::NamedTensors named_state() const;
  void refresh();

 private:
  std::optional<RunningMeanStd> statistics_;
};

}  // namespace saccade::rl
