// Module: a tree of named parameters, such as a network.
#pragma once

#include <string>
#include <string_view>

#include "autograd/tensor.h"
#include "nn/named_tensors.h"

namespace saccade::nn {

/// The base of networks. Parameters are registered in the constructor:
///
///     struct Actor : Module {
///       Mlp body;
///       Linear head;
///       Actor(Rng& rng) : body({17, 256, 256}, rng, {.output = Activation::relu}), head(256, 6, rng) {
///         register_module("body", body);
///         register_module("head", head);
///       }
///     };
///
/// A module can be moved but not copied: a copy would have handles to the same parameters. Make another, and
/// copy_parameters().
class Module {
 public:
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;
  Module(Module&&) = default;
  Module& operator=(Module&&) = default;

  /// In the order of registration; a child's are called "child.name".
  const NamedTensors& named_parameters() const { return named_parameters_; }
  /// The same without names, to differentiate with respect to.
  const TensorList& parameters() const { return parameters_; }

  /// All parameters, in order, as one (n) tensor that shares their elements, so that a write to it changes
  /// them. It carries no graph.
  ///
  /// The first call moves the parameters next to each other in memory. Their handles follow, but a view taken
  /// of one before, such as its detach(), keeps the old elements. So make that call, here or through
  /// polyak(), before the module is used: GradError if a parameter is in a graph that is still alive.
  /// ConfigError if there is no parameter.
  Tensor flat() const;

  /// Overwrites every parameter. Nothing is written unless all names, shapes and dtypes agree: ConfigError,
  /// ShapeError or DTypeError.
  void load_parameters(const NamedTensors& values);
  void copy_parameters(const Module& from) { load_parameters(from.named_parameters()); }

  /// theta_target <- theta_target + tau (theta - theta_target) in one pass; this module is the target. With a
  /// tau of 1, an exact copy.
  /// ConfigError unless 0 <= tau <= 1 and the names agree in order, ShapeError or DTypeError for a parameter
  /// that does not fit.
  void polyak(const Module& online, double tau);

 protected:
  Module() = default;
  ~Module() = default;

  /// Makes a tensor a parameter: it requires a gradient from now on. Returns the handle to use, which is
  /// `value` itself if that is contiguous. ConfigError for a name or a tensor registered already, or a name
  /// that is empty; DTypeError if it differs from the other parameters'.
  Tensor register_parameter(const std::string& name, const Tensor& value);
  /// Takes over the child's parameters under "name.", as they are now. The child need not stay where it is.
  void register_module(std::string_view name, const Module& child);

 private:
  void adopt(std::string name, const Tensor& parameter);

  NamedTensors named_parameters_;
  TensorList parameters_;
};

}  // namespace saccade::nn
