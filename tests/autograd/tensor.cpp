// Tensors as values and views: factories, layouts, broadcasting, conversion, printing.
#include "autograd/tensor.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "autograd/ops.h"
#include "base/error.h"
#include "tests/support/catch.h"

using namespace saccade;
using Catch::Contains;

namespace {

using Values = std::vector<double>;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

bool shares_storage(const Tensor& a, const Tensor& b) {
  return a.body()->storage.get() == b.body()->storage.get();
}

std::string printed(const Tensor& x) {
  std::ostringstream out;
  out << x;
  return out.str();
}

// Calls f(index) for every index of the shape, in row-major order.
template <class F>
void for_each_index(const Shape& shape, const F& f) {
  if (shape.numel() == 0) return;
  Shape index = Shape::filled(shape.size(), 0);
  while (true) {
    f(index);
    std::int64_t d = shape.size() - 1;
    for (; d >= 0 && ++index[d] == shape[d]; --d) index[d] = 0;
    if (d < 0) return;
  }
}

// Where in the storage each element lies, in row-major order: from offset and strides alone.
std::vector<std::int64_t> addresses(const Tensor& x) {
  std::vector<std::int64_t> all;
  for_each_index(x.shape(), [&](const Shape& index) {
    std::int64_t at = x.body()->offset;
    for (std::int64_t d = 0; d < x.dim(); ++d) at += index[d] * x.strides()[d];
    all.push_back(at);
  });
  return all;
}

Values read_by_strides(const Tensor& x) {
  Values values;
  const auto* first = static_cast<const double*>(x.body()->storage->data());
  for (const std::int64_t at : addresses(x)) values.push_back(first[at]);
  return values;
}

// Whether strides exist that show these addresses in this shape: the stride of a dimension can only be the
// distance between its first two elements.
bool can_be_view(const std::vector<std::int64_t>& at, const Shape& shape) {
  const Strides row_major = contiguous_strides(shape);
  Strides strides = Shape::filled(shape.size(), 0);
  for (std::int64_t d = 0; d < shape.size(); ++d) {
    if (shape[d] > 1) strides[d] = at[static_cast<std::size_t>(row_major[d])] - at[0];
  }
  std::size_t i = 0;
  bool fits = true;
  for_each_index(shape, [&](const Shape& index) {
    std::int64_t expected = at[0];
    for (std::int64_t d = 0; d < shape.size(); ++d) expected += index[d] * strides[d];
    fits = fits && at[i++] == expected;
  });
  return fits;
}

std::int64_t below(Rng& rng, std::int64_t n) {
  return static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(n)));
}

// A view of a random shape and layout.
Tensor random_layout(Rng& rng) {
  Shape shape;
  const std::int64_t sizes[] = {1, 2, 3, 4, 6};
  for (std::int64_t d = below(rng, 4); d >= 0; --d) shape.push_back(sizes[below(rng, 5)]);
  Tensor x = reshape(arange(shape.numel(), DType::f64), shape);
  for (std::int64_t steps = below(rng, 5); steps > 0; --steps) {
    const std::int64_t d = x.dim() == 0 ? 0 : below(rng, x.dim());
    switch (below(rng, 5)) {
      case 0:
        if (x.dim() > 0) x = transpose(x, d, below(rng, x.dim()));
        break;
      case 1:
        if (x.dim() > 0 && x.size(d) > 0)
          x = slice(x, d, below(rng, x.size(d)), x.size(d), 1 + below(rng, 2));
        break;
      case 2:
        if (x.dim() < 5) x = unsqueeze(x, below(rng, x.dim() + 1));
        break;
      case 3:
        if (x.dim() > 0 && x.size(d) == 1) {
          Shape wide = x.shape();
          wide[d] = 1 + below(rng, 3);
          x = expand(x, wide);
        }
        break;
      default:
        if (x.dim() > 0) x = select(x, d, below(rng, x.size(d)));
        break;
    }
  }
  return x;
}

// The n elements cut up at random, with some dimensions of size 1 in between.
Shape random_shape(std::int64_t n, Rng& rng) {
  Shape shape;
  while (shape.size() < kMaxDim - 1 && (n > 1 || below(rng, 2) == 0)) {
    std::int64_t factor = 1 + below(rng, n);
    while (n % factor != 0) --factor;
    if (factor == 1 && below(rng, 3) > 0) continue;
    shape.push_back(factor);
    n /= factor;
  }
  if (n > 1) shape.push_back(n);
  return shape;
}

