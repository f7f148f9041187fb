// Dropout.
#pragma once

#include "autograd/tensor.h"
#include "base/rng.h"

namespace saccade::nn {

/// Each element is 0 with probability p, else 1 / (1 - p), so that its mean is 1. ConfigError unless
/// 0 <= p < 1.
Tensor dropout_mask(const Shape& shape, double p, Rng& rng, DType dtype = DType::f32);

/// Srivastava et al. 2014. In training y = x mask; in evaluation there is nothing to call.
class Dropout {
 public:
  /// ConfigError unless 0 <= p < 1.
  explicit Dropout(double p);

  Tensor operator()(const Tensor& x, Rng& rng) const;

 private:
  double p_;
};

}  // namespace saccade::nn
