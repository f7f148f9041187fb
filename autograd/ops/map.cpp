#include "autograd/ops/map.h"

#include <fmt/format.h>

#include <algorithm>

#include "autograd/kernels/table.h"
#include "autograd/ops.h"
#include "base/error.h"
#include "base/parallel.h"

namespace saccade {

namespace {

// Elements per chunk of a loop; fewer stay on one thread. A power of two, so that chunks start on whole
// batches.
constexpr std::int64_t kGrain = std::int64_t{1} << 14;

bool is_one_value(const Tensor& x) {
  for (std::int64_t d = 0; d < x.dim(); ++d) {
    if (x.strides()[d] != 0 && x.shape()[d] != 1) return false;
  }
  return true;
}

Tensor without_graph(const Tensor& x) { return x.requires_grad() ? x.detach() : x; }

}  // namespace

namespace detail {

constinit thread_local bool promoting = false;

Tensor map_elements(std::size_t kernel, const void* functor, std::span<const Operand> inputs) {
  constexpr std::size_t kMaxInputs = 4;
  const std::size_t count = inputs.size();
  const Tensor* like = nullptr;
  for (const Operand& x : inputs) {
    if (x.tensor == nullptr) continue;
    check_defined("an elementwise op", *x.tensor);
    like = x.tensor;
  }
  Tensor y = empty(like->shape(), like->dtype());
  const std::int64_t n = y.numel();
  if (n == 0) return y;
  Tensor copy[kMaxInputs];  // of those that are neither row-major nor one value
  visit(y.dtype(), [&]<class T>() {
    const T* in[kMaxInputs] = {};
    T numbers[kMaxInputs];
    std::int64_t step[kMaxInputs];
    for (std::size_t i = 0; i < count; ++i) {
      step[i] = 0;
      if (inputs[i].tensor == nullptr) {
        numbers[i] = static_cast<T>(inputs[i].number);
        in[i] = &numbers[i];
        continue;
      }
      const Tensor* x = inputs[i].tensor;
      if (!is_one_value(*x)) {
        step[i] = 1;
        if (!x->is_contiguous()) {
          copy[i] = contiguous(without_graph(*x));
          x = &copy[i];
        }
      }
      in[i] = x->data<T>();
    }
    T* out = y.mutable_data<T>();
    const auto run = kernels::table<T>().elementwise[kernel];
    parallel_for(n, kGrain, [&](std::int64_t begin, std::int64_t end) {
      const T* at[kMaxInputs] = {};
      for (std::size_t i = 0; i < count; ++i) at[i] = in[i] + begin * step[i];
      run(functor, end - begin, at, step, out + begin);
    });
  });
  return y;
}

Tensor reduce_elements(std::size_t kernel, const Tensor& input, const Shape& dims) {
  Tensor x = without_graph(input);
  Shape reduced = x.shape();
  Shape order;  // the dimensions kept, then those reduced
  for (const std::int64_t d : dims) reduced[d] = 1;
  for (std::int64_t d = 0; d < x.dim(); ++d) {
    if (std::find(dims.begin(), dims.end(), d) == dims.end()) order.push_back(d);
  }
  const auto [first, last] = std::minmax_element(dims.begin(), dims.end());
  const bool adjacent = dims.empty() || *last - *first + 1 == dims.size();
  // With adjacent dims, x is (outer, n, inner). Others are moved to the end first, so that inner is 1.
  std::int64_t outer = 1, n = 1, inner = 1;
  for (const std::int64_t d : dims) n *= x.shape()[d];
  if (adjacent) {
    for (std::int64_t d = 0; !dims.empty() && d < *first; ++d) outer *= x.shape()[d];
    if (dims.empty()) outer = x.numel();
    for (std::int64_t d = dims.empty() ? x.dim() : *last + 1; d < x.dim(); ++d) inner *= x.shape()[d];
  } else {
    for (const std::int64_t d : order) outer *= x.shape()[d];
    for (const std::int64_t d : dims) order.push_back(d);
    x = permute(x, order);
  }
  x = contiguous(x);
  Tensor y = empty(reduced, x.dtype());
  visit(x.dtype(), [&]<class T>() {
    const kernels::Table<T>& table = kernels::table<T>();
    const T* in = x.data<T>();
    T* out = y.mutable_data<T>();
    if (inner > 1 || n == 0) {
      parallel_for(outer, std::max<std::int64_t>(1, kGrain / std::max<std::int64_t>(1, n * inner)),
                   [&](std::int64_t begin, std::int64_t end) {
                     for (std::int64_t o = begin; o < end; ++o) {
                       table.reduce_cols[kernel](n, inner, in + o * n * inner, out + o * inner);
                     }
                   });
    } else if (outer == 1 && n > kGrain) {
      // One long row: reduce its chunks, then the results.
      Tensor parts = empty({(n + kGrain - 1) / kGrain}, x.dtype());
      T* part = parts.mutable_data<T>();
      parallel_for(n, kGrain, [&](std::int64_t begin, std::int64_t end) {
        table.reduce_rows[kernel](1, end - begin, in + begin, part + begin / kGrain);
      });
      table.reduce_rows[kernel](1, parts.numel(), part, out);
    } else {
      parallel_for(outer, std::max<std::int64_t>(1, kGrain / n), [&](std::int64_t begin, std::int64_t end) {
        table.reduce_rows[kernel](end - begin, n, in + begin * n, out + begin);
      });
    }
  });
  return y;
}

}  // namespace detail

Tensor constant_like(const Tensor& x, double value) {
  check_defined("an op with a number", x);
  return view_of(scalar(value, x.dtype()), x.shape(), Shape::filled(x.dim(), 0), 0);
}

void check_defined(const char* op, const Tensor& x) {
  if (!x.defined()) throw ShapeError(fmt::format("{}: an input is an undefined tensor", op));
}

std::int64_t wrap_dim(const char* op, std::int64_t dim, const Tensor& x) {
  check_defined(op, x);
  return wrap_dim(op, dim, x.dim());
}

std::pair<Tensor, Tensor> same_dtype(const char* op, const Tensor& a, const Tensor& b) {
  check_defined(op, a);
  check_defined(op, b);
  if (a.dtype() == b.dtype()) return {a, b};
  if (detail::promoting) return {to(a, DType::f64), to(b, DType::f64)};
  throw DTypeError(
      fmt::format("{}: one input is {}, the other {}; convert one with to()", op, describe(a), describe(b)));
}

std::pair<Tensor, Tensor> broadcast(const char* op, const Tensor& a, const Tensor& b) {
  const auto [x, y] = same_dtype(op, a, b);
  if (x.shape() == y.shape()) return {x, y};
  const Shape shape = broadcast_shapes(op, x.shape(), y.shape());
  return {expand(x, shape), expand(y, shape)};
}

}  // namespace saccade
