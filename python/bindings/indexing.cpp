// x[...]: integers, slices, None, Ellipsis and an index along one dimension, each an op of the engine.
#include <fmt/format.h>

#include "autograd/ops.h"
#include "base/error.h"
#include "bindings.h"
#include "casters.h"

namespace saccade::python {

namespace {

std::vector<nb::object> parts_of(nb::handle key) {
  std::vector<nb::object> parts;
  if (nb::isinstance<nb::tuple>(key)) {
    for (const nb::handle part : nb::borrow<nb::tuple>(key)) parts.push_back(nb::borrow(part));
  } else {
    parts.push_back(nb::borrow(key));
  }
  return parts;
}

bool is_ellipsis(nb::handle part) { return part.ptr() == Py_Ellipsis; }
bool is_index(nb::handle part) {
  return nb::isinstance<Tensor>(part) || (nb::ndarray_check(part) && !is_numpy_scalar(part));
}
bool is_integer(nb::handle part) {
  return PyIndex_Check(part.ptr()) && !PyBool_Check(part.ptr()) && !is_index(part);
}

Tensor at_integer(const Tensor& x, std::int64_t d, nb::handle part) {
  const Py_ssize_t i = PyNumber_AsSsize_t(part.ptr(), PyExc_IndexError);
  if (i == -1 && PyErr_Occurred()) throw nb::python_error();
  const std::int64_t n = x.size(d);
  if (i < -n || i >= n) {
    // IndexError is what ends Python's iteration, too.
    throw nb::index_error(
        fmt::format("index {} is out of range for dimension {} of {}", i, d, describe(x)).c_str());
  }
  return select(x, d, i < 0 ? i + n : i);
}

Tensor at_slice(const Tensor& x, std::int64_t d, nb::handle part) {
  Py_ssize_t start = 0, stop = 0, step = 0;
  if (PySlice_Unpack(part.ptr(), &start, &stop, &step) != 0) throw nb::python_error();
  if (step < 1)
    throw ShapeError(fmt::format("a slice's step is {}, expected at least 1; flip() turns around", step));
  const Py_ssize_t n = PySlice_AdjustIndices(x.size(d), &start, &stop, step);
  if (start == 0 && n == x.size(d)) return x;
  return slice(x, d, start, start + (n - 1) * step + (n > 0 ? 1 : step), step);
}

// x[key]; with `basic`, only by what gives a view.
Tensor at(const Tensor& whole, nb::handle key, bool basic) {
  const std::vector<nb::object> parts = parts_of(key);
  std::int64_t taken = 0, ellipses = 0;
  for (const nb::object& part : parts) {
    if (is_ellipsis(part)) ++ellipses;
    if (!is_ellipsis(part) && !part.is_none()) ++taken;
  }
  if (taken > whole.dim() || ellipses > 1) {
    throw nb::index_error(
        fmt::format("{} indices and {} ellipses were given for {}", taken, ellipses, describe(whole))
            .c_str());
  }
  Tensor x = whole;
  std::int64_t d = 0;
  for (const nb::object& part : parts) {
    if (is_ellipsis(part)) {
      d += whole.dim() - taken;
    } else if (part.is_none()) {
      x = unsqueeze(x, d++);
    } else if (is_integer(part)) {
      x = at_integer(x, d, part);
    } else if (nb::isinstance<nb::slice>(part)) {
      x = at_slice(x, d++, part);
    } else if (is_index(part) && !basic) {
      x = index_select(x, d++, nb::cast<Array>(part));
    } else {
      throw nb::type_error(fmt::format("an index is {}, expected {}",
                                       nb::cast<std::string>(nb::repr(
                                           nb::borrow(reinterpret_cast<PyObject*>(Py_TYPE(part.ptr()))))),
                                       basic ? "an integer, a slice, None or ..."
                                             : "an integer, a slice, None, ... or a tensor of indices")
                               .c_str());
    }
  }
  return x;
}

}  // namespace

void bind_indexing(nb::object& tensor_class) {
  auto& tensor = static_cast<nb::class_<Tensor>&>(tensor_class);
  tensor.def(
      "__getitem__", [](const Tensor& x, nb::handle key) { return at(x, key, false); }, nb::arg("key").none(),
      "A view by integers, slices (steps of at least 1), None and ...; by one-dimensional tensors of "
      "indices, a copy.");
  tensor.def(
      "__setitem__",
      [](const Tensor& x, nb::handle key, const Operand& value) {
        const Tensor place = at(x, key, true);
        place.copy_(expand(value.beside(x), place.shape()).detach());
      },
      nb::arg("key").none(), nb::arg("value"),
      "Overwrites elements in place, outside any graph, as copy_() does.");
}

}  // namespace saccade::python
