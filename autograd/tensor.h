// Tensor: a value-semantics handle to an n-dimensional array, and to the graph that made it.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "autograd/dtype.h"
#include "autograd/pool.h"
#include "autograd/shape.h"
#include "base/rng.h"

namespace saccade {

struct Node;

/// A block of elements, which a tensor and its views share. Its version counts the writes to it: so the
/// engine notices that a tensor, saved for a gradient, has been overwritten since.
struct Storage {
  std::int32_t references = 0;
  std::uint32_t version = 0;
  std::int64_t bytes = 0;
  // Whether something else, such as a NumPy array, can write to the elements, which the version does not
  // count. Gradients then keep fingerprints of what they save.
  bool is_open = false;
  // Called with the owner when this storage goes, where the elements are somebody else's: see borrow().
  void (*give_back)(void* owner) = nullptr;
  void* owner = nullptr;
  void* data() { return reinterpret_cast<char*>(this) + 64; }
  static Ref<Storage> make(std::int64_t bytes);
  void destroy();
};

/// A tensor, as its handles share it. Offset and strides count elements.
struct TensorBody {
  std::int32_t references = 0;
  DType dtype = DType::f32;
  std::int64_t offset = 0;
  Shape shape;
  Strides strides;
  Ref<Storage> storage;
  Ref<Node> node;  // null for a constant
  // A leaf's sum of gradients from backward(), and a body with the same elements and node that graphs hold in
  // its place. The gradient may have a graph, which then does not hold the leaf that holds it.
  Ref<TensorBody> grad, stand_in;
  void destroy();
  /// Whether the graph of anything holds this leaf.
  bool is_on_graph() const;
  /// Puts this leaf's elements elsewhere, which must hold the same ones.
  void move_to(const Ref<Storage>& place, std::int64_t at);
  /// Exchanges what the handles stand for: elements, layout, dtype and node.
  void swap(TensorBody& other);
};

class Tensor {
 public:
  /// An undefined tensor: defined() is false, and what asks for its elements or its shape throws ShapeError.
  Tensor() = default;
  Tensor(const Tensor& other);
  Tensor(Tensor&&) noexcept = default;
  Tensor& operator=(const Tensor&) = default;
  Tensor& operator=(Tensor&&) noexcept = default;
  ~Tensor() = default;
  explicit Tensor(Ref<TensorBody> body) : body_(static_cast<Ref<TensorBody>&&>(body)) {}

  bool defined() const { return static_cast<bool>(body_); }
  const Shape& shape() const { return known().shape; }
  const Strides& strides() const { return known().strides; }
  std::int64_t dim() const { return shape().size(); }
  std::int64_t size(std::int64_t d) const { return shape()[wrap_dim("size", d, dim())]; }
  std::int64_t numel() const { return shape().numel(); }
  DType dtype() const { return known().dtype; }
  bool is_contiguous() const;

  /// Marks a leaf as one to differentiate with respect to; returns this handle. GradError on an op's result,
  /// DTypeError for i64.
  Tensor requires_grad_() const;
  /// Whether gradients flow to or through this tensor.
  bool requires_grad() const { return defined() && static_cast<bool>(body_->node); }
  /// Sends the gradient of this one-element tensor to every leaf below it, adding to their grad().
  void backward() const;
  /// The sum of this leaf's gradients from backward(); undefined before the first.
  Tensor grad() const;
  void zero_grad() const;
  /// Calls `hook` with this tensor's gradient in each backward pass, when it is whole. A tensor that the hook
  /// returns, of the same shape and dtype, takes the gradient's place; an undefined one leaves it. GradError
  /// if this tensor needs no gradient.
  void register_hook(std::function<Tensor(const Tensor&)> hook) const;
  /// The same elements without the graph.
  Tensor detach() const;

  /// The only element, as a double. ShapeError if there is not exactly one.
  double item() const;
  /// All elements in row-major order.
  std::vector<double> to_vector() const;

