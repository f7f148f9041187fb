// A multi-layer perceptron.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "nn/layer_norm.h"
#include "nn/linear.h"

namespace saccade::nn {

struct MlpOptions {
  Activation hidden = Activation::relu;
  Activation output = Activation::none;
  /// 0: one network. n: n independent ones, as in LinearOptions.
  std::int64_t ensemble = 0;
  /// Normalises what each hidden layer gives, before its activation.
  bool layer_norm = false;
};

/// Linear layers l1, l2, ... with an activation after each: Mlp({17, 256, 256, 6}, rng). With layer_norm
/// there are n1, n2, ... between hidden layers and their activations.
class Mlp : public Module {
 public:
  /// `sizes` are those of the input, of every hidden layer and of the output. ConfigError for fewer than two,
  /// or one below 1.
  Mlp(const std::vector<std::int64_t>& sizes, Rng& rng, const MlpOptions& options = {},
      DType dtype = DType::f32);

  /// (..., in) to (..., out). An ensemble takes (batch, in) or (n, batch, in) and gives (n, batch, out).
  /// ShapeError or DTypeError if x does not fit.
  Tensor operator()(const Tensor& x) const { return (*this)(x, {}); }
  /// With dropout: what each hidden layer's linear part gives is multiplied by a mask, of the same shape.
  /// ShapeError unless there is one for each hidden layer, or none at all.
  Tensor operator()(const Tensor& x, const TensorList& masks) const;

 private:
  struct Layer {
    std::string name;
    Linear linear;
    std::optional<LayerNorm> norm;
    Activation activation;
  };
  std::vector<Layer> layers_;
};

}  // namespace saccade::nn
