// Dropout.
#pragma once

#include "autograd/tensor.h"
#include "base/rng.h"
#include "nn/module.h"

namespace saccade::nn {

/// Each element is 0 with probability p, else 1 / (1 - p), so that its mean is 1. ConfigError unless
/// 0 <= p < 1.
Tensor dropout_mask(const Shape& shape, double p, Rng& rng, DType dtype = DType::f32);

/// Srivastava et al. 2014.
class Dropout : public Module {
 public:
  /// ConfigError unless 0 <= p < 1.
  explicit Dropout(double p);

  /// Evaluation: x itself.
  Tensor operator()(const Tensor& x) const { return x; }
  /// Training: x times a mask, drawn anew.
  Tensor operator()(const Tensor& x, Rng& rng) const;

 private:
  double p_;
};

}  // namespace saccade::nn
