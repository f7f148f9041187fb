// The dimensions that reductions take. Internal to ops/.
#pragma once

#include "autograd/shape.h"
#include "autograd/tensor.h"

namespace saccade {

/// In range and ascending; none given means all, as in PyTorch.
Shape wrap_dims(const char* op, const Tensor& x, Shape dims);

/// A result whose `dims` have size 1, with or without those.
Tensor drop(const Tensor& kept, const Shape& dims, bool keepdim);

/// How many elements of x are reduced to one.
std::int64_t count(const Tensor& x, const Shape& dims);
void check_not_empty(const char* op, const Tensor& x, const Shape& dims);

}  // namespace saccade
