#include "rl/components/batch_norm_net.h"

#include <fmt/format.h>

namespace saccade::rl {

BatchNormNet::BatchNormNet(const std::vector<std::int64_t>& sizes, Rng& rng, const nn::BatchNormOptions& norm,
                           DType dtype) {
  for (std::size_t i = 0; i + 1 < sizes.size(); ++i) {
    norms_.emplace_back(sizes[i], norm, dtype);
    register_module(fmt::format("bn{}", i), norms_.back());
    layers_.emplace_back(sizes[i], sizes[i + 1], rng, nn::LinearOptions{.ensemble = norm.ensemble}, dtype);
    register_module(fmt::format("l{}", i + 1), layers_.back());
  }
}

Tensor BatchNormNet::pass(const Tensor& x, Seen* seen) const {
  if (seen != nullptr) seen->resize(norms_.size());
  Tensor y = x;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    y = seen == nullptr ? norms_[i](y) : norms_[i](y, (*seen)[i]);
    y = layers_[i](y, i + 1 < layers_.size() ? Activation::relu : Activation::none);
  }
  return y;
}

void BatchNormNet::follow(const Seen& seen) {
  for (std::size_t i = 0; i < norms_.size(); ++i) norms_[i].follow(seen[i]);
}

nn::NamedTensors BatchNormNet::named_state() const {
  nn::NamedTensors state;
  for (std::size_t i = 0; i < norms_.size(); ++i) {
    nn::append(state, fmt::format("bn{}.", i), norms_[i].named_state());
  }
  return state;
}

}  // namespace saccade::rl
