// The element types, chosen at run time: two to compute in, and one for indices.
#pragma once

#include <cstdint>
#include <type_traits>

namespace saccade {

enum class DType : std::uint8_t { f32, f64, i64 };

constexpr const char* name(DType dtype) {
  return dtype == DType::f32 ? "f32" : dtype == DType::f64 ? "f64" : "i64";
}
/// Whether gradients flow through it, and ops compute in it. i64 holds indices: exactly, where a float would
/// round those past 2^24.
constexpr bool is_float(DType dtype) { return dtype != DType::i64; }
constexpr std::int64_t element_size(DType dtype) { return dtype == DType::f32 ? 4 : 8; }

template <class T>
constexpr DType dtype_of = std::is_integral_v<T> ? DType::i64
                           : sizeof(T) == 4      ? DType::f32
                                                 : DType::f64;

namespace detail {
/// Throws DTypeError: ops do not compute in i64.
[[noreturn]] void refuse_integers();
}  // namespace detail

/// Calls `f.template operator()<T>()` with the C++ type of `dtype`: visit(x.dtype(), [&]<class T>() { ... }).
/// DTypeError for i64.
template <class F>
decltype(auto) visit(DType dtype, F&& f) {
  if (dtype == DType::i64) [[unlikely]]
    detail::refuse_integers();
  return dtype == DType::f32 ? f.template operator()<float>() : f.template operator()<double>();
}

/// The same for every dtype: to move elements, not to compute with them.
template <class F>
decltype(auto) visit_any(DType dtype, F&& f) {
  return dtype == DType::i64 ? f.template operator()<std::int64_t>() : visit(dtype, f);
}

}  // namespace saccade
