#include <fmt/format.h>

#include "autograd/kernels/indexing.h"
#include "autograd/ops.h"
#include "autograd/ops/map.h"
#include "autograd/record.h"
#include "base/error.h"

namespace saccade {

namespace {

// The index as contiguous integers, every one in [0, n).
Tensor checked(const char* op, const Tensor& index, std::int64_t n) {
  check_defined(op, index);
  constexpr std::int64_t kMaxExact = std::int64_t{1} << 24;
  if (index.dtype() == DType::f32 && n > kMaxExact) {
    throw DTypeError(
        fmt::format("{}: an f32 index cannot name each of {} places, since it rounds past {}; expected i64",
                    op, n, kMaxExact));
  }
  const Tensor given = contiguous(index.detach());
  const Tensor whole = given.dtype() == DType::i64 ? given : empty(given.shape(), DType::i64);
  visit_any(given.dtype(), [&]<class T>() {
    const T* values = given.data<T>();
    std::int64_t* out = given.dtype() == DType::i64 ? nullptr : whole.mutable_data<std::int64_t>();
    for (std::int64_t i = 0; i < given.numel(); ++i) {
      const T at = values[i];
      const bool inside = at >= 0 && at < static_cast<T>(n);  // not so for NaN
      if (inside && static_cast<T>(static_cast<std::int64_t>(at)) == at) {
        if (out != nullptr) out[i] = static_cast<std::int64_t>(at);
        continue;
      }
      throw ShapeError(
          fmt::format("{}: index {} at position {} is not a whole number from 0 to {}", op, at, i, n - 1));
    }
  });
  return whole;
}

// The index must have x's number of dimensions, and be no larger outside `dim`.
void check_index_shape(const char* op, const Shape& x, std::int64_t dim, const Shape& index) {
  bool fits = x.size() == index.size();
  for (std::int64_t d = 0; fits && d < x.size(); ++d) fits = d == dim || index[d] == x[d];
  if (!fits) {
    throw ShapeError(fmt::format("{}: an index of shape {} does not fit {} along dimension {}", op,
                                 index.str(), x.str(), dim));
  }
}

Tensor triangle(const char* op, const Tensor& x, std::int64_t diagonal, bool lower) {
  check_defined(op, x);
  if (x.dim() < 2)
    throw ShapeError(fmt::format("{}: expected at least 2 dimensions, got {}", op, x.shape().str()));
  const Tensor rows = contiguous(x.detach());
  Tensor y = empty(x.shape(), x.dtype());
  const std::int64_t m = x.size(-2), n = x.size(-1);
  visit_any(x.dtype(), [&]<class T>() {
    const std::int64_t matrices = m * n == 0 ? 0 : x.numel() / (m * n);
    kernels::triangle(matrices, m, n, diagonal, lower, rows.data<T>(), y.mutable_data<T>());
  });
  return record(op, y,
                {{x, [op, diagonal, lower](const Tensor& g) { return triangle(op, g, diagonal, lower); }}});
}

}  // namespace

Tensor gather(const Tensor& whole, std::int64_t dim_given, const Tensor& index) {
  const std::int64_t dim = wrap_dim("gather", dim_given, whole);
  check_defined("gather", index);
  Tensor x = whole;  // cut to the index's size in the other dimensions
  for (std::int64_t d = 0; d < x.dim() && index.dim() == x.dim(); ++d) {
    if (d != dim && index.shape()[d] < x.shape()[d]) x = slice(x, d, 0, index.shape()[d]);
  }
  check_index_shape("gather", x.shape(), dim, index.shape());
  const Tensor rows = contiguous(x.detach()), at = checked("gather", index, x.shape()[dim]);
  Tensor y = empty(index.shape(), x.dtype());
  visit_any(x.dtype(), [&]<class T>() {
    kernels::gather(kernels::around(x.shape(), dim), index.shape()[dim], rows.data<T>(),
                    at.data<std::int64_t>(), y.mutable_data<T>());
  });
  return record(
      "gather", y,
      {{x, [shape = x.shape(), dim, at](const Tensor& g) { return scatter_add(g, shape, dim, at); }}});
}

std::pair<Tensor, Tensor> sort(const Tensor& x, std::int64_t dim_given) {
  const std::int64_t dim = wrap_dim("sort", dim_given, x);
  const Tensor rows = contiguous(x.detach()), index = empty(x.shape(), DType::i64);
  visit_any(x.dtype(), [&]<class T>() {
    kernels::argsort(kernels::around(x.shape(), dim), rows.data<T>(), index.mutable_data<std::int64_t>());
  });
  return {gather(x, dim, index), index};
}

Tensor scatter_add(const Tensor& x, const Shape& shape, std::int64_t dim_given, const Tensor& index) {
  const std::int64_t dim = wrap_dim("scatter_add", dim_given, x);
  check_defined("scatter_add", index);
  check_index_shape("scatter_add", shape, dim, index.shape());
  if (x.shape() != index.shape()) {
    throw ShapeError(
        fmt::format("scatter_add: an index of shape {} given for {}", index.shape().str(), x.shape().str()));
  }
  const Tensor rows = contiguous(x.detach()), at = checked("scatter_add", index, shape[dim]);
  Tensor y = zeros(shape, x.dtype());
  visit_any(x.dtype(), [&]<class T>() {
    kernels::scatter_add(kernels::around(shape, dim), x.shape()[dim], rows.data<T>(), at.data<std::int64_t>(),
                         y.mutable_data<T>());
  });
  return record("scatter_add", y, {{x, [dim, at](const Tensor& g) { return gather(g, dim, at); }}});
}

Tensor index_select(const Tensor& x, std::int64_t dim_given, const Tensor& index) {
  const std::int64_t dim = wrap_dim("index_select", dim_given, x);
  check_defined("index_select", index);
  if (index.dim() != 1) {
    throw ShapeError(
        fmt::format("index_select: the index must have one dimension, got {}", index.shape().str()));
  }
  Shape line = Shape::filled(x.dim(), 1), shape = x.shape();
  line[dim] = shape[dim] = index.numel();
  return gather(x, dim, expand(reshape(index.detach(), line), shape));
}

Tensor one_hot(const Tensor& index, std::int64_t classes, std::optional<DType> dtype) {
  check_defined("one_hot", index);
  Shape shape = index.shape();
  shape.push_back(classes);
  const DType of_index = is_float(index.dtype()) ? index.dtype() : DType::f32;
  const Tensor at = unsqueeze(checked("one_hot", index, classes), -1);
  return scatter_add(ones(at.shape(), dtype.value_or(of_index)), shape, -1, at);
}

Tensor tril(const Tensor& x, std::int64_t diagonal) { return triangle("tril", x, diagonal, true); }
Tensor triu(const Tensor& x, std::int64_t diagonal) { return triangle("triu", x, diagonal, false); }

}  // namespace saccade
