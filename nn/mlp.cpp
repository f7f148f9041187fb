#include "nn/mlp.h"

#include <fmt/format.h>

#include "autograd/modes.h"
#include "base/error.h"

namespace saccade::nn {

namespace {

Tensor activate(const Tensor& x, Activation activation) {
  switch (activation) {
    case Activation::relu:
      return relu(x);
    case Activation::tanh:
      return tanh(x);
    default:
      return x;
  }
}

}  // namespace

Mlp::Mlp(const std::vector<std::int64_t>& sizes, Rng& rng, const MlpOptions& options, DType dtype) {
  if (sizes.size() < 2) {
    throw ConfigError(
        fmt::format("Mlp: {} sizes given, expected at least 2: of the input and the output", sizes.size()));
  }
  for (std::size_t i = 1; i < sizes.size(); ++i) {
    const std::string name = fmt::format("l{}", i);
    const Scope scope(name);
    const bool hidden = i + 1 < sizes.size();
    layers_.push_back({name, Linear(sizes[i - 1], sizes[i], rng, {.ensemble = options.ensemble}, dtype),
                       std::nullopt, hidden ? options.hidden : options.output});
    register_module(name, layers_.back().linear);
    if (!hidden || !options.layer_norm) continue;
    layers_.back().norm.emplace(sizes[i], LayerNormOptions{.ensemble = options.ensemble}, dtype);
    register_module(fmt::format("n{}", i), *layers_.back().norm);
  }
}

Tensor Mlp::operator()(const Tensor& x, const TensorList& masks) const {
  if (!masks.empty() && masks.size() + 1 != layers_.size()) {
    throw ShapeError(fmt::format("Mlp: {} masks given, expected one for each of {} hidden layers",
                                 masks.size(), layers_.size() - 1));
  }
  Tensor y = x;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const Layer& layer = layers_[i];
    const Scope scope(layer.name);
    const bool masked = i < masks.size();
    if (!masked && !layer.norm) {  // in one pass
      y = layer.linear(y, layer.activation);
      continue;
    }
    y = layer.linear(y);
    if (masked) y = y * masks[i];
    if (layer.norm) y = (*layer.norm)(y);
    y = activate(y, layer.activation);
  }
  return y;
}

}  // namespace saccade::nn