  /// The first element, to read through strides(). T must match dtype(): DTypeError if not.
  template <class T>
  const T* data() const {
    check_dtype(dtype_of<T>);
    return static_cast<const T*>(raw());
  }
  /// The same for writing. It counts as a write: gradients that saved this storage refuse to be taken.
  template <class T>
  T* mutable_data() const {
    check_dtype(dtype_of<T>);
    ++body_->storage->version;
    return static_cast<T*>(raw());
  }
  /// Overwrites the elements in place, outside any graph: GradError while one is being recorded on this
  /// tensor. The source may share memory with this tensor; it is read first.
  void copy_(const Tensor& source) const;
  void fill_(double value) const;

  /// The element at the offset, whatever the dtype.
  void* raw() const {
    return static_cast<char*>(known().storage->data()) + body_->offset * element_size(body_->dtype);
  }
  TensorBody* body() const { return body_.get(); }

 private:
  const TensorBody& known() const {
    if (!body_) [[unlikely]]
      refuse_undefined();
    return *body_;
  }
  [[noreturn]] static void refuse_undefined();
  void check_dtype(DType expected) const;
  Ref<TensorBody> body_;
};

using TensorList = PoolVector<Tensor>;

/// Elements and sizes, as NumPy prints them.
std::ostream& operator<<(std::ostream& out, const Tensor& x);
/// "f32 [2, 3]", for messages.
std::string describe(const Tensor& x);

/// Uninitialised elements.
Tensor empty(const Shape& shape, DType dtype = DType::f32);
Tensor full(const Shape& shape, double value, DType dtype = DType::f32);
Tensor zeros(const Shape& shape, DType dtype = DType::f32);
Tensor ones(const Shape& shape, DType dtype = DType::f32);
Tensor zeros_like(const Tensor& x);
Tensor ones_like(const Tensor& x);
/// A zero-dimensional tensor.
Tensor scalar(double value, DType dtype = DType::f32);
/// From values in row-major order; ShapeError if their number is not the shape's. For i64 they must be whole.
Tensor from_values(std::span<const double> values, const Shape& shape, DType dtype = DType::f32);
Tensor from_values(std::initializer_list<double> values, const Shape& shape, DType dtype = DType::f32);
/// 0, 1, ..., n - 1. DTypeError where the dtype cannot count so far: f32 has no odd numbers past 2^24.
Tensor arange(std::int64_t n, DType dtype = DType::f32);
Tensor eye(std::int64_t n, DType dtype = DType::f32);
/// Uniform on [low, high), and standard normal. ConfigError unless low <= high, and high - low is finite.
Tensor rand(const Shape& shape, Rng& rng, DType dtype = DType::f32, double low = 0, double high = 1);
Tensor randn(const Shape& shape, Rng& rng, DType dtype = DType::f32);

/// Elements that belong to something else, such as a NumPy array, whose owner may go on writing to them.
/// Strides count elements and are not negative; `elements` is aligned as the dtype is. give_back(owner) is
/// called once, by the thread that drops the last tensor on them.
Tensor borrow(void* elements, const Shape& shape, const Strides& strides, DType dtype, void* owner,
              void (*give_back)(void* owner));

/// A view of x's storage with another shape, strides and offset, outside any graph. For the view ops.
Tensor view_of(const Tensor& x, const Shape& shape, const Strides& strides, std::int64_t offset);

namespace detail {
/// Throws DTypeError unless the value is a whole number that the float counts exactly.
void check_whole(double value, DType as);

/// The number in another dtype. Rounded where both are floats; DTypeError where an integer would not stay the
/// same.
template <class To, class From>
To convert(From value) {
  if constexpr (std::is_integral_v<To> != std::is_integral_v<From>) {
    check_whole(static_cast<double>(value), sizeof(To) == 4 ? DType::f32 : DType::f64);
  }
  return static_cast<To>(value);
}

/// Set while an Edge copies a gradient closure: the tensors that the closure holds are noted here.
extern constinit thread_local PoolVector<TensorBody*>* captured;
/// Notes a tensor that is copied meanwhile, and says what the copy points at.
Ref<TensorBody> capture(const Ref<TensorBody>& body);
}  // namespace detail

inline Tensor::Tensor(const Tensor& other)
    : body_(detail::captured == nullptr ? other.body_ : detail::capture(other.body_)) {}

}  // namespace saccade
