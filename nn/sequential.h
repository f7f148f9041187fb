// Layers one after another.
#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "autograd/modes.h"
#include "nn/module.h"

namespace saccade::nn {

/// Applies its layers in order. A layer is a Module that is called with a tensor, or a function of one:
///
///     Sequential net;
///     net.add("l1", Linear(3, 64, rng)).add("n1", LayerNorm(64)).add("relu", relu).add("l2", Linear(64, 1,
///     rng));
class Sequential : public Module {
 public:
  /// Moves a module in, whose parameters are called "name....".
  template <std::derived_from<Module> M>
  requires std::invocable<const M&, const Tensor&> Sequential& add(const std::string& name, M module) {
    const auto kept = std::make_shared<const M>(std::move(module));
    register_module(name, *kept);
    layers_.push_back({name, [kept](const Tensor& x) { return (*kept)(x); }});
    return *this;
  }
  Sequential& add(const std::string& name, std::function<Tensor(const Tensor&)> f) {
    layers_.push_back({name, std::move(f)});
    return *this;
  }

  Tensor operator()(const Tensor& x) const {
    Tensor y = x;
    for (const auto& [name, layer] : layers_) {
      const Scope scope(name);
      y = layer(y);
    }
    return y;
  }

 private:
  std::vector<std::pair<std::string, std::function<Tensor(const Tensor&)>>> layers_;
};

}  // namespace saccade::nn
