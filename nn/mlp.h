// A multi-layer perceptron.
#pragma once

#include <string>
#include <vector>

#include "nn/linear.h"

namespace saccade::nn {

struct MlpOptions {
  Activation hidden = Activation::relu;
  Activation output = Activation::none;
  /// 0: one network. n: n independent ones, as in LinearOptions.
  std::int64_t ensemble = 0;
};

/// Linear layers l1, l2, ... with an activation after each: Mlp({17, 256, 256, 6}, rng).
class Mlp : public Module {
 public:
  /// `sizes` are those of the input, of every hidden layer and of the output. ConfigError for fewer than two,
  /// or one below 1.
  Mlp(const std::vector<std::int64_t>& sizes, Rng& rng, const MlpOptions& options = {},
      DType dtype = DType::f32);

  /// (..., in) to (..., out). An ensemble takes (batch, in) or (n, batch, in) and gives (n, batch, out).
  /// ShapeError or DTypeError if x does not fit.
  Tensor operator()(const Tensor& x) const;

 private:
  struct Layer {
    std::string name;
    Linear linear;
    Activation activation;
  };
  std::vector<Layer> layers_;
};

}  // namespace saccade::nn