// Where Python's x[start:stop:step] reads.
Values python_slice(std::int64_t n, std::int64_t start, std::int64_t stop, std::int64_t step) {
  const auto bound = [n](std::int64_t i) {
    return i < 0 ? std::max<std::int64_t>(i + n, 0) : std::min(i, n);
  };
  Values at;
  for (std::int64_t i = bound(start); i < bound(stop); i += step) at.push_back(static_cast<double>(i));
  return at;
}

}  // namespace

TEST_CASE("factories give the values, shape and dtype asked for", "[tensor]") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    CHECK(zeros({2, 2}, dtype).to_vector() == Values{0, 0, 0, 0});
    CHECK(ones({3}, dtype).to_vector() == Values{1, 1, 1});
    CHECK(full({2}, -2.5, dtype).to_vector() == Values{-2.5, -2.5});
    CHECK(scalar(7, dtype).shape() == Shape{});
    CHECK(scalar(7, dtype).item() == 7);
    CHECK(arange(4, dtype).to_vector() == Values{0, 1, 2, 3});
    CHECK(eye(2, dtype).to_vector() == Values{1, 0, 0, 1});
    CHECK(from_values({1, 2, 3, 4, 5, 6}, {2, 3}, dtype).shape() == Shape{2, 3});
    CHECK(zeros_like(ones({2, 1}, dtype)).shape() == Shape{2, 1});
    CHECK(ones_like(zeros({2, 1}, dtype)).dtype() == dtype);
    CHECK(empty({2, 3}, dtype).dtype() == dtype);
    Rng rng(1), same(1);
    const Tensor u = rand({100}, rng, dtype, 2, 3);
    const Values values = u.to_vector();
    CHECK(std::all_of(values.begin(), values.end(), [](double x) { return x >= 2 && x < 3; }));
    CHECK(rand({100}, same, dtype, 2, 3).to_vector() == values);
    CHECK(randn({3, 5}, rng, dtype).shape() == Shape{3, 5});
  }
  CHECK(zeros({1}).dtype() == DType::f32);
  CHECK_THROWS_WITH(from_values({1, 2}, {3}),
                    Contains("from_values") && Contains("2 values") && Contains("[3]"));
  CHECK_THROWS_WITH(zeros({2, -1}), Contains("[2, -1]") && Contains("negative"));
  CHECK_THROWS_AS(eye(-1), ShapeError);
  CHECK_THROWS_AS(arange(-1), ShapeError);
  CHECK_THROWS_AS(zeros({std::int64_t{1} << 40, std::int64_t{1} << 40}), ShapeError);  // 2^80 elements
}

TEST_CASE("a shape holds at most kMaxDim sizes", "[tensor]") {
  const Shape full = Shape::filled(kMaxDim, 1);
  CHECK(ones(full).dim() == kMaxDim);
  CHECK(sum(ones(full)).item() == 1);
  CHECK(permute(ones(full), {7, 6, 5, 4, 3, 2, 1, 0}).shape() == full);
  CHECK_THROWS_AS(Shape({1, 1, 1, 1, 1, 1, 1, 1, 1}), ShapeError);
  CHECK_THROWS_AS(unsqueeze(ones(full), 0), ShapeError);
  CHECK_THROWS_WITH(unsqueeze(ones(full), 0), Contains("9 dimensions") && Contains("at most 8"));
  CHECK_THROWS_AS(stack({ones(full), ones(full)}, 0), ShapeError);
  CHECK_THROWS_AS(one_hot(ones(full), 2), ShapeError);
}

TEST_CASE("views share storage and copies do not", "[tensor]") {
  const Tensor x = reshape(arange(24, DType::f64), {2, 3, 4});
  for (const Tensor& view :
       {reshape(x, {6, 4}), transpose(x), permute(x, {2, 0, 1}), slice(x, 1, 1, 3), select(x, 0, 1),
        unsqueeze(x, 0), flatten(x), squeeze(reshape(x, {1, 24}), 0), x.detach(), expand(x, {5, 2, 3, 4}),
        split(x, {1, 3}, 2)[1], chunk(x, 2, 2)[0], contiguous(x), to(x, DType::f64)}) {
    CHECK(shares_storage(view, x));
  }
  for (const Tensor& copy : {contiguous(transpose(x)), to(x, DType::f32), cat({x}, 0), flip(x, {0}),
                             reshape(transpose(x), {24}), x + 0}) {
    CHECK_FALSE(shares_storage(copy, x));
    CHECK(copy.is_contiguous());
  }
  // A write through a view is seen by all.
  select(slice(x, 1, 1, 2), 0, 1).fill_(-1);
  CHECK(slice(reshape(x, {24}), 0, 15, 21).to_vector() == Values{15, -1, -1, -1, -1, 20});
}

