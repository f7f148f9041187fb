// Layer normalisation.
#pragma once

#include "autograd/ops.h"
#include "nn/module.h"

namespace saccade::nn {

struct LayerNormOptions {
  double eps = 1e-5;
  /// 0: one layer. n: n independent ones, as in LinearOptions.
  std::int64_t ensemble = 0;
};

/// y = (x - m) / sqrt(v + eps) w + b, with mean m and biased variance v over the last dimension (Ba et al.
/// 2016). Parameters: weight, all 1, and bias, all 0, (features); for an ensemble (n, features).
class LayerNorm : public Module {
 public:
  /// ConfigError for a size below 1 or an eps below 0.
  explicit LayerNorm(std::int64_t features, const LayerNormOptions& options = {}, DType dtype = DType::f32);

  /// (..., features) to the same; an ensemble takes (n, batch, features). ShapeError or DTypeError if x does
  /// not fit.
  Tensor operator()(const Tensor& x) const;

 private:
  LayerNormOptions options_;
  Tensor weight_, bias_;
};

}  // namespace saccade::nn
