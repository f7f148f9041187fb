// Breaking gradients on purpose, to test what is to notice: a check that passes on a wrong gradient is no
// check.
#pragma once

#include <cstddef>
#include <functional>
#include <utility>

#include "autograd/node.h"
#include "autograd/tensor.h"
#include "base/scoped.h"

namespace saccade {

/// Takes the place of an edge's product with its Jacobian: given the node, the edge's place among those
/// recorded, the gradient g and the output y that its vjp was given, and the result.
using GradientFilter = std::function<Tensor(const Node& node, std::size_t edge, const Tensor& g,
                                            const Tensor& y, Tensor result)>;

namespace detail {
extern constinit thread_local const GradientFilter* gradient_filter;  // null: results stay as they are
}

/// While alive, every such product in this thread passes through the filter.
class FilterGradients {
 public:
  [[nodiscard]] explicit FilterGradients(GradientFilter filter)
      : filter_(std::move(filter)), active_(detail::gradient_filter, &filter_) {}

 private:
  GradientFilter filter_;
  Scoped<const GradientFilter*> active_;
};

}  // namespace saccade
