// What the files of ops share.
#pragma once

#include <algorithm>
#include <cstdint>

#include "bindings.h"
#include "casters.h"

namespace saccade::python {

using Class = nb::class_<Tensor>;

// Defines a function and a method of one name.
struct Both {
  nb::module_& m;
  Class& tensor;

  template <class F, class... Extra>
  void operator()(const char* name, F f, const char* first, const Extra&... extra) const {
    m.def(name, f, nb::arg(first), extra...);
    tensor.def(name, f, extra...);
  }
};

template <class F>
auto run(std::int64_t elements, const F& f) {
  return without_gil_if(elements > kLarge, f);
}

/// As torch.matmul.
Tensor matmul_any(const Array& a, const Array& b);

/// +, -, comparisons, ... and the functions of the same names.
void bind_operators(const Both& def);

}  // namespace saccade::python
