#include "autograd/shape.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/error.h"

namespace saccade {

namespace {

void check_room(std::int64_t size) {
  if (size > kMaxDim) {
    throw ShapeError(fmt::format("a shape has {} dimensions; at most {} are supported", size, kMaxDim));
  }
}

}  // namespace

Shape::Shape(std::initializer_list<std::int64_t> values) : Shape(std::span(values.begin(), values.size())) {}

Shape::Shape(std::span<const std::int64_t> values) : size_(static_cast<std::int64_t>(values.size())) {
  check_room(size_);
  std::copy(values.begin(), values.end(), values_);
}

Shape Shape::filled(std::int64_t size, std::int64_t value) {
  check_room(size);
  Shape shape;
  shape.size_ = size;
  std::fill_n(shape.values_, size, value);
  return shape;
}

void Shape::insert(std::int64_t at, std::int64_t value) {
  check_room(size_ + 1);
  std::copy_backward(values_ + at, values_ + size_, values_ + size_ + 1);
  values_[at] = value;
  ++size_;
}

void Shape::erase(std::int64_t at) {
  std::copy(values_ + at + 1, values_ + size_, values_ + at);
  --size_;
}

namespace {

constexpr std::int64_t kMaxElements = std::int64_t{1} << 59;  // so that bytes can be counted too

// The product, where it may be 0 or too large: other sizes than 0 count though there is one, for strides.
std::int64_t checked_product(const Shape& shape) {
  std::int64_t product = 1;
  bool empty = false;
  for (const std::int64_t n : shape) {
    if (n == 0) {
      empty = true;
    } else if (__builtin_mul_overflow(product, n, &product) || product > kMaxElements ||
               product < -kMaxElements) {
      throw ShapeError(fmt::format("a tensor of shape {} would have too many elements", shape.str()));
    }
  }
  return empty ? 0 : product;
}

}  // namespace

// Called for every tensor that is made, so the usual case is one multiplication a dimension.
std::int64_t Shape::numel() const {
  std::int64_t product = 1;
  bool overflows = false;
  for (const std::int64_t n : *this) overflows |= __builtin_mul_overflow(product, n, &product);
  if (overflows || product <= 0 || product > kMaxElements) return checked_product(*this);
  return product;
}

std::string Shape::str() const { return fmt::format("[{}]", fmt::join(begin(), end(), ", ")); }

Strides contiguous_strides(const Shape& shape) {
  static_cast<void>(shape.numel());  // so that no stride overflows
  Strides strides = Shape::filled(shape.size(), 1);
  for (std::int64_t d = shape.size() - 2; d >= 0; --d) strides[d] = strides[d + 1] * shape[d + 1];
  return strides;
}

std::int64_t wrap_dim(const char* op, std::int64_t dim, std::int64_t rank) {
  if (dim >= -rank && dim < rank) return dim < 0 ? dim + rank : dim;
  if (rank == 0) throw ShapeError(fmt::format("{}: dim {} given, but the tensor has no dimensions", op, dim));
  throw ShapeError(fmt::format("{}: dim {} is out of range; expected {} to {} for a tensor of {} dimension{}",
                               op, dim, -rank, rank - 1, rank, rank == 1 ? "" : "s"));
}

Shape broadcast_shapes(const char* op, const Shape& a, const Shape& b) {
  if (a == b) return a;
  Shape result = Shape::filled(std::max(a.size(), b.size()), 1);
  for (std::int64_t d = 1; d <= result.size(); ++d) {  // counted from the last dimension
    const std::int64_t n = d <= a.size() ? a[a.size() - d] : 1;
    const std::int64_t m = d <= b.size() ? b[b.size() - d] : 1;
    if (n != m && n != 1 && m != 1) {
      throw ShapeError(fmt::format("{}: shapes {} and {} do not broadcast: {} against {} in dimension -{}",
                                   op, a.str(), b.str(), n, m, d));
    }
    result[result.size() - d] = n == 1 ? m : n;
  }
  return result;
}

}  // namespace saccade
