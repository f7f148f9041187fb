// Every differentiable op, under PyTorch's names and with PyTorch's meaning. Gradients of all of them can be
// differentiated again. Binary ops broadcast; both sides must have one dtype (DTypeError). Dimensions may be
// negative, counted from the end. Wrong shapes throw ShapeError naming the op and the shapes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include "autograd/tensor.h"

namespace saccade {

// ---- arithmetic (ops/arithmetic.cpp) ----

Tensor add(const Tensor& a, const Tensor& b);
Tensor sub(const Tensor& a, const Tensor& b);
Tensor mul(const Tensor& a, const Tensor& b);
Tensor div(const Tensor& a, const Tensor& b);
Tensor add(const Tensor& a, double b);
Tensor sub(double a, const Tensor& b);
Tensor mul(const Tensor& a, double b);
Tensor div(const Tensor& a, double b);
Tensor neg(const Tensor& x);
/// x^y. Its gradient in y exists where x > 0; where x = 0 and y >= 0 it is 0.
Tensor pow(const Tensor& x, const Tensor& y);
Tensor pow(const Tensor& x, double exponent);
/// The larger, the smaller; a tie gives half of the gradient to each. NaN wins.
Tensor maximum(const Tensor& a, const Tensor& b);
Tensor minimum(const Tensor& a, const Tensor& b);
/// x limited to [low, high]; gradient 1 inside and at the bounds, 0 outside.
Tensor clamp(const Tensor& x, std::optional<double> low, std::optional<double> high);
/// a where the mask is not 0, else b.
Tensor where(const Tensor& mask, const Tensor& a, const Tensor& b);
/// 1 where true, 0 where false; no gradient.
Tensor eq(const Tensor& a, const Tensor& b);
Tensor gt(const Tensor& a, const Tensor& b);
Tensor ge(const Tensor& a, const Tensor& b);
Tensor gt(const Tensor& a, double b);
Tensor ge(const Tensor& a, double b);

inline Tensor operator+(const Tensor& a, const Tensor& b) { return add(a, b); }
inline Tensor operator-(const Tensor& a, const Tensor& b) { return sub(a, b); }
inline Tensor operator*(const Tensor& a, const Tensor& b) { return mul(a, b); }
inline Tensor operator/(const Tensor& a, const Tensor& b) { return div(a, b); }
inline Tensor operator-(const Tensor& x) { return neg(x); }
inline Tensor operator+(const Tensor& a, double b) { return add(a, b); }
inline Tensor operator+(double a, const Tensor& b) { return add(b, a); }
inline Tensor operator-(const Tensor& a, double b) { return add(a, -b); }
inline Tensor operator-(double a, const Tensor& b) { return sub(a, b); }
inline Tensor operator*(const Tensor& a, double b) { return mul(a, b); }
inline Tensor operator*(double a, const Tensor& b) { return mul(b, a); }
inline Tensor operator/(const Tensor& a, double b) { return div(a, b); }
Tensor operator/(double a, const Tensor& b);

// ---- functions of one tensor, element by element (ops/pointwise.cpp) ----

Tensor exp(const Tensor& x);
Tensor log(const Tensor& x);
Tensor log1p(const Tensor& x);
Tensor expm1(const Tensor& x);
Tensor sqrt(const Tensor& x);
Tensor rsqrt(const Tensor& x);
Tensor square(const Tensor& x);
Tensor reciprocal(const Tensor& x);
/// Gradient 0 at 0.
Tensor abs(const Tensor& x);
Tensor sign(const Tensor& x);
Tensor floor(const Tensor& x);
Tensor sin(const Tensor& x);
Tensor cos(const Tensor& x);
Tensor atan(const Tensor& x);
Tensor erf(const Tensor& x);
Tensor tanh(const Tensor& x);
Tensor sigmoid(const Tensor& x);
/// log(1 + e^x), exact for every x: no threshold.
Tensor softplus(const Tensor& x);
/// log sigmoid(x)
Tensor logsigmoid(const Tensor& x);
/// Gradient 0 at 0.
Tensor relu(const Tensor& x);
/// g where y = relu(x) is above 0 (or NaN), else 0, in one pass: relu's gradient. Constant in y.
Tensor relu_grad(const Tensor& g, const Tensor& y);
Tensor leaky_relu(const Tensor& x, double negative_slope = 0.01);
Tensor elu(const Tensor& x, double alpha = 1);
enum class Gelu { erf, tanh };
Tensor gelu(const Tensor& x, Gelu form = Gelu::erf);
Tensor silu(const Tensor& x);
Tensor mish(const Tensor& x);

// ---- reductions (ops/reduce.cpp): over all dimensions, or those given, kept with size 1 if `keepdim` ----

Tensor sum(const Tensor& x);
Tensor sum(const Tensor& x, const Shape& dims, bool keepdim = false);
Tensor mean(const Tensor& x);
Tensor mean(const Tensor& x, const Shape& dims, bool keepdim = false);
/// Divides by n - 1 if unbiased, by n if not.
Tensor var(const Tensor& x, const Shape& dims, bool unbiased = true, bool keepdim = false);
Tensor std(const Tensor& x, const Shape& dims, bool unbiased = true, bool keepdim = false);
/// The largest, the smallest; ties share the gradient evenly. ShapeError where there is no element.
Tensor amax(const Tensor& x);
Tensor amax(const Tensor& x, const Shape& dims, bool keepdim = false);
Tensor amin(const Tensor& x);
Tensor amin(const Tensor& x, const Shape& dims, bool keepdim = false);
/// Values and indices (i64) along one dimension; of a tie, the first takes all of the gradient.
std::pair<Tensor, Tensor> max(const Tensor& x, std::int64_t dim, bool keepdim = false);
std::pair<Tensor, Tensor> min(const Tensor& x, std::int64_t dim, bool keepdim = false);
Tensor argmax(const Tensor& x, std::int64_t dim, bool keepdim = false);
Tensor prod(const Tensor& x, std::int64_t dim, bool keepdim = false);
Tensor logsumexp(const Tensor& x, const Shape& dims, bool keepdim = false);
Tensor softmax(const Tensor& x, std::int64_t dim);
Tensor log_softmax(const Tensor& x, std::int64_t dim);
Tensor cumsum(const Tensor& x, std::int64_t dim);
/// The sum over the dimensions that broadcasting `shape` to x's shape adds or stretches: the gradient of
/// expand.
Tensor sum_to(const Tensor& x, const Shape& shape);

// ---- views and layout (ops/view.cpp): views where they can be; contiguous, to, cat and flip copy, reshape
// if it must ----

/// One size may be -1: what is left.
Tensor reshape(const Tensor& x, const Shape& shape);
Tensor contiguous(const Tensor& x);
/// The same values in another dtype. DTypeError to i64 from what is no whole number, and from i64 where a
/// float would round.
Tensor to(const Tensor& x, DType dtype);
Tensor transpose(const Tensor& x, std::int64_t dim0, std::int64_t dim1);
/// The last two dimensions exchanged.
Tensor transpose(const Tensor& x);
Tensor permute(const Tensor& x, const Shape& dims);
/// Broadcasting, by strides of 0. Sizes of -1 stay as they are.
Tensor expand(const Tensor& x, const Shape& shape);
/// Elements start, start + step, ... before stop, along one dimension. Bounds may be negative and are cut off
/// as in Python.
Tensor slice(const Tensor& x, std::int64_t dim, std::int64_t start, std::int64_t stop, std::int64_t step = 1);
/// One index of one dimension, which goes.
Tensor select(const Tensor& x, std::int64_t dim, std::int64_t index);
Tensor unsqueeze(const Tensor& x, std::int64_t dim);
/// Drops a dimension of size 1; another size stays.
Tensor squeeze(const Tensor& x, std::int64_t dim);
/// Dimensions first to last as one.
Tensor flatten(const Tensor& x, std::int64_t first = 0, std::int64_t last = -1);
TensorList split(const Tensor& x, const Shape& sizes, std::int64_t dim);
TensorList chunk(const Tensor& x, std::int64_t chunks, std::int64_t dim);
Tensor cat(const TensorList& x, std::int64_t dim);
Tensor stack(const TensorList& x, std::int64_t dim);
Tensor flip(const Tensor& x, const Shape& dims);

// ---- indexing (ops/index.cpp): an index is i64, or f32 or f64 that hold whole numbers, f32 up to 2^24 ----

/// y[i][j] = x[index[i][j]][j] for dim 0, and so on, as torch.gather.
Tensor gather(const Tensor& x, std::int64_t dim, const Tensor& index);
/// Values from the smallest to the largest along one dimension, NaN last, and their indices (i64) in x.
std::pair<Tensor, Tensor> sort(const Tensor& x, std::int64_t dim = -1);
/// Zeros of `shape` with x[i][j] added at [index[i][j]][j] for dim 0: the gradient of gather.
Tensor scatter_add(const Tensor& x, const Shape& shape, std::int64_t dim, const Tensor& index);
/// The slices that a one-dimensional index names.
Tensor index_select(const Tensor& x, std::int64_t dim, const Tensor& index);
/// 1 at the index, else 0: of that dtype, or the index's own, f32 where that is i64.
Tensor one_hot(const Tensor& index, std::int64_t classes, std::optional<DType> dtype = std::nullopt);
/// The lower, the upper triangle of the last two dimensions; the rest is 0.
Tensor tril(const Tensor& x, std::int64_t diagonal = 0);
Tensor triu(const Tensor& x, std::int64_t diagonal = 0);

// ---- matrix products (ops/matmul.cpp) ----

/// As torch.matmul: vectors, matrices, and batches of matrices that broadcast.
Tensor matmul(const Tensor& a, const Tensor& b);
enum class Activation { none, relu, tanh };
/// activation(x W^T + b), in one pass. x: (..., in), W: (out, in), b: (out) or undefined; or for an ensemble
/// of n, x: (batch, in) or (n, batch, in), W: (n, out, in), b: (n, out), giving (n, batch, out).
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {},
              Activation activation = Activation::none);

// ---- normalisation and losses (ops/loss.cpp) ----

/// Over the last dimension; weight and bias may be undefined.
Tensor layer_norm(const Tensor& x, const Tensor& weight = {}, const Tensor& bias = {}, double eps = 1e-5);
enum class Reduction { none, mean, sum };
Tensor mse_loss(const Tensor& x, const Tensor& target, Reduction reduction = Reduction::mean);
Tensor l1_loss(const Tensor& x, const Tensor& target, Reduction reduction = Reduction::mean);
Tensor huber_loss(const Tensor& x, const Tensor& target, Reduction reduction = Reduction::mean,
                  double delta = 1);
Tensor smooth_l1_loss(const Tensor& x, const Tensor& target, Reduction reduction = Reduction::mean,
                      double beta = 1);
/// logits: (n, classes), target: (n) class indices.
Tensor cross_entropy(const Tensor& logits, const Tensor& target, Reduction reduction = Reduction::mean);
Tensor binary_cross_entropy_with_logits(const Tensor& logits, const Tensor& target,
                                        Reduction reduction = Reduction::mean);

}  // namespace saccade
