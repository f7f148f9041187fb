#include "nn/mlp.h"

#include <fmt/format.h>

#include "autograd/modes.h"
#include "base/error.h"

namespace saccade::nn {

Mlp::Mlp(const std::vector<std::int64_t>& sizes, Rng& rng, const MlpOptions& options, DType dtype) {
  if (sizes.size() < 2) {
    throw ConfigError(
        fmt::format("Mlp: {} sizes given, expected at least 2: of the input and the output", sizes.size()));
  }
  for (std::size_t i = 1; i < sizes.size(); ++i) {
    const std::string name = fmt::format("l{}", i);
    const Scope scope(name);
    const Activation activation = i + 1 < sizes.size() ? options.hidden : options.output;
    layers_.push_back(
        {name, Linear(sizes[i - 1], sizes[i], rng, {.ensemble = options.ensemble}, dtype), activation});
    register_module(name, layers_.back().linear);
  }
}

Tensor Mlp::operator()(const Tensor& x) const {
  Tensor y = x;
  for (const Layer& layer : layers_) {
    const Scope scope(layer.name);
    y = layer.linear(y, layer.activation);
  }
  return y;
}

}  // namespace saccade::nn
