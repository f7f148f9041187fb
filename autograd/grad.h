// Differentiation: grad() and backward().
#pragma once

#include <optional>

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
///
/// Threads may each make and differentiate a graph of their own over leaves that they share, by grad() or by
/// backward(). One graph belongs to one thread at a time, and no one may write to a leaf meanwhile.
void backward(const Tensor& output, const GradOptions& options = {});

}  // namespace saccade
