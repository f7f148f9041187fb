#include <fmt/format.h>

#include <algorithm>

#include "autograd/kernels/copy.h"
#include "autograd/kernels/functors.h"
#include "autograd/kernels/indexing.h"
#include "autograd/ops.h"
#include "autograd/ops/map.h"
#include "autograd/record.h"
#include "base/error.h"

namespace saccade {

namespace {

// The strides that show x's elements in another shape without a copy; none if x's layout does not allow it.
// Neighbouring dimensions of x that could be walked as one form a run, and each run is cut into new
// dimensions.
std::optional<Strides> reshaped_strides(const Tensor& x, const Shape& shape) {
  if (x.is_contiguous()) return contiguous_strides(shape);
  Strides strides = Shape::filled(shape.size(), 1);
  std::int64_t to = shape.size() - 1;
  for (std::int64_t d = x.dim() - 1; d >= 0; --d) {
    const std::int64_t unit = x.strides()[d];  // of the run that ends in dimension d
    std::int64_t run = x.shape()[d];
    while (d > 0 && (x.shape()[d - 1] == 1 || x.strides()[d - 1] == run * unit)) run *= x.shape()[--d];
    std::int64_t covered = 1;
    while (to >= 0 && (covered < run || shape[to] == 1)) {
      strides[to] = covered * unit;
      covered *= shape[to--];
    }
    if (covered != run) return std::nullopt;
  }
  return strides;
}

Shape resolve(const Tensor& x, Shape shape) {
  check_defined("reshape", x);
  std::int64_t unknown = -1;
  for (std::int64_t d = 0; d < shape.size() && unknown == -1; ++d) {
    if (shape[d] == -1) unknown = d;
  }
  Shape rest = shape;
  if (unknown >= 0) rest.erase(unknown);
  const std::int64_t known = rest.numel();
  if (unknown >= 0 && known > 0 && x.numel() % known == 0) shape[unknown] = x.numel() / known;
  if (std::any_of(shape.begin(), shape.end(), [](std::int64_t n) { return n < 0; }) ||
      shape.numel() != x.numel()) {
    throw ShapeError(fmt::format("reshape: shape {} cannot hold the {} elements of {}", shape.str(),
                                 x.numel(), x.shape().str()));
  }
  return shape;
}

// Zeros of `shape` with x at the places that the slice names: the gradient of slice.
Tensor unslice(const Tensor& x, const Shape& shape, std::int64_t dim, std::int64_t start, std::int64_t step) {
  Tensor y = zeros(shape, x.dtype());
  Strides strides = y.strides();
  const std::int64_t offset = start * strides[dim];
  strides[dim] *= step;
  view_of(y, x.shape(), strides, offset).copy_(x.detach());
  const std::int64_t stop = start + x.shape()[dim] * step;
  return record(
      "unslice", y,
      {{x, [dim, start, stop, step](const Tensor& g) { return slice(g, dim, start, stop, step); }}});
}

}  // namespace

Tensor reshape(const Tensor& x, const Shape& wanted) {
  const Shape shape = resolve(x, wanted);
  if (shape == x.shape()) return x;
  const std::optional<Strides> strides = reshaped_strides(x, shape);
  if (!strides) return reshape(contiguous(x), shape);
  return record("reshape", view_of(x, shape, *strides, x.body()->offset),
                {{x, [before = x.shape()](const Tensor& g) { return reshape(g, before); }}});
}

Tensor contiguous(const Tensor& x) {
  check_defined("contiguous", x);
  if (x.is_contiguous()) return x;
  Tensor y = empty(x.shape(), x.dtype());
  y.copy_(x.detach());
  return record("contiguous", y, {{x, [](const Tensor& g) { return g; }}});
}

Tensor to(const Tensor& x, DType dtype) {
  check_defined("to", x);
  if (x.dtype() == dtype) return x;
  const Tensor rows = contiguous(x.detach());
  Tensor y = empty(x.shape(), dtype);
  visit_any(x.dtype(), [&]<class From>() {
    visit_any(dtype, [&]<class To>() {
      const From* from = rows.data<From>();
      To* out = y.mutable_data<To>();
      for (std::int64_t i = 0, n = rows.numel(); i < n; ++i) out[i] = detail::convert<To>(from[i]);
    });
  });
  if (!is_float(dtype)) return y;
  return record("to", y, {{x, [before = x.dtype()](const Tensor& g) { return to(g, before); }}});
}

Tensor permute(const Tensor& x, const Shape& dims) {
  check_defined("permute", x);
  Shape shape = x.shape(), order = dims, inverse = dims;
  Strides strides = x.strides();
  if (dims.size() == x.dim()) inverse = Shape::filled(dims.size(), -1);
  for (std::int64_t d = 0; d < dims.size() && dims.size() == x.dim(); ++d) {
    order[d] = wrap_dim("permute", dims[d], x.dim());
    shape[d] = x.shape()[order[d]];
    strides[d] = x.strides()[order[d]];
    inverse[order[d]] = d;
  }
  if (dims.size() != x.dim() || std::count(inverse.begin(), inverse.end(), -1) > 0) {
    throw ShapeError(
        fmt::format("permute: {} does not name each dimension of {} once", dims.str(), x.shape().str()));
  }
  return record("permute", view_of(x, shape, strides, x.body()->offset),
                {{x, [inverse](const Tensor& g) { return permute(g, inverse); }}});
}

Tensor transpose(const Tensor& x, std::int64_t dim0, std::int64_t dim1) {
  const std::int64_t a = wrap_dim("transpose", dim0, x), b = wrap_dim("transpose", dim1, x);
  Shape shape = x.shape();
  Strides strides = x.strides();
  std::swap(shape[a], shape[b]);
  std::swap(strides[a], strides[b]);
  return record("transpose", view_of(x, shape, strides, x.body()->offset),
                {{x, [a, b](const Tensor& g) { return transpose(g, a, b); }}});
}

Tensor transpose(const Tensor& x) { return transpose(x, -2, -1); }

Tensor expand(const Tensor& x, const Shape& wanted) {
  check_defined("expand", x);
  const std::int64_t added = wanted.size() - x.dim();
  Shape shape = wanted;
  Strides strides = Shape::filled(wanted.size(), 0);
  bool fits = added >= 0;
  for (std::int64_t d = 0; fits && d < x.dim(); ++d) {
    std::int64_t& size = shape[added + d];
    if (size == -1) size = x.shape()[d];
    fits = size == x.shape()[d] || x.shape()[d] == 1;
    if (size == x.shape()[d]) strides[added + d] = x.strides()[d];
  }
  if (!fits || std::any_of(shape.begin(), shape.end(), [](std::int64_t n) { return n < 0; })) {
    throw ShapeError(fmt::format("expand: shape {} does not broadcast to {}", x.shape().str(), wanted.str()));
  }
  static_cast<void>(shape.numel());  // so that the elements can be counted
  if (shape == x.shape()) return x;
  return record("expand", view_of(x, shape, strides, x.body()->offset),
                {{x, [before = x.shape()](const Tensor& g) { return sum_to(g, before); }}});
}

Tensor slice(const Tensor& x, std::int64_t dim_given, std::int64_t start, std::int64_t stop,
             std::int64_t step) {
  const std::int64_t dim = wrap_dim("slice", dim_given, x), n = x.shape()[dim];
  if (step < 1) throw ShapeError(fmt::format("slice: step {} given, expected at least 1", step));
  step = std::min(step, std::max<std::int64_t>(n, 1));  // as good as any larger one
  start = std::clamp<std::int64_t>(start < 0 ? start + n : start, 0, n);
  stop = std::clamp<std::int64_t>(stop < 0 ? stop + n : stop, start, n);
  Shape shape = x.shape();
  Strides strides = x.strides();
  shape[dim] = (stop - start + step - 1) / step;
  strides[dim] *= step;
  const std::int64_t offset = x.body()->offset + start * x.strides()[dim];
  return record("slice", view_of(x, shape, strides, offset),
                {{x, [before = x.shape(), dim = static_cast<std::int8_t>(dim), start, step](const Tensor& g) {
                    return unslice(g, before, dim, start, step);
                  }}});
}

Tensor select(const Tensor& x, std::int64_t dim_given, std::int64_t index) {
  const std::int64_t dim = wrap_dim("select", dim_given, x), n = x.shape()[dim];
  if (index < -n || index >= n) {
    throw ShapeError(
        fmt::format("select: index {} is out of range for dimension {} of {}", index, dim, x.shape().str()));
  }
  const std::int64_t at = index < 0 ? index + n : index;
  Shape shape = x.shape();
  shape.erase(dim);
  return reshape(slice(x, dim, at, at + 1), shape);
}

Tensor unsqueeze(const Tensor& x, std::int64_t dim) {
  check_defined("unsqueeze", x);
  Shape shape = x.shape();
  shape.insert(wrap_dim("unsqueeze", dim, x.dim() + 1), 1);
  return reshape(x, shape);
}

Tensor squeeze(const Tensor& x, std::int64_t dim_given) {
  const std::int64_t dim = wrap_dim("squeeze", dim_given, x);
  if (x.shape()[dim] != 1) return x;
  Shape shape = x.shape();
  shape.erase(dim);
  return reshape(x, shape);
}

Tensor flatten(const Tensor& x, std::int64_t first_given, std::int64_t last_given) {
  check_defined("flatten", x);
  if (x.dim() == 0) return reshape(x, {1});
  const std::int64_t first = wrap_dim("flatten", first_given, x), last = wrap_dim("flatten", last_given, x);
  if (first > last) {
    throw ShapeError(
        fmt::format("flatten: dimension {} comes after {} in {}", first_given, last_given, x.shape().str()));
  }
  Shape shape;
  for (std::int64_t d = 0; d < x.dim(); ++d) {
    if (d > first && d <= last) {
      shape[shape.size() - 1] *= x.shape()[d];
    } else {
      shape.push_back(x.shape()[d]);
    }
  }
  return reshape(x, shape);
}

TensorList split(const Tensor& x, const Shape& sizes, std::int64_t dim_given) {
  const std::int64_t dim = wrap_dim("split", dim_given, x);
  std::int64_t left = x.shape()[dim];
  bool fits = true;
  for (const std::int64_t n : sizes) {
    fits = fits && n >= 0 && n <= left;
    if (fits) left -= n;
  }
  if (!fits || left != 0) {
    throw ShapeError(fmt::format("split: sizes {} do not add up to dimension {} of {}", sizes.str(),
                                 dim_given, x.shape().str()));
  }
  TensorList parts;
  std::int64_t start = 0;
  for (const std::int64_t n : sizes) {
    parts.push_back(slice(x, dim, start, start + n));
    start += n;
  }
  return parts;
}

TensorList chunk(const Tensor& x, std::int64_t chunks, std::int64_t dim_given) {
  const std::int64_t dim = wrap_dim("chunk", dim_given, x), n = x.shape()[dim];
  if (chunks < 1 || n % chunks != 0) {
    throw ShapeError(fmt::format("chunk: dimension {} of {} cannot be cut into {} equal parts", dim_given,
                                 x.shape().str(), chunks));
  }
  TensorList parts;
  for (std::int64_t i = 0; i < chunks; ++i)
    parts.push_back(slice(x, dim, i * (n / chunks), (i + 1) * (n / chunks)));
  return parts;
}

Tensor cat(const TensorList& given, std::int64_t dim_given) {
  if (given.empty()) throw ShapeError("cat: no tensors given");
  TensorList x = given;
  for (const Tensor& part : given) x[0] = same_dtype("cat", x[0], part).first;
  for (Tensor& part : x) part = same_dtype("cat", part, x[0]).first;
  const std::int64_t dim = wrap_dim("cat", dim_given, x[0].dim());
  Shape shape = x[0].shape();
  shape[dim] = 0;
  for (const Tensor& part : x) {
    Shape rest = part.shape();
    if (rest.size() == shape.size()) rest[dim] = shape[dim];
    if (rest != shape) {
      throw ShapeError(fmt::format("cat: shapes {} and {} differ outside dimension {}", x[0].shape().str(),
                                   part.shape().str(), dim));
    }
    shape[dim] += part.shape()[dim];
  }
  Tensor y = empty(shape, x[0].dtype());
  PoolVector<Edge> edges;
  edges.reserve(x.size());
  std::int64_t start = 0;
  for (const Tensor& part : x) {
    const std::int64_t stop = start + part.shape()[dim];
    view_of(y, part.shape(), y.strides(), start * y.strides()[dim]).copy_(part.detach());
    edges.emplace_back(part, [dim, start, stop](const Tensor& g) { return slice(g, dim, start, stop); });
    start = stop;
  }
  return record("cat", y, std::move(edges));
}

Tensor stack(const TensorList& x, std::int64_t dim) {
  TensorList parts;
  for (const Tensor& part : x) {
    check_defined("stack", part);
    parts.push_back(unsqueeze(part, dim));
  }
  return cat(parts, dim);
}

Tensor flip(const Tensor& x, const Shape& dims) {
  check_defined("flip", x);
  Tensor y = contiguous(x.detach());
  for (const std::int64_t given : dims) {
    const std::int64_t dim = wrap_dim("flip", given, x.dim());
    const Tensor from = y;
    y = empty(x.shape(), x.dtype());
    visit_any(x.dtype(), [&]<class T>() {
      kernels::flip(kernels::around(x.shape(), dim), from.data<T>(), y.mutable_data<T>());
    });
  }
  return record("flip", y, {{x, [dims](const Tensor& g) { return flip(g, dims); }}});
}

}  // namespace saccade
