// The table of ops: a row for every op that autograd/ops.h declares. Each row becomes a check per shape, and
// for its first shapes one per memory layout; gradcheck and the comparison of f32 with f64 do the rest. A
// test compares the table with autograd/ops.h and fails where a row is missing.
#pragma once

#include <type_traits>
#include <utility>
#include <vector>

#include "autograd/gradcheck.h"
#include "autograd/ops.h"
#include "autograd/tensor.h"

namespace saccade::suite {

using F = TensorFunction;
using Shapes = std::vector<Shape>;  // of the inputs of one call

/// An op as a function of the list of its inputs; and, of one that works element by element, its value from
/// plain numbers.
struct Function {
  template <class G>
  requires std::is_constructible_v<F, G> Function(G op) : f(std::move(op)) {}  // NOLINT: an op alone is one
  Function(F op, F value) : f(std::move(op)), expected(std::move(value)) {}
  F f, expected = {};
};

struct OpRow {
  const char* name;
  const char* formula;  // value, then gradients: "y = tanh x;  dx = g (1 - y^2)"; "" where another row has it
  const char* arguments;  // what tells rows of one op apart
  Function function;
  std::vector<Shapes> shapes;
  double low = -2, high = 2;          // where inputs are drawn from
  std::vector<double> corners = {0};  // kept at a distance
  bool differentiable = true;
};

// Of three files, as ops/ is.
std::vector<OpRow> elementwise_rows();
std::vector<OpRow> shapes_rows();
std::vector<OpRow> products_rows();

// ---- shapes ----

inline const std::vector<Shapes> kUnary = {{{2, 3}}, {{}}, {{5}}, {{1, 4}}, {{3, 3}}, {{2, 3, 2}}, {{0, 3}}};
inline const std::vector<Shapes> kBinary = {{{2, 3}, {2, 3}}, {{3, 3}, {3, 3}}, {{2, 3}, {3}},
                                            {{2, 1}, {1, 3}}, {{}, {2, 2}},     {{1}, {1, 1}},
                                            {{0, 3}, {1, 3}}, {{3}, {}}};
inline const std::vector<Shapes> kMatrix = {{{3, 4}}, {{3, 3}}, {{2, 3, 2}}, {{1, 3}}};
inline const std::vector<Shapes> kPair = {{{3, 4}, {3, 4}}, {{2, 2}, {2, 2}}, {{4, 1}, {4, 1}}, {{}, {}}};

// ---- functions of the list of inputs ----

/// value(x), or value(x, y) of two that broadcast, element by element.
template <class V>
F numbers(V value) {
  return [value](const TensorList& given) {
    if constexpr (std::is_invocable_v<V, double>) {
      std::vector<double> y;
      for (const double x : given[0].to_vector()) y.push_back(value(x));
      return TensorList{from_values(y, given[0].shape(), DType::f64)};
    } else {
      const Shape shape = add(given[0], given[1]).shape();
      const std::vector<double> a = expand(given[0], shape).to_vector(),
                                b = expand(given[1], shape).to_vector();
      std::vector<double> y;
      for (std::size_t i = 0; i < a.size(); ++i) y.push_back(value(a[i], b[i]));
      return TensorList{from_values(y, shape, DType::f64)};
    }
  };
}

inline F of(Tensor (*f)(const Tensor&)) {
  return [f](const TensorList& x) { return TensorList{f(x[0])}; };
}
inline F of(Tensor (*f)(const Tensor&, const Tensor&)) {
  return [f](const TensorList& x) { return TensorList{f(x[0], x[1])}; };
}
template <class V>
Function of(Tensor (*f)(const Tensor&), V value) {
  return {of(f), numbers(value)};
}
template <class V>
Function of(Tensor (*f)(const Tensor&, const Tensor&), V value) {
  return {of(f), numbers(value)};
}
template <class G>
F one(G g) {  // g(x)
  return [g](const TensorList& x) { return TensorList{g(x[0])}; };
}
template <class G>
F two(G g) {  // g(x, y)
  return [g](const TensorList& x) { return TensorList{g(x[0], x[1])}; };
}
template <class G, class V>
Function one(G g, V value) {
  return {one(g), numbers(value)};
}
template <class G, class V>
Function two(G g, V value) {
  return {two(g), numbers(value)};
}

inline const Tensor& mask() {  // (2, 3), of 0 and 1
  static const Tensor m = from_values({1, 0, 0, 1, 1, 0}, {2, 3}, DType::f64);
  return m;
}
inline Tensor indices(std::initializer_list<double> values, const Shape& shape) {
  return from_values(values, shape, DType::f64);
}

}  // namespace saccade::suite
