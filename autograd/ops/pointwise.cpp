#include <numbers>

#include "autograd/kernels/functors.h"
#include "autograd/ops.h"
#include "autograd/ops/map.h"
#include "autograd/record.h"

namespace saccade {

namespace {

// Derivatives, as ops of their own: written with the function's value they would lose their digits in the
// tails, where that value is near a constant.

// 1 / (1 + x^2)
Tensor atan_slope(const Tensor& x) {
  return record("atan_slope", reciprocal(square(x.detach()) + 1),
                {{x, [x](const Tensor& g, const Tensor& y) { return g * (-2 * (x * y * y)); }}});
}

// 1 - tanh(x)^2
Tensor tanh_slope(const Tensor& x) {
  return record("tanh_slope", map(kernels::TanhSlope{}, x),
                {{x, [x](const Tensor& g, const Tensor& y) { return g * (-2 * (tanh(x) * y)); }}});
}

// sigmoid(x) (1 - sigmoid(x)), whose derivative has the factor 1 - 2 sigmoid(x) = -tanh(x / 2)
Tensor sigmoid_slope(const Tensor& x) {
  return record("sigmoid_slope", map(kernels::SigmoidSlope{}, x),
                {{x, [x](const Tensor& g, const Tensor& y) { return -(g * (tanh(0.5 * x) * y)); }}});
}

// exp(-x^2), or exp(-x^2 / 2)
template <bool half>
Tensor bell(const Tensor& x) {
  return record("bell", map(kernels::Bell<half>{}, x),
                {{x, [x](const Tensor& g, const Tensor& y) { return g * ((half ? -1 : -2) * (x * y)); }}});
}

// The standard normal distribution function.
Tensor normal_cdf(const Tensor& x) {
  constexpr double kRoot = std::numbers::inv_sqrtpi / std::numbers::sqrt2;  // 1 / sqrt(2 pi)
  return record("normal_cdf", map(kernels::NormalCdf{}, x),
                {{x, [x](const Tensor& g) { return g * (kRoot * bell<true>(x)); }}});
}

}  // namespace

Tensor exp(const Tensor& x) {
  return record("exp", map(kernels::Exp{}, x), {{x, [](const Tensor& g, const Tensor& y) { return g * y; }}});
}

Tensor log(const Tensor& x) {
  return record("log", map(kernels::Log{}, x), {{x, [x](const Tensor& g) { return g / x; }}});
}

Tensor log1p(const Tensor& x) {
  return record("log1p", map(kernels::Log1p{}, x), {{x, [x](const Tensor& g) { return g / (x + 1); }}});
}

Tensor expm1(const Tensor& x) {
  return record("expm1", map(kernels::Expm1{}, x), {{x, [x](const Tensor& g) { return g * exp(x); }}});
}

Tensor sqrt(const Tensor& x) {
  return record("sqrt", map(kernels::Sqrt{}, x),
                {{x, [](const Tensor& g, const Tensor& y) { return g / (2 * y); }}});
}

Tensor rsqrt(const Tensor& x) { return reciprocal(sqrt(x)); }

Tensor square(const Tensor& x) {
  return record("square", map(kernels::Square{}, x), {{x, [x](const Tensor& g) { return g * (2 * x); }}});
}

Tensor reciprocal(const Tensor& x) {
  return record("reciprocal", map(kernels::Reciprocal{}, x),
                {{x, [](const Tensor& g, const Tensor& y) { return -(g * square(y)); }}});
}

Tensor abs(const Tensor& x) {
  return record("abs", map(kernels::Abs{}, x), {{x, [x](const Tensor& g) { return g * sign(x); }}});
}

Tensor sign(const Tensor& x) {
  return record("sign", map(kernels::Sign{}, x), {{x, [](const Tensor& g) { return zeros_like(g); }}});
}

Tensor floor(const Tensor& x) {
  return record("floor", map(kernels::Floor{}, x), {{x, [](const Tensor& g) { return zeros_like(g); }}});
}

Tensor sin(const Tensor& x) {
  return record("sin", map(kernels::Sin{}, x), {{x, [x](const Tensor& g) { return g * cos(x); }}});
}

Tensor cos(const Tensor& x) {
  return record("cos", map(kernels::Cos{}, x), {{x, [x](const Tensor& g) { return -(g * sin(x)); }}});
}

Tensor atan(const Tensor& x) {
  return record("atan", map(kernels::Atan{}, x), {{x, [x](const Tensor& g) { return g * atan_slope(x); }}});
}

Tensor erf(const Tensor& x) {
  return record("erf", map(kernels::Erf{}, x),
                {{x, [x](const Tensor& g) { return g * (2 * std::numbers::inv_sqrtpi * bell<false>(x)); }}});
}

Tensor tanh(const Tensor& x) {
  return record("tanh", map(kernels::Tanh{}, x), {{x, [x](const Tensor& g) { return g * tanh_slope(x); }}});
}

Tensor sigmoid(const Tensor& x) {
  return record("sigmoid", map(kernels::Sigmoid{}, x),
                {{x, [x](const Tensor& g) { return g * sigmoid_slope(x); }}});
}

Tensor softplus(const Tensor& x) {
  return record("softplus", map(kernels::Softplus{}, x),
                {{x, [x](const Tensor& g) { return g * sigmoid(x); }}});
}

Tensor relu(const Tensor& x) {
  return record("relu", map(kernels::Relu{}, x),
                {{x, [](const Tensor& g, const Tensor& y) { return relu_grad(g, y); }}});
}

Tensor relu_grad(const Tensor& g, const Tensor& y) {
  const auto [a, b] = broadcast("relu_grad", g, y);
  return record("relu_grad", map(kernels::ReluGrad{}, a, b),
                {{a, [mask = b.detach()](const Tensor& gg) { return relu_grad(gg, mask); }}});
}

// The rest are compositions.

Tensor logsigmoid(const Tensor& x) { return -softplus(-x); }

Tensor leaky_relu(const Tensor& x, double negative_slope) { return where(gt(x, 0), x, negative_slope * x); }

Tensor elu(const Tensor& x, double alpha) {
  return where(gt(x, 0), x, alpha * expm1(clamp(x, std::nullopt, 0)));
}

Tensor gelu(const Tensor& x, Gelu form) {
  if (form == Gelu::erf) return x * normal_cdf(x);
  // (1 + tanh(z)) / 2 = sigmoid(2 z), which has digits left where tanh(z) is near -1.
  const double root = std::numbers::sqrt2 * std::numbers::inv_sqrtpi;  // sqrt(2 / pi)
  return x * sigmoid(2 * root * (x + 0.044715 * (x * square(x))));
}

Tensor silu(const Tensor& x) { return x * sigmoid(x); }

Tensor mish(const Tensor& x) { return x * tanh(softplus(x)); }

}  // namespace saccade
