// A module with other tensors in place of its parameters.
#pragma once

#include "autograd/substitute.h"
#include "autograd/tensor.h"
#include "nn/module.h"

namespace saccade::nn {

namespace detail {
void check_replacements(const Module& module, const TensorList& parameters);
}  // namespace detail

/// Returns call(), during which the module's parameters are the tensors given: one for each, in the order of
/// module.parameters(), of its shape; leaves or not; f32 or f64, whatever the module is. So a module's own
/// code can be differentiated with respect to them, and checked in f64:
///
///     const auto f = [&](const TensorList& p) {
///       return TensorList{functional_call(net, p, [&] { return net(x); })};
///     };
///     gradcheck(f, values, {.order = 2});
///
/// The result may be differentiated later, to any order. The module is then as it was, also if call() throws.
/// No other thread may use the module meanwhile, and call() must not hand it to checkpoint(), which would run
/// it again later. ConfigError or ShapeError for parameters that do not fit.
template <class F>
auto functional_call(const Module& module, const TensorList& parameters, const F& call) {
  detail::check_replacements(module, parameters);
  const Substitute substitute(module.parameters(), parameters);
  return Substitute::lasting(call());
}

}  // namespace saccade::nn
