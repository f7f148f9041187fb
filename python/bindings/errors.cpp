// saccade::Error and what derives from it, as Python's exceptions of the same names.
#include <fmt/format.h>

#include <exception>

#include "base/error.h"
#include "bindings.h"

namespace saccade::python {

namespace nb = nanobind;

namespace {

// Kept for ever, as the module is.
struct {
  PyObject *base, *shape, *dtype, *grad, *config, *format;
} types;

PyObject* make(nb::module_& m, const char* name, const char* doc, nb::object bases) {
  const std::string full = fmt::format("saccade.{}", name);
  nb::object type = nb::steal(PyErr_NewExceptionWithDoc(full.c_str(), doc, bases.ptr(), nullptr));
  if (!type.is_valid()) throw nb::python_error();
  m.attr(name) = type;
  return type.release().ptr();
}

void translate(const std::exception_ptr& error, void*) {
  const auto raise = [](PyObject* type, const Error& e) { PyErr_SetString(type, e.what()); };
  try {
    std::rethrow_exception(error);
  } catch (const ShapeError& e) {
    raise(types.shape, e);
  } catch (const DTypeError& e) {
    raise(types.dtype, e);
  } catch (const GradError& e) {
    raise(types.grad, e);
  } catch (const ConfigError& e) {
    raise(types.config, e);
  } catch (const FormatError& e) {
    raise(types.format, e);
  } catch (const Error& e) {
    raise(types.base, e);
  }
}

}  // namespace

void bind_errors(nb::module_& m) {
  types.base = make(m, "Error", "The base of everything that Saccade raises.", nb::borrow(PyExc_Exception));
  const auto derived = [&](const char* name, const char* doc, PyObject* builtin) {
    return make(m, name, doc, nb::make_tuple(nb::borrow(types.base), nb::borrow(builtin)));
  };
  types.shape =
      derived("ShapeError", "Shapes, dimensions or indices that do not fit the op.", PyExc_ValueError);
  types.dtype = derived("DTypeError", "Dtypes mixed, or one that the op does not take.", PyExc_TypeError);
  types.grad =
      derived("GradError",
              "A derivative that cannot be taken: no graph, a graph already released, a saved tensor "
              "overwritten.",
              PyExc_RuntimeError);
  types.config =
      derived("ConfigError", "A name or setting that is unknown or out of range.", PyExc_ValueError);
  types.format = derived("FormatError", "A file that is missing, truncated or not in the expected format.",
                         PyExc_ValueError);
  nb::register_exception_translator(translate);
}

}  // namespace saccade::python
