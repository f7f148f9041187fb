#include "autograd/kernels/functors.h"
#include "autograd/ops.h"
#include "autograd/ops/map.h"
#include "autograd/record.h"

namespace saccade {

namespace {

// A gradient that passes through unchanged.
Tensor pass(const Tensor& g) { return g; }

// 1 where a wins, 1/2 where they tie, 0 where b wins.
Tensor share_of_larger(const Tensor& a, const Tensor& b) { return 0.5 * (gt(a, b) + ge(a, b)); }

template <class F>
Tensor compare(const char* op, const F& f, const Tensor& a, const Tensor& b) {
  const auto [x, y] = broadcast(op, a, b);
  return map(f, x, y);
}

}  // namespace

Tensor add(const Tensor& a, const Tensor& b) {
  const auto [x, y] = broadcast("add", a, b);
  return record("add", map(kernels::Add{}, x, y), {{x, pass}, {y, pass}});
}

Tensor sub(const Tensor& a, const Tensor& b) {
  const auto [x, y] = broadcast("sub", a, b);
  return record("sub", map(kernels::Sub{}, x, y), {{x, pass}, {y, neg}});
}

Tensor mul(const Tensor& a, const Tensor& b) {
  const auto [x, y] = broadcast("mul", a, b);
  return record("mul", map(kernels::Mul{}, x, y),
                {{x, [y = y](const Tensor& g) { return g * y; }},  //
                 {y, [x = x](const Tensor& g) { return g * x; }}});
}

Tensor div(const Tensor& a, const Tensor& b) {
  const auto [x, y] = broadcast("div", a, b);
  return record("div", map(kernels::Div{}, x, y),
                {{x, [y = y](const Tensor& g) { return g / y; }},
                 {y, [y = y](const Tensor& g, const Tensor& z) { return -(g * z / y); }}});
}

Tensor add(const Tensor& a, double b) {
  check_defined("add", a);
  return record("add", map(kernels::Add{}, a, b), {{a, pass}, b});
}

Tensor sub(double a, const Tensor& b) {
  check_defined("sub", b);
  return record("sub", map(kernels::Sub{}, a, b), {a, {b, neg}});
}

Tensor mul(const Tensor& a, double b) {
  check_defined("mul", a);
  return record("mul", map(kernels::Mul{}, a, b), {{a, [b](const Tensor& g) { return g * b; }}, b});
}

Tensor div(const Tensor& a, double b) {
  check_defined("div", a);
  return record("div", map(kernels::Div{}, a, b), {{a, [b](const Tensor& g) { return g / b; }}, b});
}

Tensor operator/(double a, const Tensor& b) { return div(constant_like(b, a), b); }

Tensor neg(const Tensor& x) {
  return record("neg", map(kernels::Neg{}, x), {{x, [](const Tensor& g) { return -g; }}});
}

Tensor pow(const Tensor& a, const Tensor& b) {
  const auto [x, y] = broadcast("pow", a, b);
  return record("pow", map(kernels::Pow{}, x, y),
                {{x,
                  [x = x, y = y](const Tensor& g) {
                    return where(eq(y, zeros_like(y)), zeros_like(g), g * y * pow(x, y - 1));
                  }},
                 {y, [x = x](const Tensor& g, const Tensor& z) {
                    const Tensor zero = eq(x, zeros_like(x));  // log 0 is kept out of both directions
                    return g * where(zero, zeros_like(z), z * log(where(zero, ones_like(x), x)));
                  }}});
}

Tensor pow(const Tensor& x, double exponent) {
  check_defined("pow", x);
  return record("pow", map(kernels::Pow{}, x, exponent),
                {{x,
                  [x, exponent](const Tensor& g) {
                    if (exponent == 0) return zeros_like(g);
                    return g * (exponent * pow(x, exponent - 1));
                  }},
                 exponent});
}

Tensor maximum(const Tensor& a, const Tensor& b) {
  const auto [x, y] = broadcast("maximum", a, b);
  return record("maximum", map(kernels::Maximum{}, x, y),
                {{x, [x = x, y = y](const Tensor& g) { return g * share_of_larger(x, y); }},
                 {y, [x = x, y = y](const Tensor& g) { return g * share_of_larger(y, x); }}});
}

Tensor minimum(const Tensor& a, const Tensor& b) {
  const auto [x, y] = broadcast("minimum", a, b);
  return record("minimum", map(kernels::Minimum{}, x, y),
                {{x, [x = x, y = y](const Tensor& g) { return g * share_of_larger(y, x); }},
                 {y, [x = x, y = y](const Tensor& g) { return g * share_of_larger(x, y); }}});
}

Tensor clamp(const Tensor& x, std::optional<double> low, std::optional<double> high) {
  check_defined("clamp", x);
  Tensor y = x.detach();
  if (low) y = map(kernels::Maximum{}, y, *low);
  if (high) y = map(kernels::Minimum{}, y, *high);
  return record("clamp", y,
                {{x, [x](const Tensor& g, const Tensor& limited) { return g * eq(x, limited); }}});
}

Tensor where(const Tensor& mask, const Tensor& a, const Tensor& b) {
  const auto [m1, x1] = broadcast("where", mask, a);
  const auto [x, y] = broadcast("where", x1, b);
  const Tensor m = expand(m1, x.shape());
  return record("where", map(kernels::Where{}, m, x, y),
                {{x, [m](const Tensor& g) { return where(m, g, zeros_like(g)); }},
                 {y, [m](const Tensor& g) { return where(m, zeros_like(g), g); }}});
}

Tensor eq(const Tensor& a, const Tensor& b) { return compare("eq", kernels::Equal{}, a, b); }
Tensor gt(const Tensor& a, const Tensor& b) { return compare("gt", kernels::Greater{}, a, b); }
Tensor ge(const Tensor& a, const Tensor& b) { return compare("ge", kernels::GreaterEqual{}, a, b); }
Tensor gt(const Tensor& a, double b) {
  check_defined("gt", a);
  return map(kernels::Greater{}, a, b);
}
Tensor ge(const Tensor& a, double b) {
  check_defined("ge", a);
  return map(kernels::GreaterEqual{}, a, b);
}

}  // namespace saccade
