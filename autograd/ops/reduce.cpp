#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "autograd/kernels/functors.h"
#include "autograd/kernels/indexing.h"
#include "autograd/ops.h"
#include "autograd/ops/dims.h"
#include "autograd/ops/map.h"
#include "autograd/record.h"
#include "base/error.h"

namespace saccade {

namespace {

template <class F>
Tensor extremum(const char* op, const Tensor& x, Shape dims, bool keepdim) {
  dims = wrap_dims(op, x, dims);
  check_not_empty(op, x, dims);
  const Tensor best = record(op, reduce<F>(x, dims), {{x, [x, dims](const Tensor& g, const Tensor& y) {
                                                         const Tensor ties = eq(x, y);
                                                         return g / sum(ties, dims, true) * ties;
                                                       }}});
  return drop(best, dims, keepdim);
}

std::pair<Tensor, Tensor> extremum_and_index(const char* op, const Tensor& x, std::int64_t dim, bool keepdim,
                                             bool max) {
  const Shape dims = {wrap_dim(op, dim, x)};
  check_not_empty(op, x, dims);
  Shape kept = x.shape();
  kept[dims[0]] = 1;
  Tensor index = empty(kept, DType::i64);
  const Tensor rows = contiguous(x.detach());
  visit(x.dtype(), [&]<class T>() {
    kernels::arg_extremum(kernels::around(x.shape(), dims[0]), rows.data<T>(),
                          index.mutable_data<std::int64_t>(), max);
  });
  return {drop(gather(x, dims[0], index), dims, keepdim), drop(index, dims, keepdim)};
}

}  // namespace

Tensor sum(const Tensor& x, const Shape& dims_given, bool keepdim) {
  const Shape dims = wrap_dims("sum", x, dims_given);
  const Tensor kept = record("sum", reduce<kernels::SumOf>(x, dims),
                             {{x, [shape = x.shape()](const Tensor& g) { return expand(g, shape); }}});
  return drop(kept, dims, keepdim);
}

Tensor sum_to(const Tensor& x, const Shape& shape) {
  check_defined("sum_to", x);
  if (x.shape() == shape) return x;
  Shape dims;
  const std::int64_t added = x.dim() - shape.size();
  for (std::int64_t d = 0; d < x.dim(); ++d) {
    if (d < added || shape[d - added] != x.shape()[d]) dims.push_back(d);
  }
  return reshape(dims.empty() ? x : sum(x, dims, true), shape);
}

Tensor mean(const Tensor& x, const Shape& dims, bool keepdim) {
  const auto n = static_cast<double>(count(x, wrap_dims("mean", x, dims)));
  return sum(x, dims, keepdim) / n;
}

Tensor var(const Tensor& x, const Shape& dims, bool unbiased, bool keepdim) {
  const auto n = static_cast<double>(count(x, wrap_dims("var", x, dims)));
  return sum(square(x - mean(x, dims, true)), dims, keepdim) / (unbiased ? n - 1 : n);
}

Tensor std(const Tensor& x, const Shape& dims, bool unbiased, bool keepdim) {
  return sqrt(var(x, dims, unbiased, keepdim));
}

Tensor amax(const Tensor& x, const Shape& dims, bool keepdim) {
  return extremum<kernels::MaxOf>("amax", x, dims, keepdim);
}
Tensor amin(const Tensor& x, const Shape& dims, bool keepdim) {
  return extremum<kernels::MinOf>("amin", x, dims, keepdim);
}

std::pair<Tensor, Tensor> max(const Tensor& x, std::int64_t dim, bool keepdim) {
  return extremum_and_index("max", x, dim, keepdim, true);
}
std::pair<Tensor, Tensor> min(const Tensor& x, std::int64_t dim, bool keepdim) {
  return extremum_and_index("min", x, dim, keepdim, false);
}
Tensor argmax(const Tensor& x, std::int64_t dim, bool keepdim) {
  check_defined("argmax", x);
  return extremum_and_index("argmax", x.detach(), dim, keepdim, true).second;
}

// Multiplies halves until one element is left: zeros need no special case, and gradients of any order are
// those of mul.
Tensor prod(const Tensor& x, std::int64_t dim, bool keepdim) {
  const Shape dims = {wrap_dim("prod", dim, x)};
  Tensor rest = x;
  while (rest.shape()[dims[0]] > 1) {
    const std::int64_t n = rest.shape()[dims[0]], half = n / 2;
    Tensor product = slice(rest, dims[0], 0, half) * slice(rest, dims[0], half, 2 * half);
    rest = n % 2 == 0 ? product : cat({product, slice(rest, dims[0], n - 1, n)}, dims[0]);
  }
  if (rest.shape()[dims[0]] == 0) {
    Shape kept = x.shape();
    kept[dims[0]] = 1;
    rest = ones(kept, x.dtype()) + sum(x, dims, true);  // 1, with a gradient of x's empty shape
  }
  return drop(rest, dims, keepdim);
}

Tensor cumsum(const Tensor& x, std::int64_t dim_given) {
  const std::int64_t dim = wrap_dim("cumsum", dim_given, x);
  const Tensor rows = contiguous(x.detach());
  Tensor y = empty(x.shape(), x.dtype());
  visit(x.dtype(), [&]<class T>() {
    kernels::cumsum(kernels::around(x.shape(), dim), rows.data<T>(), y.mutable_data<T>());
  });
  return record("cumsum", y,
                {{x, [dim](const Tensor& g) { return flip(cumsum(flip(g, {dim}), dim), {dim}); }}});
}

Tensor sum(const Tensor& x) { return sum(x, Shape{}); }
Tensor mean(const Tensor& x) { return mean(x, Shape{}); }
Tensor amax(const Tensor& x) { return amax(x, Shape{}); }
Tensor amin(const Tensor& x) { return amin(x, Shape{}); }

}  // namespace saccade
