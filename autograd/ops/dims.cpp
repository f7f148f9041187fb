#include "autograd/ops/dims.h"

#include <fmt/format.h>

#include "autograd/ops.h"
#include "autograd/ops/map.h"
#include "base/error.h"

namespace saccade {

namespace {

Shape all_dims(const Tensor& x) {
  Shape dims = x.shape();
  for (std::int64_t d = 0; d < x.dim(); ++d) dims[d] = d;
  return dims;
}

// `shape` without its `dims`, which ascend.
Shape without(Shape shape, const Shape& dims) {
  for (std::int64_t i = dims.size() - 1; i >= 0; --i) shape.erase(dims[i]);
  return shape;
}

}  // namespace

Shape wrap_dims(const char* op, const Tensor& x, Shape dims) {
  check_defined(op, x);
  if (dims.empty()) return all_dims(x);
  for (std::int64_t& d : dims) d = wrap_dim(op, d, x.dim());
  bool given[kMaxDim] = {};
  for (const std::int64_t d : dims) {
    if (given[d]) throw ShapeError(fmt::format("{}: a dimension is given twice in {}", op, dims.str()));
    given[d] = true;
  }
  Shape ascending;
  for (std::int64_t d = 0; d < x.dim(); ++d) {
    if (given[d]) ascending.push_back(d);
  }
  return ascending;
}

Tensor drop(const Tensor& kept, const Shape& dims, bool keepdim) {
  return keepdim ? kept : reshape(kept, without(kept.shape(), dims));
}

std::int64_t count(const Tensor& x, const Shape& dims) {
  std::int64_t n = 1;
  for (const std::int64_t d : dims) n *= x.shape()[d];
  return n;
}

void check_not_empty(const char* op, const Tensor& x, const Shape& dims) {
  if (count(x, dims) == 0)
    throw ShapeError(fmt::format("{}: shape {} has no element along {}", op, x.shape().str(), dims.str()));
}

}  // namespace saccade
