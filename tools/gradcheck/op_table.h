// The table of ops: a row for every op that autograd/ops.h declares. Each row becomes a check per shape, and
// for its first shapes one per memory layout; gradcheck and the comparison of f32 with f64 do the rest. A
// test compares the table with autograd/ops.h and fails where a row is missing.
#pragma once

#include <vector>

#include "autograd/gradcheck.h"
#include "autograd/tensor.h"

namespace saccade::suite {

using F = TensorFunction;
using Shapes = std::vector<Shape>;  // of the inputs of one call

struct OpRow {
  const char* name;
  const char* formula;  // value, then gradients: "y = tanh x;  dx = g (1 - y^2)"; "" where another row has it
  const char* arguments;  // what tells rows of one op apart
  F f;
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

inline F of(Tensor (*f)(const Tensor&)) {
  return [f](const TensorList& x) { return TensorList{f(x[0])}; };
}
inline F of(Tensor (*f)(const Tensor&, const Tensor&)) {
  return [f](const TensorList& x) { return TensorList{f(x[0], x[1])}; };
}
template <class G>
F one(G g) {  // g(x)
  return [g](const TensorList& x) { return TensorList{g(x[0])}; };
}
template <class G>
F two(G g) {  // g(x, y)
  return [g](const TensorList& x) { return TensorList{g(x[0], x[1])}; };
}

inline const Tensor& mask() {  // (2, 3), of 0 and 1
  static const Tensor m = from_values({1, 0, 0, 1, 1, 0}, {2, 3}, DType::f64);
  return m;
}
inline Tensor indices(std::initializer_list<double> values, const Shape& shape) {
  return from_values(values, shape, DType::f64);
}

}  // namespace saccade::suite
