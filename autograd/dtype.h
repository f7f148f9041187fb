// The two element types, chosen at run time.
#pragma once

#include <cstdint>

namespace saccade {

enum class DType : std::uint8_t { f32, f64 };

constexpr const char* name(DType dtype) { return dtype == DType::f32 ? "f32" : "f64"; }
constexpr std::int64_t element_size(DType dtype) { return dtype == DType::f32 ? 4 : 8; }

template <class T>
constexpr DType dtype_of = sizeof(T) == 4 ? DType::f32 : DType::f64;

/// Calls `f.template operator()<T>()` with the C++ type of `dtype`: visit(x.dtype(), [&]<class T>() { ... }).
template <class F>
decltype(auto) visit(DType dtype, F&& f) {
  return dtype == DType::f32 ? f.template operator()<float>() : f.template operator()<double>();
}

}  // namespace saccade
