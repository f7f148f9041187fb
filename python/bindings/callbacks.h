// Python's functions, as the engine calls them.
#pragma once

#include <nanobind/nanobind.h>

#include <exception>
#include <memory>

#include "autograd/tensor.h"

namespace saccade::python {

namespace nb = nanobind;

/// A Python function that C++ may keep, copy, call and drop in any thread and without the GIL, which it takes
/// where it needs it. What the function raises goes through C++ as nb::python_error, and arrives in Python
/// as it was.
class Callback {
 public:
  explicit Callback(nb::object f)
      : f_(f.release().ptr(), [](PyObject* object) {
          if (!nb::is_alive()) return;  // Python has ended, and its objects with it
          const nb::gil_scoped_acquire acquire;
          Py_DECREF(object);
        }) {}

  nb::handle function() const { return f_.get(); }

  /// f(*x), which must be a tensor, or one or several.
  Tensor tensor(const TensorList& x) const;
  TensorList tensors(const TensorList& x) const;
  /// f(x), which may also be None: then undefined.
  Tensor tensor_or_undefined(const Tensor& x) const;
  /// f(), which must be a tensor.
  Tensor operator()() const { return tensor({}); }

 private:
  std::shared_ptr<PyObject> f_;
};

/// While alive, notes the first exception of a Python function called by this thread, for what turns
/// exceptions into results of its own.
class NotePythonErrors {
 public:
  NotePythonErrors();
  ~NotePythonErrors();
  NotePythonErrors(const NotePythonErrors&) = delete;
  NotePythonErrors& operator=(const NotePythonErrors&) = delete;
  /// Throws it, if there was one.
  void rethrow() const;

  /// Calls f, and notes what Python raises in it.
  template <class F>
  static auto watch(const F& f) {
    try {
      return f();
    } catch (const nb::python_error&) {
      note();
      throw;
    }
  }

 private:
  static void note();
  std::exception_ptr first_;
  NotePythonErrors* outer_;
};

/// A tensor or a sequence of them.
TensorList to_list(nb::handle tensors, const char* what);
/// Elements for Python.
nb::list to_python(const TensorList& tensors);

inline Tensor with_grad(Tensor x, bool requires_grad) {
  if (requires_grad) x.requires_grad_();
  return x;
}

}  // namespace saccade::python
