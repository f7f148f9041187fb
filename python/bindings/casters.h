// What functions of the module take and give: shapes, dtypes, and whatever can stand for a tensor.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "autograd/tensor.h"

namespace saccade::python {

namespace nb = nanobind;

/// Any array in this computer's memory, to be read.
using AnyArray = nb::ndarray<nb::ro, nb::device::cpu>;

/// The array's own elements as a tensor, which keeps the array. DTypeError or ShapeError, saying why, where
/// a tensor cannot have them.
Tensor share(const AnyArray& array, bool writeable);
/// A tensor that the array, or anything that is like one, stands for as an operand: its own elements where
/// that can be, else a copy.
Tensor as_operand(nb::handle array);

/// NumPy's dtype of this name, and back. DTypeError for one that no tensor has.
nb::object to_numpy(DType dtype);
DType to_dtype(nb::handle given);

/// Whether it is one of NumPy's scalars, such as numpy.float32(2).
bool is_numpy_scalar(nb::handle x);

/// An argument that is a tensor, or an array that stands for one. What is wrong with an array is said when
/// its tensor is asked for, since a caster cannot throw.
struct Array {
  Tensor given;
  nb::handle array;

  Tensor tensor() const { return array.is_valid() ? as_operand(array) : given; }
  operator Tensor() const { return tensor(); }
};

/// The same, or a number, which takes the dtype of the tensor that it meets.
struct Operand {
  Array array;
  std::optional<double> number;

  Tensor beside(const Tensor& other) const {
    return number ? scalar(*number, other.dtype()) : array.tensor();
  }
};

/// A dtype by any of the names that it has.
struct DTypeName {
  nb::handle given;
  operator DType() const { return to_dtype(given); }
};

/// One size or several.
struct Sizes {
  std::vector<std::int64_t> values;
  /// ShapeError where they are more than a shape can have.
  operator Shape() const { return Shape(std::span<const std::int64_t>(values)); }
};

/// Large enough that another Python thread may run meanwhile: below, letting go of the GIL and getting it
/// back takes longer than the op.
constexpr std::int64_t kLarge = 1 << 14;

/// Calls f, which touches no Python object, without the GIL if there is so much to do.
template <class F>
auto without_gil_if(bool large, const F& f) {
  if (!large) return f();
  const nb::gil_scoped_release release;
  return f();
}

}  // namespace saccade::python

namespace nanobind::detail {

template <>
struct type_caster<saccade::python::Array> {
  NB_TYPE_CASTER(saccade::python::Array, const_name("Tensor | numpy.typing.NDArray[typing.Any]"))

  bool from_python(handle src, uint32_t flags, cleanup_list*) noexcept {
    if (isinstance<saccade::Tensor>(src)) {
      value.given = *inst_ptr<saccade::Tensor>(src);
      return true;
    }
    value.array = src;
    return (flags & cast_flags::convert) && ndarray_check(src) && !PyBytes_Check(src.ptr());
  }
};

template <>
struct type_caster<saccade::python::Operand> {
  NB_TYPE_CASTER(saccade::python::Operand, const_name("Tensor | float | numpy.typing.NDArray[typing.Any]"))

  bool from_python(handle src, uint32_t flags, cleanup_list* cleanup) noexcept {
    if (PyFloat_Check(src.ptr()) || PyLong_Check(src.ptr()) || saccade::python::is_numpy_scalar(src)) {
      value.number = PyFloat_AsDouble(src.ptr());
      if (*value.number != -1 || !PyErr_Occurred()) return true;
      PyErr_Clear();
      return false;
    }
    make_caster<saccade::python::Array> array;
    if (!array.from_python(src, flags, cleanup)) return false;
    value.array = array.value;
    return true;
  }
};

template <>
struct type_caster<saccade::python::DTypeName> {
  NB_TYPE_CASTER(saccade::python::DTypeName, const_name("numpy.typing.DTypeLike"))

  bool from_python(handle src, uint32_t, cleanup_list*) noexcept {
    value.given = src;
    return !src.is_none();
  }
  static handle from_cpp(saccade::python::DTypeName name, rv_policy, cleanup_list*) noexcept {
    return name.given.inc_ref();
  }
};

template <>
struct type_caster<saccade::python::Sizes> {
  NB_TYPE_CASTER(saccade::python::Sizes, const_name("int | collections.abc.Sequence[int]"))

  bool from_python(handle src, uint32_t flags, cleanup_list* cleanup) noexcept {
    if (PyIndex_Check(src.ptr())) {
      make_caster<std::int64_t> one;
      object index = steal(PyNumber_Index(src.ptr()));
      if (!index.is_valid()) PyErr_Clear();
      if (!index.is_valid() || !one.from_python(index, flags, cleanup)) return false;
      value.values = {one.value};
      return true;
    }
    make_caster<std::vector<std::int64_t>> several;
    if (!several.from_python(src, flags, cleanup)) return false;
    value.values = std::move(several.value);
    return true;
  }
};

template <>
struct type_caster<saccade::Shape> {
  NB_TYPE_CASTER(saccade::Shape, const_name("tuple[int, ...]"))

  static handle from_cpp(const saccade::Shape& shape, rv_policy, cleanup_list*) noexcept {
    PyObject* sizes = PyTuple_New(shape.size());
    for (std::int64_t d = 0; sizes != nullptr && d < shape.size(); ++d)
      PyTuple_SetItem(sizes, d, PyLong_FromLongLong(shape[d]));
    return sizes;
  }
};

}  // namespace nanobind::detail
