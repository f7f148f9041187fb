// Ops of two operands, each a tensor, an array or a number, and Python's operators.
#include "operators.h"

#include <fmt/format.h>

#include "autograd/ops.h"

namespace saccade::python {

using namespace nb::literals;

namespace {

// A binary op between tensors, arrays and numbers; one of a tensor and a number where the engine has it.
using Op = Tensor (*)(const Tensor&, const Tensor&);
Tensor binary(const char* name, Op op, const Operand& a, const Operand& b) {
  if (a.number && b.number) {
    throw nb::type_error(fmt::format("{}: expected a tensor or an array, got two numbers", name).c_str());
  }
  const Tensor x = a.number ? Tensor() : a.array.tensor(), y = b.number ? Tensor() : b.array.tensor();
  const Tensor left = a.number ? scalar(*a.number, y.dtype()) : x;
  const Tensor right = b.number ? scalar(*b.number, x.dtype()) : y;
  return run(std::max(left.numel(), right.numel()), [&] { return op(left, right); });
}

template <class F>
Tensor with_number(const Operand& x, const F& f) {
  const Tensor tensor = x.array.tensor();
  return run(tensor.numel(), [&] { return f(tensor); });
}

Tensor add_any(const Operand& a, const Operand& b) {
  if (b.number && !a.number) return with_number(a, [&](const Tensor& x) { return x + *b.number; });
  if (a.number && !b.number) return with_number(b, [&](const Tensor& x) { return *a.number + x; });
  return binary("add", add, a, b);
}
Tensor sub_any(const Operand& a, const Operand& b) {
  if (b.number && !a.number) return with_number(a, [&](const Tensor& x) { return x - *b.number; });
  if (a.number && !b.number) return with_number(b, [&](const Tensor& x) { return *a.number - x; });
  return binary("sub", sub, a, b);
}
Tensor mul_any(const Operand& a, const Operand& b) {
  if (b.number && !a.number) return with_number(a, [&](const Tensor& x) { return x * *b.number; });
  if (a.number && !b.number) return with_number(b, [&](const Tensor& x) { return *a.number * x; });
  return binary("mul", mul, a, b);
}
Tensor div_any(const Operand& a, const Operand& b) {
  if (b.number && !a.number) return with_number(a, [&](const Tensor& x) { return x / *b.number; });
  if (a.number && !b.number) return with_number(b, [&](const Tensor& x) { return *a.number / x; });
  return binary("div", div, a, b);
}
Tensor pow_any(const Operand& a, const Operand& b) {
  if (b.number && !a.number) return with_number(a, [&](const Tensor& x) { return pow(x, *b.number); });
  return binary("pow", pow, a, b);
}
Tensor eq_any(const Operand& a, const Operand& b) { return binary("eq", eq, a, b); }
Tensor gt_any(const Operand& a, const Operand& b) {
  if (b.number && !a.number) return with_number(a, [&](const Tensor& x) { return gt(x, *b.number); });
  return binary("gt", gt, a, b);
}
Tensor ge_any(const Operand& a, const Operand& b) {
  if (b.number && !a.number) return with_number(a, [&](const Tensor& x) { return ge(x, *b.number); });
  return binary("ge", ge, a, b);
}
Tensor maximum_any(const Operand& a, const Operand& b) { return binary("maximum", maximum, a, b); }
Tensor minimum_any(const Operand& a, const Operand& b) { return binary("minimum", minimum, a, b); }

Tensor where_any(const Array& mask, const Operand& a, const Operand& b) {
  const Tensor m = mask, x = a.beside(b.number ? m : b.array.tensor()), y = b.beside(x);
  return run(std::max(m.numel(), x.numel()), [&] { return where(m, x, y); });
}

void bind_symbols(Class& tensor) {
  const auto op = nb::is_operator();
  tensor.def("__add__", &add_any, op).def("__sub__", &sub_any, op).def("__mul__", &mul_any, op);
  tensor.def("__truediv__", &div_any, op)
      .def(
          "__pow__", [](const Operand& a, const Operand& b) { return pow_any(a, b); }, op);
  tensor
      .def(
          "__radd__", [](const Operand& a, const Operand& b) { return add_any(b, a); }, op)
      .def(
          "__rsub__", [](const Operand& a, const Operand& b) { return sub_any(b, a); }, op)
      .def(
          "__rmul__", [](const Operand& a, const Operand& b) { return mul_any(b, a); }, op)
      .def(
          "__rtruediv__", [](const Operand& a, const Operand& b) { return div_any(b, a); }, op)
      .def(
          "__rpow__", [](const Operand& a, const Operand& b) { return pow_any(b, a); }, op)
      .def("__matmul__", &matmul_any, op)
      .def(
          "__rmatmul__", [](const Array& a, const Array& b) { return matmul_any(b, a); }, op)
      .def("__neg__", [](const Tensor& x) { return run(x.numel(), [&] { return neg(x); }); })
      .def("__pos__", [](const Tensor& x) { return x; })
      .def("__abs__", [](const Tensor& x) { return run(x.numel(), [&] { return abs(x); }); })
      .def("__eq__", &eq_any, op, nb::sig("def __eq__(self, other: object, /) -> Tensor"))
      .def(
          "__ne__", [](const Operand& a, const Operand& b) { return 1 - eq_any(a, b); }, op,
          nb::sig("def __ne__(self, other: object, /) -> Tensor"))
      .def("__gt__", &gt_any, op)
      .def("__ge__", &ge_any, op)
      .def(
          "__lt__", [](const Operand& a, const Operand& b) { return gt_any(b, a); }, op)
      .def(
          "__le__", [](const Operand& a, const Operand& b) { return ge_any(b, a); }, op);
}

void bind_arithmetic(const Both& def) {
  def("add", &add_any, "a", "b"_a, "a + b");
  def("sub", &sub_any, "a", "b"_a, "a - b");
  def("mul", &mul_any, "a", "b"_a, "a * b, element by element");
  def("div", &div_any, "a", "b"_a, "a / b");
  def("pow", &pow_any, "x", "exponent"_a, "x to a power. Its gradient in the exponent exists where x > 0.");
  def("maximum", &maximum_any, "a", "b"_a, "The larger; a tie gives half of the gradient to each. NaN wins.");
  def("minimum", &minimum_any, "a", "b"_a,
      "The smaller; a tie gives half of the gradient to each. NaN wins.");
  def("eq", &eq_any, "a", "b"_a, "1 where equal, else 0; no gradient.");
  def("gt", &gt_any, "a", "b"_a, "1 where a > b, else 0; no gradient.");
  def("ge", &ge_any, "a", "b"_a, "1 where a >= b, else 0; no gradient.");
  def(
      "clamp",
      [](const Array& x, std::optional<double> low, std::optional<double> high) {
        const Tensor t = x;
        return run(t.numel(), [&] { return clamp(t, low, high); });
      },
      "x", "low"_a = nb::none(), "high"_a = nb::none(),
      "x limited to [low, high]; gradient 1 inside and at the bounds, 0 outside.");
  def.m.def("where", &where_any, "mask"_a, "a"_a, "b"_a, "a where the mask is not 0, else b.");
}

}  // namespace

Tensor matmul_any(const Array& a, const Array& b) {
  const Tensor x = a, y = b;
  const std::int64_t columns = y.defined() && y.dim() > 1 ? y.size(-1) : 1;
  return run(x.numel() * columns, [&] { return matmul(x, y); });
}

void bind_operators(const Both& def) {
  bind_symbols(def.tensor);
  bind_arithmetic(def);
}

}  // namespace saccade::python
