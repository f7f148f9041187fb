#include "rl/components/rows.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"

namespace saccade::rl {

Tensor to_rows(std::string_view what, std::span<const double> values, std::int64_t width, DType dtype) {
  const auto size = static_cast<std::int64_t>(values.size());
  if (size == 0 || size % width != 0) {
    throw ShapeError(
        fmt::format("act: {} of {} numbers given, expected a multiple of {}", what, size, width));
  }
  return from_values(values, {size / width, width}, dtype);
}

void copy_rows(std::string_view what, const Tensor& rows, std::span<double> out) {
  if (rows.numel() != static_cast<std::int64_t>(out.size())) {
    throw ShapeError(
        fmt::format("act: room for {} of {} numbers given, expected {}", what, out.size(), rows.numel()));
  }
  visit_any(rows.dtype(), [&]<class T>() { std::copy_n(rows.data<T>(), out.size(), out.begin()); });
}

}  // namespace saccade::rl
