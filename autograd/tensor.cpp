#include "autograd/tensor.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <new>
#include <ostream>

#include "autograd/grad.h"
#include "autograd/kernels/copy.h"
#include "autograd/modes.h"
#include "autograd/node.h"
#include "base/error.h"

namespace saccade {

Ref<Storage> Storage::make(std::int64_t bytes) {
  auto* storage = new (pool::allocate(static_cast<std::size_t>(bytes) + 64)) Storage;
  storage->bytes = bytes;
  return Ref(storage);
}

void Storage::destroy() {
  const auto total = static_cast<std::size_t>(bytes) + 64;
  if (give_back != nullptr) give_back(owner);
  this->~Storage();
  pool::release(this, total);
}

void TensorBody::destroy() {
  if (node && node->leaf == this) node->leaf = nullptr;
  this->~TensorBody();
  pool::release(this, sizeof(TensorBody));
}

bool TensorBody::is_on_graph() const {
  const std::int32_t own = stand_in ? 2 : 1;
  return node && std::atomic_ref(node->references).load() > own;
}

void TensorBody::move_to(const Ref<Storage>& place, std::int64_t at) {
  storage = place;
  offset = at;
  if (stand_in) stand_in->move_to(place, at);
}

void TensorBody::swap(TensorBody& other) {
  std::swap(dtype, other.dtype);
  std::swap(offset, other.offset);
  std::swap(shape, other.shape);
  std::swap(strides, other.strides);
  std::swap(storage, other.storage);
  std::swap(node, other.node);
}

namespace {

Ref<TensorBody> make_body() { return Ref(new (pool::allocate(sizeof(TensorBody))) TensorBody); }

void check_in_place(const char* op, const Tensor& x) {
  if (x.requires_grad() && grad_enabled()) {
    throw GradError(
        fmt::format("{}: writing in place to a tensor that needs a gradient ({}) while the graph is "
                    "being recorded; do it within a NoGrad scope or on x.detach()",
                    op, describe(x)));
  }
}

}  // namespace

void detail::refuse_integers() {
  throw DTypeError("an i64 tensor holds indices, and no op computes with those; convert it with to()");
}

void detail::check_whole(double value, DType as) {
  // Whole numbers up to here have neighbours in the float that are as near as they can be.
  const double limit = as == DType::f32 ? 0x1p24 : 0x1p53 - 1;
  if (value == std::floor(value) && std::abs(value) <= limit) return;
  throw DTypeError(fmt::format("to i64 or from it: {} is not a whole number that {} counts exactly, up to {}",
                               value, name(as), limit));
}

void Tensor::refuse_undefined() {
  throw ShapeError("an undefined tensor has no elements, shape or dtype; assign one that does first");
}

bool Tensor::is_contiguous() const {
  std::int64_t expected = 1;
  for (std::int64_t d = dim() - 1; d >= 0; --d) {
    if (shape()[d] != 1 && strides()[d] != expected) return numel() == 0;
    expected *= shape()[d];
  }
  return true;
}

Tensor Tensor::requires_grad_() const {
  if (requires_grad()) {
    if (!body_->node->is_leaf()) {
      throw GradError(
          fmt::format("requires_grad_: this tensor is the result of '{}', not a leaf; gradients flow "
                      "through it already",
                      body_->node->op));
    }
    return *this;
  }
  if (!is_float(dtype())) {
    throw DTypeError(
        fmt::format("requires_grad_: a tensor of integers ({}) has no gradient", describe(*this)));
  }
  Tensor stand_in = detach();
  body_->node = stand_in.body_->node = Node::make("leaf", *this);
  body_->node->leaf = body_.get();
  body_->stand_in = std::move(stand_in.body_);
  return *this;
}

void Tensor::backward() const { saccade::backward(*this); }

Tensor Tensor::grad() const {
  if (!requires_grad()) {
    throw GradError(
        fmt::format("grad: this tensor ({}) does not need a gradient; call requires_grad_() on it "
                    "before it is used",
                    describe(*this)));
  }
  const TensorBody* leaf = body_->node->leaf;
  return leaf == nullptr ? Tensor() : Tensor(leaf->grad);
}

void Tensor::zero_grad() const {
  if (requires_grad() && body_->node->leaf != nullptr) body_->node->leaf->grad = {};
}

void Tensor::register_hook(std::function<Tensor(const Tensor&)> hook) const {
  if (!requires_grad()) {
    throw GradError(fmt::format("register_hook: this tensor ({}) does not need a gradient", describe(*this)));
  }
  body_->node->hooks.push_back(std::move(hook));
}

Tensor Tensor::detach() const {
  const Shape& same = shape();  // throws for an undefined tensor
  return view_of(*this, same, strides(), body_->offset);
}

double Tensor::item() const {
  if (numel() != 1) {
    throw ShapeError(fmt::format("item: expected a tensor of one element, got shape {}", shape().str()));
  }
  return visit_any(dtype(), [&]<class T>() { return static_cast<double>(*data<T>()); });
}

std::vector<double> Tensor::to_vector() const {
  std::vector<double> values(static_cast<std::size_t>(numel()));
  visit_any(dtype(), [&]<class T>() {
    Tensor row_major = empty(shape(), dtype());
    row_major.copy_(detach());
    const T* from = row_major.data<T>();
    std::transform(from, from + values.size(), values.begin(), [](T v) { return static_cast<double>(v); });
  });
  return values;
}

void Tensor::check_dtype(DType expected) const {
  if (expected != dtype()) {
    throw DTypeError(fmt::format("data: the tensor is {}, asked for {}", name(dtype()), name(expected)));
  }
}

void Tensor::copy_(const Tensor& source) const {
  check_in_place("copy_", *this);
  const bool fits = source.defined() && source.shape() == shape();
  if (!fits || source.dtype() != dtype()) {
    const std::string message =
        fmt::format("copy_: the source is {}, expected {}", describe(source), describe(*this));
    if (fits) throw DTypeError(message);
    throw ShapeError(message);
  }
  for (std::int64_t d = 0; d < dim(); ++d) {
    if (strides()[d] != 0 || shape()[d] <= 1 || numel() == 0) continue;
    throw ShapeError(fmt::format(
        "copy_: the elements of {} share memory along dimension {}, which was expanded", describe(*this), d));
  }
  const bool shared = source.body_->storage.get() == body_->storage.get();
  if (shared && source.body_->offset == body_->offset && source.strides() == strides()) return;
  if (shared) {  // elements of the source must not be overwritten before they are read
    const Tensor apart = empty(shape(), dtype());
    apart.copy_(source.detach());
    copy_(apart);
    return;
  }
  visit_any(dtype(), [&]<class T>() {
    kernels::copy(shape(), source.data<T>(), source.strides(), mutable_data<T>(), strides());
  });
}

void Tensor::fill_(double value) const {
  check_in_place("fill_", *this);
  visit_any(dtype(), [&]<class T>() {
    const T element = detail::convert<T>(value);
    kernels::copy(shape(), &element, Shape::filled(dim(), 0), mutable_data<T>(), strides());
  });
}

Tensor view_of(const Tensor& x, const Shape& shape, const Strides& strides, std::int64_t offset) {
  Ref<TensorBody> body = make_body();
  body->dtype = x.dtype();
  body->offset = offset;
  body->shape = shape;
  body->strides = strides;
  body->storage = x.body()->storage;
  return Tensor(std::move(body));
}

Tensor borrow(void* elements, const Shape& shape, const Strides& strides, DType dtype, void* owner,
              void (*give_back)(void* owner)) {
  Ref<Storage> storage = Storage::make(0);
  storage->is_open = true;
  Ref<TensorBody> body = make_body();
  body->dtype = dtype;
  // The storage has no elements of its own: the offset leads from where they would be to where these are.
  body->offset = (static_cast<char*>(elements) - static_cast<char*>(storage->data())) / element_size(dtype);
  body->shape = shape;
  body->strides = strides;
  storage->owner = owner;
  storage->give_back = give_back;
  body->storage = std::move(storage);
  return Tensor(std::move(body));
}

Tensor empty(const Shape& shape, DType dtype) {
  for (const std::int64_t n : shape) {
    if (n < 0) throw ShapeError(fmt::format("empty: the shape {} has a negative size", shape.str()));
  }
  Ref<TensorBody> body = make_body();
  body->dtype = dtype;
  body->shape = shape;
  body->strides = contiguous_strides(shape);
  body->storage = Storage::make(shape.numel() * element_size(dtype));
  return Tensor(std::move(body));
}

Tensor full(const Shape& shape, double value, DType dtype) {
  Tensor x = empty(shape, dtype);
  visit_any(dtype,
            [&]<class T>() { std::fill_n(x.mutable_data<T>(), x.numel(), detail::convert<T>(value)); });
  return x;
}

Tensor zeros(const Shape& shape, DType dtype) { return full(shape, 0, dtype); }
Tensor ones(const Shape& shape, DType dtype) { return full(shape, 1, dtype); }
Tensor zeros_like(const Tensor& x) { return zeros(x.shape(), x.dtype()); }
Tensor ones_like(const Tensor& x) { return ones(x.shape(), x.dtype()); }
Tensor scalar(double value, DType dtype) { return full({}, value, dtype); }

Tensor from_values(std::span<const double> values, const Shape& shape, DType dtype) {
  if (static_cast<std::int64_t>(values.size()) != shape.numel()) {
    throw ShapeError(fmt::format("from_values: {} values given for shape {}, which holds {}", values.size(),
                                 shape.str(), shape.numel()));
  }
  Tensor x = empty(shape, dtype);
  visit_any(dtype, [&]<class T>() {
    std::transform(values.begin(), values.end(), x.mutable_data<T>(),
                   [](double v) { return detail::convert<T>(v); });
  });
  return x;
}

Tensor from_values(std::initializer_list<double> values, const Shape& shape, DType dtype) {
  return from_values(std::span(values.begin(), values.size()), shape, dtype);
}

Tensor arange(std::int64_t n, DType dtype) {
  if (dtype == DType::f32 && n > (std::int64_t{1} << 24) + 1) {
    throw DTypeError(fmt::format("arange: f32 cannot count to {}; expected f64 or i64", n - 1));
  }
  Tensor x = empty({n}, dtype);
  visit_any(dtype, [&]<class T>() {
    T* out = x.mutable_data<T>();
    for (std::int64_t i = 0; i < n; ++i) out[i] = static_cast<T>(i);
  });
  return x;
}

Tensor eye(std::int64_t n, DType dtype) {
  Tensor x = zeros({n, n}, dtype);
  view_of(x, {n}, {n + 1}, 0).fill_(1);
  return x;
}

Tensor rand(const Shape& shape, Rng& rng, DType dtype, double low, double high) {
  if (!(low <= high && std::isfinite(high - low))) {
    throw ConfigError(
        fmt::format("rand: low is {} and high {}, expected low <= high, both finite", low, high));
  }
  Tensor x = empty(shape, dtype);
  const auto n = static_cast<std::size_t>(x.numel());
  visit(dtype, [&]<class T>() { rng.fill_uniform(std::span(x.mutable_data<T>(), n), low, high); });
  return x;
}

Tensor randn(const Shape& shape, Rng& rng, DType dtype) {
  Tensor x = empty(shape, dtype);
  const auto n = static_cast<std::size_t>(x.numel());
  visit(dtype, [&]<class T>() { rng.fill_normal(std::span(x.mutable_data<T>(), n)); });
  return x;
}

std::string describe(const Tensor& x) {
  if (!x.defined()) return "undefined";
  return fmt::format("{} {}", name(x.dtype()), x.shape().str());
}

namespace {

// One bracketed level per dimension; long ones show their first and last three entries.
void print(std::ostream& out, std::span<const double> values, std::span<const std::int64_t> shape, int indent,
           bool whole) {
  if (shape.empty()) {
    out << (whole ? fmt::format("{:.0f}", values[0]) : fmt::format("{:.6g}", values[0]));
    return;
  }
  constexpr std::int64_t kEdge = 3, kMaxShown = 2 * kEdge + 2;
  const std::int64_t n = shape[0];
  const std::size_t stride = n == 0 ? 0 : values.size() / static_cast<std::size_t>(n);
  out << '[';
  for (std::int64_t i = 0; i < n; ++i) {
    if (i > 0)
      out << (shape.size() == 1 ? ", " : ",\n" + std::string(static_cast<std::size_t>(indent) + 1, ' '));
    if (n > kMaxShown && i == kEdge) {
      out << "...";
      i = n - kEdge - 1;
      continue;
    }
    print(out, values.subspan(static_cast<std::size_t>(i) * stride, stride), shape.subspan(1), indent + 1,
          whole);
  }
  out << ']';
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const Tensor& x) {
  if (!x.defined()) return out << "Tensor(undefined)";
  const std::vector<double> values = x.to_vector();
  print(out, values, std::span(x.shape().begin(), static_cast<std::size_t>(x.dim())), 0,
        !is_float(x.dtype()));
  return out << "  " << describe(x);
}

}  // namespace saccade
