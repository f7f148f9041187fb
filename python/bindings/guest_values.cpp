#include "guest_values.h"

#include <fmt/format.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <vector>

#include "envs/guest.h"

namespace saccade::python {

namespace {

std::string shape_text(const nb::ssize_t* shape, std::size_t n) {
  std::string text;
  for (std::size_t i = 0; i < n; ++i) text += fmt::format("{}{}", i == 0 ? "" : ", ", shape[i]);
  return fmt::format("({}{})", text, n == 1 ? "," : "");
}

// The elements of an array of f32 or f64 of the right shape; false for anything else.
bool read_array(const GuestFacts& facts, nb::handle given, std::span<double> out) {
  Py_buffer view;
  if (PyObject_CheckBuffer(given.ptr()) == 0) return false;
  if (PyObject_GetBuffer(given.ptr(), &view, PyBUF_FORMAT | PyBUF_C_CONTIGUOUS) != 0) {
    PyErr_Clear();
    return false;
  }
  const std::vector<nb::ssize_t>& shape = facts.observation_shape;
  const auto dims = static_cast<std::size_t>(view.ndim);
  const bool fits = dims == shape.size() && std::equal(shape.begin(), shape.end(), view.shape);
  const std::string_view format = view.format == nullptr ? "" : view.format;
  if (fits && format == "d") std::copy_n(static_cast<const double*>(view.buf), out.size(), out.begin());
  if (fits && format == "f") std::copy_n(static_cast<const float*>(view.buf), out.size(), out.begin());
  PyBuffer_Release(&view);
  return fits && (format == "d" || format == "f");
}

}  // namespace

void fail(const GuestFacts& facts, const std::string& what) {
  throw envs::GuestFailure(fmt::format("{}: {}", facts.spec.id, what));
}

bool is_finite(double x) { return std::isfinite(static_cast<float>(x)); }

void check_finite(const GuestFacts& facts, const char* what, std::span<const double> numbers) {
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (is_finite(numbers[i])) continue;
    fail(facts, fmt::format("{}[{}] is {}, expected a number that is finite in f32", what, i, numbers[i]));
  }
}

void check_choices(const GuestFacts& facts, std::span<const double> observations) {
  const auto* choices = std::get_if<envs::Discrete>(&facts.spec.observation_space);
  if (choices == nullptr) return;
  for (const double x : observations) {
    if (x >= 0 && x < static_cast<double>(choices->n) && x == std::floor(x)) continue;
    fail(facts,
         fmt::format("the observation is {}, expected {} to {}", x + static_cast<double>(choices->start),
                     choices->start, choices->start + choices->n - 1));
  }
}

nb::object call_method(nb::handle object, PyObject* name, PyObject* argument) {
  PyObject* const answer = argument == nullptr ? PyObject_CallMethodNoArgs(object.ptr(), name)
                                               : PyObject_CallMethodOneArg(object.ptr(), name, argument);
  if (answer == nullptr) throw nb::python_error();
  return nb::steal(answer);
}

PyObject* lasting_name(const char* name) { return PyUnicode_InternFromString(name); }

void read_observation(const GuestFacts& facts, nb::handle given, std::span<double> out) {
  if (const auto* discrete = std::get_if<envs::Discrete>(&facts.spec.observation_space)) {
    const nb::object index = nb::steal(PyNumber_Index(given.ptr()));
    if (!index.is_valid()) throw nb::python_error();
    out[0] = PyLong_AsDouble(index.ptr()) - static_cast<double>(discrete->start);
    if (PyErr_Occurred() != nullptr) throw nb::python_error();
    check_choices(facts, out);
    return;
  }
  if (!read_array(facts, given, out)) {  // of another dtype or layout, or no array at all
    const nb::object numpy = nb::module_::import_("numpy");
    const nb::object array = numpy.attr("ascontiguousarray")(given, numpy.attr("float64"));
    const auto shape = nb::cast<std::vector<nb::ssize_t>>(numpy.attr("shape")(given));
    if (!read_array(facts, array, out)) {
      fail(facts, fmt::format("the observation has the shape {}, expected {}",
                              shape_text(shape.data(), shape.size()),
                              shape_text(facts.observation_shape.data(), facts.observation_shape.size())));
    }
  }
  check_finite(facts, "observation", out);
}

nb::object to_action(const GuestFacts& facts, std::span<const double> action) {
  if (const auto* choices = std::get_if<envs::Discrete>(&facts.spec.action_space)) {
    return nb::int_(static_cast<std::int64_t>(action[0]) + choices->start);
  }
  static PyObject* const copy = lasting_name("copy");
  nb::object array = call_method(facts.action, copy);
  Py_buffer view;
  if (PyObject_GetBuffer(array.ptr(), &view, PyBUF_FORMAT | PyBUF_WRITABLE | PyBUF_C_CONTIGUOUS) != 0) {
    throw nb::python_error();
  }
  const std::string_view format = view.format;
  if (format == "d") std::copy(action.begin(), action.end(), static_cast<double*>(view.buf));
  if (format == "f") {
    std::transform(action.begin(), action.end(), static_cast<float*>(view.buf),
                   [](double x) { return static_cast<float>(x); });
  }
  PyBuffer_Release(&view);
  return facts.finish.is_none() ? array : facts.finish(array);
}

}  // namespace saccade::python
