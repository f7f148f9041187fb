#include "callbacks.h"

#include <fmt/format.h>

#include <string>

#include "base/error.h"

namespace saccade::python {

namespace {

thread_local NotePythonErrors* noting = nullptr;

[[noreturn]] void refuse(const char* what, nb::handle given) {
  throw nb::type_error(
      fmt::format("{}: {} is no tensor", what, nb::cast<std::string>(nb::repr(given))).c_str());
}

nb::object call(nb::handle f, const TensorList& x) {
  nb::list arguments = to_python(x);
  return f(*arguments);
}

}  // namespace

NotePythonErrors::NotePythonErrors() : outer_(noting) { noting = this; }
NotePythonErrors::~NotePythonErrors() { noting = outer_; }

void NotePythonErrors::note() {
  if (noting != nullptr && !noting->first_) noting->first_ = std::current_exception();
}

void NotePythonErrors::rethrow() const {
  if (first_) std::rethrow_exception(first_);
}

Tensor Callback::tensor(const TensorList& x) const {
  const nb::gil_scoped_acquire acquire;
  return NotePythonErrors::watch([&] {
    const nb::object y = call(function(), x);
    if (!nb::isinstance<Tensor>(y)) refuse("a function's result", y);
    return nb::cast<Tensor>(y);
  });
}

TensorList Callback::tensors(const TensorList& x) const {
  const nb::gil_scoped_acquire acquire;
  return NotePythonErrors::watch([&] { return to_list(call(function(), x), "a function's result"); });
}

Tensor Callback::tensor_or_undefined(const Tensor& x) const {
  const nb::gil_scoped_acquire acquire;
  return NotePythonErrors::watch([&] {
    const nb::object y = call(function(), {x});
    if (y.is_none()) return Tensor();
    if (!nb::isinstance<Tensor>(y)) refuse("a hook's result", y);
    return nb::cast<Tensor>(y);
  });
}

TensorList to_list(nb::handle tensors, const char* what) {
  TensorList list;
  if (nb::isinstance<Tensor>(tensors)) {
    list.push_back(nb::cast<Tensor>(tensors));
    return list;
  }
  if (!nb::isinstance<nb::sequence>(tensors)) refuse(what, tensors);
  for (const nb::handle x : tensors) {
    if (!nb::isinstance<Tensor>(x)) refuse(what, x);
    list.push_back(nb::cast<Tensor>(x));
  }
  return list;
}

nb::list to_python(const TensorList& tensors) {
  nb::list list;
  for (const Tensor& x : tensors) list.append(x);
  return list;
}

}  // namespace saccade::python
