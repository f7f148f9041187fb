// Differentiation: grad() and backward(), and the switches around them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "autograd/tensor.h"

namespace saccade {

struct GradOptions {
  /// d loss / d output for each output; ones for outputs of one element, which is the usual case.
  TensorList grad_outputs = {};
  /// Record the gradients' own graph, to differentiate again.
  bool create_graph = false;
  /// Keep the graph for another pass; otherwise it is released on the way. Default: create_graph.
  std::optional<bool> retain_graph = std::nullopt;
  /// Give zeros for tensors that the outputs do not depend on, instead of a GradError.
  bool allow_unused = false;
};

/// The gradients of the outputs (weighted by grad_outputs and added) with respect to each of `wrt`, leaves or
/// not, each of its input's shape. Only the part of the graph that leads to `wrt` is visited. Throws
/// GradError where there is nothing to differentiate, where the graph was released or a saved tensor
/// overwritten; ShapeError for wrong grad_outputs.
TensorList grad(const TensorList& outputs, const TensorList& wrt, const GradOptions& options = {});
TensorList grad(const Tensor& output, const TensorList& wrt, const GradOptions& options = {});
Tensor grad(const Tensor& output, const Tensor& wrt, const GradOptions& options = {});

/// Adds the gradient of `output` to grad() of every leaf that it depends on.
void backward(const Tensor& output, const GradOptions& options = {});

/// Whether ops put themselves on the tape in this thread.
bool grad_enabled();

/// While alive, nothing is recorded in this thread.
class NoGrad {
 public:
  NoGrad();
  ~NoGrad();
  NoGrad(const NoGrad&) = delete;
  NoGrad& operator=(const NoGrad&) = delete;

 private:
  bool before_;
};

/// While alive, ops record in this thread, whatever encloses it.
class EnableGrad {
 public:
  EnableGrad();
  ~EnableGrad();
  EnableGrad(const EnableGrad&) = delete;
  EnableGrad& operator=(const EnableGrad&) = delete;

 private:
  bool before_;
};

/// While alive, an op of this thread whose result holds NaN or infinity throws Error naming it, its scope,
/// the element and its inputs' sizes, and so does a gradient: the first place where a number went wrong,
/// forward or backward. It reads every result, so use it to look for a fault.
class DetectAnomaly {
 public:
  DetectAnomaly();
  ~DetectAnomaly();
  DetectAnomaly(const DetectAnomaly&) = delete;
  DetectAnomaly& operator=(const DetectAnomaly&) = delete;
  static bool active();

 private:
  bool before_;
};

/// While alive, nodes made in this thread carry this name, below that of any enclosing scope ("actor/0"), so
/// that graphs and errors can say where in a model they come from.
class Scope {
 public:
  explicit Scope(std::string_view name);
  ~Scope();
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

  /// The full name, which lives for ever; null outside every scope.
  static const std::string* current();

 private:
  const std::string* before_;
};

}  // namespace saccade
