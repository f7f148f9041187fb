// Derivatives of functions, built on grad(): Jacobians, Hessians and their products with vectors; and
// checkpointing, which trades the graph's memory for a second forward pass.
#pragma once

#include <functional>
#include <utility>

#include "autograd/gradcheck.h"
#include "autograd/tensor.h"

namespace saccade {

struct FunctionalOptions {
  /// Record the result's own graph, so that it can be differentiated again with respect to the inputs.
  bool create_graph = false;
};

/// f(x), and v . J: the gradient of f(x) weighted by v, for each input. v: one tensor for each output, of its
/// shape.
std::pair<TensorList, TensorList> vjp(const TensorFunction& f, const TensorList& x, const TensorList& v,
                                      const FunctionalOptions& options = {});

/// f(x), and J . u: the derivative of f along the direction u, for each output. u: one tensor for each input,
/// of its shape. Takes two reverse passes: v . J is linear in v, so the gradient of (v . J) . u with respect
/// to v is J . u.
std::pair<TensorList, TensorList> jvp(const TensorFunction& f, const TensorList& x, const TensorList& u,
                                      const FunctionalOptions& options = {});

using Function = std::function<Tensor(const Tensor&)>;

/// d f_i / d x_j, of shape f(x).shape + x.shape; one reverse pass per element of f(x).
Tensor jacobian(const Function& f, const Tensor& x, const FunctionalOptions& options = {});

/// d^2 f / d x_i d x_j of a one-element f, of shape x.shape + x.shape.
Tensor hessian(const Function& f, const Tensor& x, const FunctionalOptions& options = {});

/// The Hessian of a one-element f times v, of x's shape, without making the Hessian.
Tensor hvp(const Function& f, const Tensor& x, const Tensor& v, const FunctionalOptions& options = {});

/// f(inputs), without keeping the graph inside f: a backward pass runs f once more and goes through that
/// graph. It can itself be differentiated. Gradients reach `inputs` only, not tensors that f holds itself. f
/// must give the same result each time, so draw noise outside.
Tensor checkpoint(const std::function<Tensor(const TensorList&)>& f, const TensorList& inputs);

}  // namespace saccade
