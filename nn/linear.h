// A fully connected layer, or several side by side.
#pragma once

#include "autograd/ops.h"
#include "base/rng.h"
#include "nn/module.h"

namespace saccade::nn {

struct LinearOptions {
  /// 0: one layer. n: n independent layers, such as those of n critics, computed as one batched product.
  std::int64_t ensemble = 0;
};

/// y = activation(x W^T + b). Parameters, as PyTorch initialises them: weight (out, in), bias (out); for an
/// ensemble weight (n, out, in), bias (n, out).
class Linear : public Module {
 public:
  /// ConfigError for a size below 1.
  Linear(std::int64_t in, std::int64_t out, Rng& rng, const LinearOptions& options = {},
         DType dtype = DType::f32);

  /// (..., in) to (..., out). An ensemble takes (batch, in), the same for every member, or (n, batch, in),
  /// and gives (n, batch, out). ShapeError or DTypeError if x does not fit.
  Tensor operator()(const Tensor& x, Activation activation = Activation::none) const {
    return linear(x, weight_, bias_, activation);
  }

 private:
  Tensor weight_, bias_;
};

}  // namespace saccade::nn
