// Putting an op on the tape: all that an op of one's own needs, in this library or in a program that uses it.
#pragma once

#include <initializer_list>

#include "autograd/node.h"
#include "autograd/tensor.h"
#include "base/source_location.h"

namespace saccade {

/// An input and its gradient, as record() takes them: `{input, gradient}`. Or a number among the inputs,
/// which nothing but explain() asks for.
struct EdgeSpec {
  template <class F>
  EdgeSpec(const Tensor& x, F f) : edge(x, f) {}
  EdgeSpec(double number) : edge(number) {}
  mutable Edge edge;  // record() moves it out of its initializer list
};

/// Puts an op on the tape: its name, its output and, per input, the gradient as a function of g = d loss / d
/// output and, optionally, of the output y itself. Gradients are written with ops, so that they can be
/// differentiated too:
///
///     Tensor exp(const Tensor& x) {
///       return record("exp", map(kernels::Exp{}, x),
///                     {{x, [](const Tensor& g, const Tensor& y) { return g * y; }}});
///     }
///
/// Returns y, on the tape if any input needs a gradient and no NoGrad is active. The name must outlive the
/// graph. A gradient keeps the tensors that it captures by value; it must not capture its own output, which
/// would keep the graph alive for ever, but ask for it as y.
Tensor record(const char* op, Tensor y, std::initializer_list<EdgeSpec> edges,
              SourceLocation where = SourceLocation::current());

/// The same for as many inputs as the op is given: one Edge(input, gradient) each.
Tensor record(const char* op, Tensor y, PoolVector<Edge> edges,
              SourceLocation where = SourceLocation::current());

}  // namespace saccade