TEST_CASE("strides say how a view walks its storage", "[tensor]") {
  const Tensor x = zeros({2, 3, 4});
  CHECK(x.strides() == Strides{12, 4, 1});
  CHECK(transpose(x).strides() == Strides{12, 1, 4});
  CHECK(permute(x, {2, 0, 1}).strides() == Strides{1, 12, 4});
  CHECK(slice(x, 2, 1, 4, 2).strides() == Strides{12, 4, 2});
  CHECK(slice(x, 2, 1, 4, 2).body()->offset == 1);
  CHECK(select(x, 1, -1).strides() == Strides{12, 1});
  CHECK(select(x, 1, -1).body()->offset == 8);
  CHECK(expand(zeros({3, 1}), {2, 3, 4}).strides() == Strides{0, 1, 0});
  CHECK(reshape(transpose(x), {2, 2, 2, 3}).strides() == Strides{12, 2, 1, 4});
  CHECK(x.is_contiguous());
  CHECK_FALSE(transpose(x).is_contiguous());
  CHECK(transpose(zeros({3, 1})).is_contiguous());  // the stride of a size 1 does not matter
  CHECK(slice(zeros({4, 3}), 0, 1, 3).is_contiguous());
  CHECK(transpose(zeros({0, 3})).is_contiguous());
  CHECK(x.size(-1) == 4);
  CHECK_THROWS_AS(x.size(3), ShapeError);
}

TEST_CASE("shapes broadcast as NumPy's do", "[tensor]") {
  struct Case {
    Shape a, b;
    std::optional<Shape> both;
  };
  const std::vector<Case> cases = {
      {{}, {}, Shape{}},
      {{}, {2, 3}, Shape{2, 3}},
      {{3}, {2, 3}, Shape{2, 3}},
      {{2, 1}, {1, 3}, Shape{2, 3}},
      {{5, 1, 4}, {3, 1}, Shape{5, 3, 4}},
      {{1}, {0}, Shape{0}},
      {{2, 0}, {1}, Shape{2, 0}},
      {{2, 0}, {2, 1}, Shape{2, 0}},
      {{2, 3}, {2}, std::nullopt},
      {{2, 3}, {3, 2}, std::nullopt},
      {{0}, {2}, std::nullopt},
      {{4, 1, 2}, {3, 3}, std::nullopt},
  };
  for (const Case& c : cases) {
    INFO(c.a.str() << " with " << c.b.str());
    if (c.both) {
      CHECK(broadcast_shapes("add", c.a, c.b) == *c.both);
      CHECK(broadcast_shapes("add", c.b, c.a) == *c.both);
      CHECK((ones(c.a) + ones(c.b)).shape() == *c.both);
      CHECK(expand(ones(c.a), *c.both).shape() == *c.both);
    } else {
      CHECK_THROWS_AS(ones(c.a) + ones(c.b), ShapeError);
      CHECK_THROWS_WITH(ones(c.b) + ones(c.a), Contains("add") && Contains(c.a.str()) && Contains(c.b.str()));
    }
  }
  const Tensor column = from_values({10, 20}, {2, 1});
  CHECK((column + from_values({1, 2, 3}, {3})).to_vector() == Values{11, 12, 13, 21, 22, 23});
  CHECK(expand(column, {-1, 3}).to_vector() == Values{10, 10, 10, 20, 20, 20});
}

