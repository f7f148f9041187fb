#include "nn/module.h"

#include <fmt/format.h>

#include "autograd/kernels/table.h"
#include "autograd/modes.h"
#include "autograd/node.h"
#include "autograd/ops.h"
#include "base/error.h"
#include "nn/update_in_place.h"

namespace saccade::nn {

namespace {

std::int64_t count_elements(const TensorList& tensors) {
  std::int64_t n = 0;
  for (const Tensor& x : tensors) n += x.numel();
  return n;
}

// Whether each starts where the one before it ends.
bool lie_side_by_side(const TensorList& tensors) {
  const TensorBody& first = *tensors[0].body();
  std::int64_t offset = first.offset;
  for (const Tensor& x : tensors) {
    const TensorBody& body = *x.body();
    if (body.storage.get() != first.storage.get() || body.offset != offset || !x.is_contiguous())
      return false;
    offset += x.numel();
  }
  return true;
}

// Points the parameters' bodies, and so all of their handles, at consecutive parts of one new storage.
void move_side_by_side(const NamedTensors& parameters, std::int64_t n) {
  for (const auto& [name, x] : parameters) {
    if (x.body()->is_on_graph()) {
      throw GradError(
          fmt::format("flat: parameter '{}' is in a graph that is still alive, so its elements cannot be "
                      "moved; call flat() before the module is used, or after the backward pass",
                      name));
    }
  }
  const Tensor buffer = empty({n}, parameters[0].tensor.dtype());
  std::int64_t offset = 0;
  for (const auto& [name, x] : parameters) {
    view_of(buffer, x.shape(), x.strides(), offset).copy_(x);
    x.body()->move_to(buffer.body()->storage, offset);
    offset += x.numel();
  }
}

// Throws unless both have the same parameters in the same order.
void check_agree(const NamedTensors& target, const NamedTensors& online) {
  if (target.size() != online.size()) {
    throw ConfigError(fmt::format("polyak: the target has {} parameters, the online module {}", target.size(),
                                  online.size()));
  }
  for (std::size_t i = 0; i < target.size(); ++i) {
    const auto& [name, x] = target[i];
    const auto& [other_name, y] = online[i];
    if (name == other_name && x.shape() == y.shape() && x.dtype() == y.dtype()) continue;
    const std::string message =
        fmt::format("polyak: parameter {} is '{}', {}, in the target and '{}', {}, online", i, name,
                    describe(x), other_name, describe(y));
    if (name != other_name) throw ConfigError(message);
    if (x.dtype() != y.dtype()) throw DTypeError(message);
    throw ShapeError(message);
  }
}

}  // namespace

void Module::adopt(std::string name, const Tensor& parameter) {
  for (const auto& [other_name, other] : named_parameters_) {
    if (other_name == name) throw ConfigError(fmt::format("a parameter '{}' is registered already", name));
    if (other.body() == parameter.body()) {
      throw ConfigError(
          fmt::format("parameter '{}' is registered already, under the name '{}'", name, other_name));
    }
    if (other.dtype() != parameter.dtype()) {
      throw DTypeError(fmt::format("parameter '{}' is {}, but '{}' is {}; a module has one dtype", name,
                                   describe(parameter), other_name, describe(other)));
    }
  }
  named_parameters_.push_back({std::move(name), parameter});
  parameters_.push_back(parameter);
}

Tensor Module::register_parameter(const std::string& name, const Tensor& value) {
  if (name.empty()) throw ConfigError("register_parameter: the name is empty");
  if (!value.defined()) throw ShapeError(fmt::format("register_parameter: '{}' is undefined", name));
  const Scope scope(name);  // so that graphs show the leaf under its name
  Tensor parameter = contiguous(value).requires_grad_();
  adopt(name, parameter);
  return parameter;
}

void Module::register_module(std::string_view name, const Module& child) {
  if (name.empty()) throw ConfigError("register_module: the name is empty");
  for (const auto& [child_name, parameter] : child.named_parameters_) {
    adopt(fmt::format("{}.{}", name, child_name), parameter);
  }
}

Tensor Module::flat() const {
  if (parameters_.empty()) throw ConfigError("flat: the module has no parameters");
  const std::int64_t n = count_elements(parameters_);
  if (!lie_side_by_side(parameters_)) move_side_by_side(named_parameters_, n);
  return view_of(parameters_[0], {n}, {1}, parameters_[0].body()->offset);
}

void Module::load_parameters(const NamedTensors& values) {
  copy_by_name("load_parameters", values, named_parameters_);
}

void Module::polyak(const Module& online, double tau) {
  if (!(tau >= 0 && tau <= 1)) throw ConfigError(fmt::format("polyak: tau is {}, expected 0 to 1", tau));
  check_agree(named_parameters_, online.named_parameters_);
  const Tensor theta = online.flat(), theta_target = flat();
  if (tau == 1) return theta_target.copy_(theta);  // exactly, as theta_target + (theta - theta_target) is not
  update_in_place([&]<class T>(std::int64_t n, const T* source,
                               T* target) { kernels::table<T>().lerp(tau, n, source, target); },
                  theta, theta_target);
}

}  // namespace saccade::nn
