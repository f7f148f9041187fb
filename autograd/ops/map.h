// From ops to kernels: runs a functor over the elements of tensors. Internal to ops/.
#pragma once

#include "autograd/kernels/functors.h"
#include "autograd/tensor.h"
#include "base/scoped.h"

namespace saccade {

namespace detail {
/// An input of an elementwise function: a tensor, or a number that is the same for every element.
struct Operand {
  const Tensor* tensor = nullptr;
  double number = 0;
  Operand(const Tensor& x) : tensor(&x) {}
  Operand(double x) : number(x) {}
};
Tensor map_elements(std::size_t kernel, const void* functor, std::span<const Operand> inputs);
Tensor reduce_elements(std::size_t kernel, const Tensor& x, const Shape& dims);
}  // namespace detail

/// f(x[0], x[1], ...) for every element; contiguous. The tensors have one shape and dtype; some inputs, but
/// not all, may be numbers.
template <class F, class... X>
Tensor map(const F& f, const X&... x) {
  const detail::Operand inputs[] = {x...};
  return detail::map_elements(kernels::ElementwiseOps::index<F>(), &f, inputs);
}

/// The reduction F of x over `dims` (each in range, none twice), which stay with size 1.
template <class F>
Tensor reduce(const Tensor& x, const Shape& dims) {
  return detail::reduce_elements(kernels::ReduceOps::index<F>(), x, dims);
}

/// A tensor like x whose every element is the value, stored once.
Tensor constant_like(const Tensor& x, double value);

/// Both tensors expanded to their common shape. DTypeError if their dtypes differ, ShapeError if they do not
/// broadcast.
std::pair<Tensor, Tensor> broadcast(const char* op, const Tensor& a, const Tensor& b);

/// Both tensors, of one dtype. DTypeError if theirs differ; but while a Promote is alive, both as f64.
std::pair<Tensor, Tensor> same_dtype(const char* op, const Tensor& a, const Tensor& b);
void check_defined(const char* op, const Tensor& x);
/// A dimension of x, counted from the end if negative. ShapeError if x has none such, or is undefined.
std::int64_t wrap_dim(const char* op, std::int64_t dim, const Tensor& x);

namespace detail {
extern constinit thread_local bool promoting;
}

/// While alive, ops of this thread take an f32 and an f64 input together, in f64. So gradcheck can run in f64
/// a function that holds f32 tensors of its own.
class Promote : Scoped<bool> {
 public:
  [[nodiscard]] Promote() : Scoped(detail::promoting, true) {}
};

}  // namespace saccade