TEST_CASE("slice takes Python's bounds", "[tensor]") {
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max(),
                         kMin = std::numeric_limits<std::int64_t>::min();
  for (const std::int64_t n : {0, 1, 2, 5}) {
    for (const std::int64_t start : {kMin, std::int64_t{-7}, -n, std::int64_t{-2}, std::int64_t{-1},
                                     std::int64_t{0}, std::int64_t{1}, std::int64_t{3}, n, kMax}) {
      for (const std::int64_t stop : {kMin, std::int64_t{-9}, std::int64_t{-3}, std::int64_t{-1},
                                      std::int64_t{0}, std::int64_t{2}, n, n + 3, kMax}) {
        for (const std::int64_t step :
             {std::int64_t{1}, std::int64_t{2}, std::int64_t{3}, std::int64_t{100}}) {
          const Values at = python_slice(n, start, stop, step);
          INFO("arange(" << n << ")[" << start << ":" << stop << ":" << step << "]");
          CHECK(slice(arange(n), 0, start, stop, step).to_vector() == at);
          CHECK(slice(expand(arange(n), {2, n}), 1, start, stop, step).numel() ==
                2 * static_cast<std::int64_t>(at.size()));
        }
      }
    }
  }
  CHECK(slice(zeros({3, 4}), 0, 0, kMax, kMax).shape() == Shape{1, 4});
  CHECK_THROWS_WITH(slice(arange(3), 0, 0, 3, 0), Contains("slice") && Contains("step 0"));
  CHECK_THROWS_AS(slice(arange(3), 0, 0, 3, -1), ShapeError);
}

TEST_CASE("reshape is a view exactly where strides allow it", "[tensor]") {
  Rng rng(2024);
  int views = 0, copies = 0;
  for (int i = 0; i < 20000; ++i) {
    const Tensor x = random_layout(rng);
    if (x.numel() == 0) continue;
    const Shape shape = random_shape(x.numel(), rng);
    const Tensor y = reshape(x, shape);
    INFO("shape " << x.shape().str() << " strides " << x.strides().str() << " to " << shape.str());
    REQUIRE(y.shape() == shape);
    const Values expected = read_by_strides(x);
    REQUIRE(read_by_strides(y) == expected);
    REQUIRE(y.to_vector() == expected);
    REQUIRE(contiguous(x).to_vector() == expected);
    REQUIRE(to(x, DType::f32).to_vector() == expected);
    REQUIRE(shares_storage(x, y) == can_be_view(addresses(x), shape));
    ++(shares_storage(x, y) ? views : copies);
  }
  CHECK(views > 1000);
  CHECK(copies > 1000);
  CHECK(reshape(zeros({2, 6}), {3, -1}).shape() == Shape{3, 4});
  CHECK(reshape(zeros({0, 3}), {5, 0}).shape() == Shape{5, 0});
  CHECK(reshape(zeros({0, 3}), {-1, 3}).shape() == Shape{0, 3});
  CHECK_THROWS_AS(reshape(zeros({0, 3}), {-1, 0}), ShapeError);  // any size would do
}

TEST_CASE("copies between any two layouts", "[tensor]") {
  Rng rng(7);
  for (int i = 0; i < 2000; ++i) {
    const Tensor from = random_layout(rng);
    Shape order = from.shape();
    for (std::int64_t d = 0; d < from.dim(); ++d) order[d] = from.dim() - 1 - d;
    const Tensor target = permute(zeros_like(permute(from, order)), order);
    target.copy_(from);
    REQUIRE(target.to_vector() == from.to_vector());
  }
  const Tensor x = zeros({2, 3});
  transpose(x).copy_(from_values({1, 2, 3, 4, 5, 6}, {3, 2}));
  CHECK(x.to_vector() == Values{1, 3, 5, 2, 4, 6});
  slice(x, 1, 0, 3, 2).fill_(9);
  CHECK(x.to_vector() == Values{9, 3, 9, 9, 4, 9});
  CHECK_THROWS_WITH(x.copy_(zeros({3})), Contains("copy_") && Contains("[3]") && Contains("[2, 3]"));
  CHECK_THROWS_AS(x.copy_(zeros({2, 3}, DType::f64)), DTypeError);
  CHECK_THROWS_AS(x.copy_(Tensor()), ShapeError);
  const Tensor wide = expand(zeros({2, 1}), {2, 3});  // three elements in the same place
  CHECK_THROWS_WITH(wide.copy_(ones({2, 3})), Contains("copy_") && Contains("dimension 1"));
  wide.fill_(2);
  CHECK(wide.to_vector() == Values{2, 2, 2, 2, 2, 2});
}

