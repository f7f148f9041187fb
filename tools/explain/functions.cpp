#include "tools/explain/functions.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "autograd/ops.h"
#include "base/error.h"
#include "tools/explain/expression.h"

namespace saccade::study {

void check_size(double elements) {
  if (elements > static_cast<double>(Expression::kMostElements))
    throw ConfigError(fmt::format("the result has more than {} elements", Expression::kMostElements));
}

namespace {

std::int64_t whole(const Value& value, const char* what) {
  if (!value.is_number() || value.number != std::floor(value.number) || std::abs(value.number) > 1000)
    throw ConfigError(fmt::format("{} is to be a whole number", what));
  return static_cast<std::int64_t>(value.number);
}

double plain(const Value& value, const char* what) {
  if (!value.is_number()) throw ConfigError(fmt::format("{} is to be a number", what));
  return value.number;
}

using Unary = Tensor (*)(const Tensor&);
using Binary = Tensor (*)(const Tensor&, const Tensor&);

Function unary(const char* name, Unary op) {
  return {name, 1, 1, [op](Values v) { return op(v[0].as_tensor()); }};
}

Function binary(const char* name, Binary op, double (*number)(double, double) = nullptr) {
  return {name, 2, 2,
          [op](Values v) {
            const Tensor a = v[0].as_tensor(), b = v[1].as_tensor();
            check_size(static_cast<double>(broadcast_shapes("the op", a.shape(), b.shape()).numel()));
            return op(a, b);
          },
          number};
}

// Over all elements, or one dimension.
template <class All, class Dims>
Function reduction(const char* name, All all, Dims dims) {
  return {name, 1, 2, [all, dims](Values v) {
            return v.size() == 1 ? all(v[0].as_tensor())
                                 : dims(v[0].as_tensor(), whole(v[1], "the dimension"));
          }};
}

template <class F>
Function along(const char* name, F f) {
  return {name, 1, 2,
          [f](Values v) { return f(v[0].as_tensor(), v.size() == 1 ? -1 : whole(v[1], "the dimension")); }};
}

double minus(double a, double b) { return a - b; }
double plus(double a, double b) { return a + b; }
double times(double a, double b) { return a * b; }
double over(double a, double b) { return a / b; }
double power(double a, double b) { return std::pow(a, b); }

// A line for each. The first five are the operators.
std::vector<Function> make_functions() {
  return {
      binary(
          "add", [](const Tensor& a, const Tensor& b) { return add(a, b); }, plus),
      binary(
          "sub", [](const Tensor& a, const Tensor& b) { return sub(a, b); }, minus),
      binary(
          "mul", [](const Tensor& a, const Tensor& b) { return mul(a, b); }, times),
      binary(
          "div", [](const Tensor& a, const Tensor& b) { return div(a, b); }, over),
      binary(
          "pow", [](const Tensor& a, const Tensor& b) { return pow(a, b); }, power),
      {"neg", 1, 1, [](Values v) { return neg(v[0].as_tensor()); }, [](double a, double) { return -a; }},
      binary("maximum", maximum),
      binary("minimum", minimum),
      {"clamp", 3, 3,
       [](Values v) {
         return clamp(v[0].as_tensor(), plain(v[1], "the lower bound"), plain(v[2], "the upper bound"));
       }},
      unary("exp", saccade::exp),
      unary("log", saccade::log),
      unary("log1p", saccade::log1p),
      unary("expm1", saccade::expm1),
      unary("sqrt", saccade::sqrt),
      unary("rsqrt", rsqrt),
      unary("square", square),
      unary("reciprocal", reciprocal),
      unary("abs", saccade::abs),
      unary("sign", sign),
      unary("floor", saccade::floor),
      unary("sin", saccade::sin),
      unary("cos", saccade::cos),
      unary("atan", saccade::atan),
      unary("erf", saccade::erf),
      unary("tanh", saccade::tanh),
      unary("sigmoid", sigmoid),
      unary("softplus", softplus),
      unary("logsigmoid", logsigmoid),
      unary("relu", relu),
      unary("leaky_relu", [](const Tensor& x) { return leaky_relu(x); }),
      unary("elu", [](const Tensor& x) { return elu(x); }),
      unary("gelu", [](const Tensor& x) { return gelu(x); }),
      unary("silu", silu),
      unary("mish", mish),
      reduction(
          "sum", [](const Tensor& x) { return sum(x); },
          [](const Tensor& x, std::int64_t d) { return sum(x, {d}); }),
      reduction(
          "mean", [](const Tensor& x) { return mean(x); },
          [](const Tensor& x, std::int64_t d) { return mean(x, {d}); }),
      reduction(
          "amax", [](const Tensor& x) { return amax(x); },
          [](const Tensor& x, std::int64_t d) { return amax(x, {d}); }),
      reduction(
          "amin", [](const Tensor& x) { return amin(x); },
          [](const Tensor& x, std::int64_t d) { return amin(x, {d}); }),
      along("var", [](const Tensor& x, std::int64_t d) { return var(x, {d}); }),
      along("std", [](const Tensor& x, std::int64_t d) { return saccade::std(x, {d}); }),
      along("prod", [](const Tensor& x, std::int64_t d) { return prod(x, d); }),
      along("logsumexp", [](const Tensor& x, std::int64_t d) { return logsumexp(x, {d}); }),
      along("softmax", [](const Tensor& x, std::int64_t d) { return softmax(x, d); }),
      along("log_softmax", [](const Tensor& x, std::int64_t d) { return log_softmax(x, d); }),
      along("cumsum", [](const Tensor& x, std::int64_t d) { return cumsum(x, d); }),
      {"transpose", 1, 3,
       [](Values v) {
         if (v.size() == 1) return transpose(v[0].as_tensor());
         if (v.size() == 2) throw ConfigError("it takes a tensor, and two dimensions or none");
         return transpose(v[0].as_tensor(), whole(v[1], "the dimension"), whole(v[2], "the dimension"));
       }},
      {"select", 3, 3,
       [](Values v) {
         return select(v[0].as_tensor(), whole(v[1], "the dimension"), whole(v[2], "the index"));
       }},
      {"matmul", 2, 2,
       [](Values v) {
         const Tensor a = v[0].as_tensor(), b = v[1].as_tensor();
         const double rows = a.dim() < 2 ? 1 : static_cast<double>(a.size(-2));
         const double columns = b.dim() < 2 ? 1 : static_cast<double>(b.size(-1));
         const auto batches = [](const Tensor& x) {
           return x.dim() < 3 ? 1.0
                              : static_cast<double>(x.numel()) /
                                    std::max(1.0, static_cast<double>(x.size(-1) * x.size(-2)));
         };
         check_size(rows * columns * batches(a) * batches(b));
         return matmul(a, b);
       }},
      {"mse_loss", 2, 2, [](Values v) { return mse_loss(v[0].as_tensor(), v[1].as_tensor()); }},
      {"layer_norm", 1, 1, [](Values v) { return layer_norm(v[0].as_tensor()); }},
  };
}

}  // namespace

const std::vector<Function>& functions_table() {
  static const std::vector<Function> functions = make_functions();
  return functions;
}

}  // namespace saccade::study
