#include <fmt/format.h>

#include <algorithm>

#include "autograd/anomaly.h"
#include "autograd/kernels/functors.h"
#include "autograd/kernels/gemm.h"
#include "autograd/modes.h"
#include "autograd/ops.h"
#include "autograd/ops/map.h"
#include "autograd/record.h"
#include "base/error.h"

namespace saccade {

namespace {

// x, or a copy of it, whose rows or columns are contiguous: the kernel needs one or the other.
Tensor with_unit_stride(const Tensor& x) {
  const Strides& s = x.strides();
  return s[x.dim() - 1] == 1 || s[x.dim() - 2] == 1 ? x : contiguous(x.detach());
}

// activation(a b + bias) for a: (m, k) or (batch, m, k), b: (k, n) or (batch, k, n), bias: (n), (batch, n) or
// undefined.
Tensor product(const Tensor& a_given, const Tensor& b_given, const Tensor& bias = {}, bool relu = false) {
  const Tensor a = with_unit_stride(a_given), b = with_unit_stride(b_given);
  const Tensor row = bias.defined() ? contiguous(bias.detach()) : bias;
  const std::int64_t rank = a.dim(), batch = rank == 3 ? a.shape()[0] : 1;
  Shape shape = a.shape();
  shape[rank - 1] = b.shape()[rank - 1];
  Tensor c = empty(shape, a.dtype());
  visit(a.dtype(), [&]<class T>() {
    kernels::Gemm<T> g;
    g.m = shape[rank - 2];
    g.n = shape[rank - 1];
    g.k = a.shape()[rank - 1];
    g.a = a.data<T>();
    g.a_row = a.strides()[rank - 2];
    g.a_col = a.strides()[rank - 1];
    g.b = b.data<T>();
    g.b_row = b.strides()[rank - 2];
    g.b_col = b.strides()[rank - 1];
    g.c = c.mutable_data<T>();
    g.c_row = g.n;
    g.bias = row.defined() ? row.data<T>() : nullptr;
    g.relu = relu;
    const bool batched = rank == 3;
    const kernels::GemmBatch steps = {batch, batched ? a.strides()[0] : 0, batched ? b.strides()[0] : 0,
                                      g.m * g.n, row.defined() && row.dim() == 2 ? g.n : 0};
    kernels::gemm(g, steps);
  });
  return c;
}

// Matrices, or batches of equal shape.
Tensor matrix_product(const Tensor& a, const Tensor& b) {
  return record("matmul", product(a, b),
                {{a, [b](const Tensor& g) { return matrix_product(g, transpose(b)); }},
                 {b, [a](const Tensor& g) { return matrix_product(transpose(a), g); }}});
}

[[noreturn]] void mismatch(const char* op, const Tensor& a, const Tensor& b) {
  throw ShapeError(fmt::format("{}: shapes {} and {} do not fit", op, a.shape().str(), b.shape().str()));
}

// activation(x W^T + b) for x: (batch, in) with W: (out, in), or both with one more leading dimension.
Tensor affine(const Tensor& x, const Tensor& weight, const Tensor& bias, Activation activation) {
  const Tensor y = product(x, transpose(weight.detach()), bias, activation == Activation::relu);
  const bool taped = grad_enabled() && (x.requires_grad() || weight.requires_grad() ||
                                        (bias.defined() && bias.requires_grad()));
  if (!taped && !DetectAnomaly::active()) return activation == Activation::tanh ? tanh(y) : y;
  const std::int64_t batch_dim = x.dim() - 2;
  PoolVector<Edge> edges;
  edges.reserve(3);
  edges.emplace_back(x, [weight](const Tensor& g) { return matrix_product(g, weight); });
  edges.emplace_back(weight, [x](const Tensor& g) { return matrix_product(transpose(g), x); });
  if (bias.defined()) edges.emplace_back(bias, [batch_dim](const Tensor& g) { return sum(g, {batch_dim}); });
  const Tensor z = record("linear", y, std::move(edges));
  switch (activation) {
    case Activation::none:
      return z;
    case Activation::tanh:
      return tanh(z);
    default:
      // The product's kernel applied relu: z is on the tape but nowhere in memory. No gradient reads it.
      return record("relu", y.detach(),
                    {{z, [](const Tensor& g, const Tensor& out) { return relu_grad(g, out); }}});
  }
}

}  // namespace

Tensor matmul(const Tensor& a_given, const Tensor& b_given) {
  const auto [a, b] = same_dtype("matmul", a_given, b_given);
  if (a.dim() == 0 || b.dim() == 0 || a.size(-1) != b.size(b.dim() == 1 ? -1 : -2)) mismatch("matmul", a, b);
  if (a.dim() == 1) return squeeze(matmul(unsqueeze(a, 0), b), b.dim() == 1 ? -1 : -2);
  if (b.dim() == 1) return squeeze(matmul(a, unsqueeze(b, 1)), -1);
  if (a.dim() == 2 && b.dim() == 2) return matrix_product(a, b);

  // The leading dimensions broadcast and become one batch.
  const auto lead = [](const Tensor& x) {
    return Shape(std::span(x.shape().begin(), static_cast<std::size_t>(x.dim() - 2)));
  };
  const Shape batch = broadcast_shapes("matmul", lead(a), lead(b));
  const auto as_batch = [&](const Tensor& x) {
    Shape full = batch;
    full.push_back(x.size(-2));
    full.push_back(x.size(-1));
    return reshape(expand(x, full), {batch.numel(), x.size(-2), x.size(-1)});
  };
  Shape shape = batch;
  shape.push_back(a.size(-2));
  shape.push_back(b.size(-1));
  return reshape(matrix_product(as_batch(a), as_batch(b)), shape);
}

Tensor linear(const Tensor& x_given, const Tensor& weight_given, const Tensor& bias_given,
              Activation activation) {
  const auto [x, weight] = same_dtype("linear", x_given, weight_given);
  const Tensor bias = bias_given.defined() ? same_dtype("linear", bias_given, weight).first : bias_given;
  const Shape& w = weight.shape();
  Shape bias_shape = w;
  if (w.size() == 2 || w.size() == 3) bias_shape.erase(w.size() - 1);
  const bool plain = w.size() == 2 && x.dim() >= 1;
  const bool ensemble = w.size() == 3 && (x.dim() == 2 || (x.dim() == 3 && x.shape()[0] == w[0]));
  if (!(plain || ensemble) || x.shape().back() != w.back() ||
      (bias.defined() && bias.shape() != bias_shape)) {
    throw ShapeError(fmt::format(
        "linear: input {}, weight {} and bias {} do not fit; expected (..., in), (out, in) and (out), or "
        "(n, batch, in), (n, out, in) and (n, out)",
        x.shape().str(), w.str(), bias.defined() ? bias.shape().str() : "none"));
  }
  if (ensemble) {
    return affine(x.dim() == 2 ? expand(x, {w[0], x.shape()[0], x.shape()[1]}) : x, weight, bias, activation);
  }
  Shape shape = x.shape();
  shape[shape.size() - 1] = w[0];
  return reshape(affine(x.dim() == 1 ? unsqueeze(x, 0) : flatten(x, 0, -2), weight, bias, activation), shape);
}

}  // namespace saccade