TEST_CASE("item and to_vector", "[tensor]") {
  CHECK(from_values({3}, {1, 1}).item() == 3);
  CHECK(select(arange(5), 0, 3).item() == 3);
  CHECK_THROWS_WITH(arange(2).item(), Contains("item") && Contains("[2]"));
  CHECK_THROWS_AS(zeros({0}).item(), ShapeError);
  CHECK(transpose(from_values({1, 2, 3, 4}, {2, 2})).to_vector() == Values{1, 3, 2, 4});
  CHECK(zeros({2, 0}).to_vector().empty());
  CHECK(expand(scalar(2), {3}).requires_grad_().to_vector() == Values{2, 2, 2});
}

TEST_CASE("dtypes convert and do not mix", "[tensor]") {
  const Tensor x = from_values({0.1, 1e300, -kInfinity, std::nan("")}, {4}, DType::f64);
  const Values narrow = to(x, DType::f32).to_vector();
  CHECK(narrow[0] == static_cast<double>(0.1F));
  CHECK(narrow[1] == kInfinity);
  CHECK(narrow[2] == -kInfinity);
  CHECK(std::isnan(narrow[3]));
  CHECK(to(transpose(from_values({1, 2, 3, 4}, {2, 2})), DType::f64).to_vector() == Values{1, 3, 2, 4});
  CHECK_THROWS_AS(x.data<float>(), DTypeError);
  CHECK_THROWS_AS(x.mutable_data<float>(), DTypeError);
  CHECK_THROWS_WITH(x.data<float>(), Contains("f64") && Contains("f32"));
}

TEST_CASE("tensors print as NumPy prints them", "[tensor]") {
  CHECK(printed(Tensor()) == "Tensor(undefined)");
  CHECK(printed(scalar(2.5)) == "2.5  f32 []");
  CHECK(printed(from_values({1, -2, 0.1}, {3})) == "[1, -2, 0.1]  f32 [3]");
  CHECK(printed(from_values({1, 2, 3, 4}, {2, 2}, DType::f64)) == "[[1, 2],\n [3, 4]]  f64 [2, 2]");
  CHECK(printed(zeros({0, 3})) == "[]  f32 [0, 3]");
  CHECK(printed(zeros({2, 0})) == "[[],\n []]  f32 [2, 0]");
  CHECK(printed(arange(8)) == "[0, 1, 2, 3, 4, 5, 6, 7]  f32 [8]");
  CHECK(printed(arange(100)) == "[0, 1, 2, ..., 97, 98, 99]  f32 [100]");
  CHECK(printed(from_values({std::nan(""), kInfinity}, {2})) == "[nan, inf]  f32 [2]");
  CHECK(printed(transpose(from_values({1, 2, 3, 4}, {2, 2}))) == "[[1, 3],\n [2, 4]]  f32 [2, 2]");
}

TEST_CASE("tensors without elements or without dimensions go through every kind of op", "[tensor]") {
  const Tensor none = zeros({0, 3}), one = scalar(4);
  CHECK((none + 1).shape() == Shape{0, 3});
  CHECK(sum(none).item() == 0);
  CHECK(sum(none, {0}).to_vector() == Values{0, 0, 0});
  CHECK(sum(none, {1}).shape() == Shape{0});
  CHECK(std::isnan(mean(none).item()));
  CHECK(prod(none, 0).to_vector() == Values{1, 1, 1});
  CHECK(softmax(none, 1).shape() == Shape{0, 3});
  CHECK(matmul(none, zeros({3, 2})).shape() == Shape{0, 2});
  CHECK(matmul(zeros({2, 0}), none).to_vector() == Values{0, 0, 0, 0, 0, 0});
  CHECK(linear(zeros({2, 0}), zeros({3, 0}), ones({3})).to_vector() == Values{1, 1, 1, 1, 1, 1});
  CHECK(cat({none, ones({1, 3})}, 0).to_vector() == Values{1, 1, 1});
  CHECK(gather(ones({2, 3}), 0, none).shape() == Shape{0, 3});
  CHECK(cumsum(none, 0).shape() == Shape{0, 3});
  CHECK(tril(zeros({2, 0, 3})).shape() == Shape{2, 0, 3});
  CHECK(sqrt(one).item() == 2);
  CHECK(sum(one).item() == 4);
  CHECK(mean(one).item() == 4);
  CHECK(amax(one).item() == 4);
  CHECK(reshape(one, {1, 1}).shape() == Shape{1, 1});
  CHECK(flatten(one).shape() == Shape{1});
  CHECK(stack({one, one}, 0).to_vector() == Values{4, 4});
}
