// Shapes and strides: short lists of integers that live inside a tensor's body, and need no memory of their
// own.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

namespace saccade {

/// The largest number of dimensions.
inline constexpr std::int64_t kMaxDim = 8;

/// A list of at most kMaxDim integers: a shape, strides, or a list of dimensions.
class Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<std::int64_t> values);
  explicit Shape(std::span<const std::int64_t> values);
  static Shape filled(std::int64_t size, std::int64_t value);

  std::int64_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::int64_t& operator[](std::int64_t i) { return values_[i]; }
  std::int64_t operator[](std::int64_t i) const { return values_[i]; }
  std::int64_t* begin() { return values_; }
  std::int64_t* end() { return values_ + size_; }
  const std::int64_t* begin() const { return values_; }
  const std::int64_t* end() const { return values_ + size_; }
  std::int64_t back() const { return values_[size_ - 1]; }

  /// Throws ShapeError when full.
  void push_back(std::int64_t value) { insert(size_, value); }
  void insert(std::int64_t at, std::int64_t value);
  void erase(std::int64_t at);

  bool operator==(const Shape& other) const {
    if (size_ != other.size_) return false;
    for (std::int64_t d = 0; d < size_; ++d) {
      if (values_[d] != other.values_[d]) return false;
    }
    return true;
  }

  /// The product of all entries: the number of elements of a tensor of this shape. Throws ShapeError where it
  /// could not be counted, be it without the sizes that are 0: strides and parts of it must have a number
  /// too.
  std::int64_t numel() const;
  /// "[2, 3]"
  std::string str() const;

 private:
  std::int64_t size_ = 0;
  std::int64_t values_[kMaxDim] = {};
};

using Strides = Shape;

/// Row-major strides of a contiguous tensor. Throws as numel().
Strides contiguous_strides(const Shape& shape);

/// `dim`, counted from the end if negative, as an index into `rank` dimensions. Throws ShapeError naming the
/// op.
std::int64_t wrap_dim(const char* op, std::int64_t dim, std::int64_t rank);

/// The shape that NumPy's broadcasting gives two shapes. Throws ShapeError naming the op and both shapes.
Shape broadcast_shapes(const char* op, const Shape& a, const Shape& b);

}  // namespace saccade
