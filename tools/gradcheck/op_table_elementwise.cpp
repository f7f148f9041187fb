// Element by element: the rows of the op table.

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "autograd/ops.h"
#include "tools/gradcheck/op_table.h"

namespace saccade::suite {

std::vector<OpRow> elementwise_rows() {
  std::vector<OpRow> table = {
      // arithmetic
      {"add", "y = a + b;  da = g,  db = g", "", of(add, [](double a, double b) { return a + b; }), kBinary},
      {"add", "", "2.5", one([](auto& x) { return add(x, 2.5); }, [](double x) { return x + 2.5; }), kUnary},
      {"sub", "y = a - b;  da = g,  db = -g", "", of(sub, [](double a, double b) { return a - b; }), kBinary},
      {"mul", "y = a b;  da = g b,  db = g a", "", of(mul, [](double a, double b) { return a * b; }), kBinary},
      {"mul", "", "-1.5", one([](auto& x) { return mul(x, -1.5); }, [](double x) { return -1.5 * x; }), kUnary},
      {"div", "y = a / b;  da = g / b,  db = -g y / b", "", of(div, [](double a, double b) { return a / b; }), kBinary, 0.5, 2},
      {"div", "", "3", one([](auto& x) { return div(x, 3); }, [](double x) { return x / 3; }), kUnary},
      {"neg", "y = -x;  dx = -g", "", of(neg, [](double x) { return -x; }), kUnary},
      {"pow", "y = x^p;  dx = g p x^(p-1),  dp = g y log x", "",
       two([](auto& x, auto& y) { return pow(x, y); }, [](double a, double b) { return std::pow(a, b); }), kBinary, 0.3, 2},
      {"pow", "", "3", one([](auto& x) { return pow(x, 3); }, [](double x) { return x * x * x; }), kUnary},
      {"pow", "", "-0.5", one([](auto& x) { return pow(x, -0.5); }, [](double x) { return 1 / std::sqrt(x); }), kUnary, 0.3, 2},
      {"pow", "", "0", one([](auto& x) { return pow(x, 0); }, [](double x) { return x * 0 + 1; }), kUnary},
      {"maximum", "y = max(a, b);  da = g [a > b],  db = g [b > a],  g / 2 each on a tie", "", of(maximum, [](double a, double b) { return std::max(a, b); }),
       kBinary},
      {"minimum", "y = min(a, b);  da = g [a < b],  db = g [b < a],  g / 2 each on a tie", "", of(minimum, [](double a, double b) { return std::min(a, b); }),
       kBinary},
      {"clamp",
       "y = min(max(x, low), high);  dx = g [low <= x <= high]",
       "-0.5, 0.7",
       one([](auto& x) { return clamp(x, -0.5, 0.7); }, [](double x) { return std::clamp(x, -0.5, 0.7); }),
       kUnary,
       -2,
       2,
       {-0.5, 0.7}},
      {"clamp",
       "",
       "0.1, none",
       one([](auto& x) { return clamp(x, 0.1, std::nullopt); }, [](double x) { return std::max(x, 0.1); }),
       kUnary,
       -2,
       2,
       {0.1}},
      {"where",
       "y = a where m, else b;  da = g where m,  db = g where not m",
       "",
       two([](auto& x, auto& y) { return where(to(mask(), x.dtype()), x, y); }),
       {{{2, 3}, {2, 3}}, {{2, 1}, {3}}, {{}, {2, 3}}}},
      {"eq", "y = [a = b];  constant", "", of(eq, [](double a, double b) { return double(a == b); }), kBinary, -2, 2, {0}, false},
      {"gt",
       "y = [a > b];  constant",
       "",
       two([](auto& x, auto& y) { return gt(x, y); }, [](double a, double b) { return double(a > b); }),
       kBinary,
       -2,
       2,
       {0},
       false},
      {"ge",
       "y = [a >= b];  constant",
       "",
       two([](auto& x, auto& y) { return ge(x, y); }, [](double a, double b) { return double(a >= b); }),
       kBinary,
       -2,
       2,
       {0},
       false},
      // functions of one tensor
      {"exp", "y = exp x;  dx = g y", "", of(exp, [](double x) { return std::exp(x); }), kUnary},
      {"log", "y = log x;  dx = g / x", "", of(log, [](double x) { return std::log(x); }), kUnary, 0.2, 3},
      {"log1p", "y = log(1 + x);  dx = g / (1 + x)", "", of(log1p, [](double x) { return std::log1p(x); }), kUnary, -0.7, 3},
      {"expm1", "y = exp(x) - 1;  dx = g (y + 1)", "", of(expm1, [](double x) { return std::expm1(x); }), kUnary},
      {"sqrt", "y = sqrt x;  dx = g / (2 y)", "", of(sqrt, [](double x) { return std::sqrt(x); }), kUnary, 0.2, 3},
      {"rsqrt", "y = 1 / sqrt x;  dx = -g y^3 / 2", "", of(rsqrt, [](double x) { return 1 / std::sqrt(x); }), kUnary, 0.2, 3},
      {"square", "y = x^2;  dx = 2 g x", "", of(square, [](double x) { return x * x; }), kUnary},
      {"reciprocal", "y = 1 / x;  dx = -g y^2", "", of(reciprocal, [](double x) { return 1 / x; }), kUnary, 0.5, 3},
      {"abs", "y = |x|;  dx = g sign x", "", of(abs, [](double x) { return std::abs(x); }), kUnary},
      {"sign", "y = sign x;  dx = 0", "", of(sign, [](double x) { return double(x > 0) - double(x < 0); }), kUnary},
      {"floor", "y = floor x;  dx = 0", "", of(floor, [](double x) { return std::floor(x); }), kUnary, -2.4, 2.4, {-2, -1, 0, 1, 2}},
      {"sin", "y = sin x;  dx = g cos x", "", of(sin, [](double x) { return std::sin(x); }), kUnary, -4, 4},
      {"cos", "y = cos x;  dx = -g sin x", "", of(cos, [](double x) { return std::cos(x); }), kUnary, -4, 4},
      {"atan", "y = atan x;  dx = g / (1 + x^2)", "", of(atan, [](double x) { return std::atan(x); }), kUnary},
      {"erf", "y = erf x;  dx = g 2 / sqrt(pi) exp(-x^2)", "", of(erf, [](double x) { return std::erf(x); }), kUnary},
      {"tanh", "y = tanh x;  dx = g (1 - y^2)", "", of(tanh, [](double x) { return std::tanh(x); }), kUnary},
      {"tanh", "", "far out", of(tanh, [](double x) { return std::tanh(x); }), {{{2, 3}}}, -9, 9},
      {"sigmoid", "y = 1 / (1 + exp(-x));  dx = g y (1 - y)", "", of(sigmoid, [](double x) { return 1 / (1 + std::exp(-x)); }), kUnary},
      {"sigmoid", "", "far out", of(sigmoid, [](double x) { return 1 / (1 + std::exp(-x)); }), {{{2, 3}}}, -20, 20},
      {"softplus", "y = log(1 + exp x);  dx = g sigmoid(x)", "", of(softplus, [](double x) { return std::log1p(std::exp(x)); }), kUnary},
      {"softplus", "", "far out", of(softplus, [](double x) { return std::log1p(std::exp(x)); }), {{{2, 3}}}, -30, 30},
      {"logsigmoid", "y = -softplus(-x);  dx = g sigmoid(-x)", "", of(logsigmoid, [](double x) { return -std::log1p(std::exp(-x)); }), kUnary, -20, 20},
      {"relu", "y = max(x, 0);  dx = g [x > 0]", "", of(relu, [](double x) { return std::max(x, 0.0); }), kUnary},
      {"relu_grad",
       "z = g where y > 0, else 0;  dg = h where y > 0",
       "",
       one([](auto& x) { return relu_grad(x, to(mask(), x.dtype())); }),
       {{{2, 3}}, {{1, 3}}, {{}}}},
      {"leaky_relu", "y = x where x > 0, else s x;  dx = g where x > 0, else s g", "",
       one([](auto& x) { return leaky_relu(x, 0.1); }, [](double x) { return x > 0 ? x : 0.1 * x; }), kUnary},
      {"elu", "y = x where x > 0, else a (exp(x) - 1);  dx = g where x > 0, else g a exp x", "",
       one([](auto& x) { return elu(x, 0.8); }, [](double x) { return x > 0 ? x : 0.8 * std::expm1(x); }), kUnary},
      {"gelu",
       "y = x P(x),  P(x) = (1 + erf(x / sqrt 2)) / 2;  dx = g (P(x) + x P'(x));  or P from tanh(sqrt(2 / "
       "pi) (x + 0.044715 x^3))",
       "erf", one([](auto& x) { return gelu(x); }, [](double x) { return x * std::erfc(-x / std::sqrt(2)) / 2; }), kUnary},
      {"gelu", "", "tanh", one([](auto& x) { return gelu(x, Gelu::tanh); }, [](double x) { return x / 2 * (1 + std::tanh(std::sqrt(2 / std::acos(-1.0)) * (x + 0.044715 * x * x * x))); }), kUnary},
      {"silu", "y = x s,  s = sigmoid(x);  dx = g s (1 + x (1 - s))", "", of(silu, [](double x) { return x / (1 + std::exp(-x)); }), kUnary},
      {"mish", "y = x t,  t = tanh(softplus x);  dx = g (t + x (1 - t^2) sigmoid(x))", "", of(mish, [](double x) { return x * std::tanh(std::log1p(std::exp(x))); }), kUnary},
  };
  return table;
}

}  // namespace saccade::suite
