#include "nn/functional_call.h"

#include <fmt/format.h>

#include "base/error.h"

namespace saccade::nn::detail {

void check_replacements(const Module& module, const TensorList& parameters) {
  const NamedTensors& named = module.named_parameters();
  if (parameters.size() != named.size()) {
    throw ConfigError(
        fmt::format("functional_call: {} tensors given for {} parameters", parameters.size(), named.size()));
  }
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const auto& [name, parameter] = named[i];
    if (parameters[i].defined() && parameters[i].shape() == parameter.shape()) continue;
    throw ShapeError(fmt::format("functional_call: tensor {} is {}, expected the shape of '{}', {}", i,
                                 describe(parameters[i]), name, parameter.shape().str()));
  }
}

}  // namespace saccade::nn::detail
