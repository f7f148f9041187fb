// Indices are integers, from the kernel that finds one to the op that uses it.
#include <cmath>
#include <sstream>
#include <vector>

#include "autograd/grad.h"
#include "autograd/ops.h"
#include "base/error.h"
#include "nn/distributions/categorical.h"
#include "tests/support/catch.h"

using namespace saccade;

namespace {

constexpr std::int64_t kMany = 17'000'000, kOdd = 16'777'217;  // 2^24 + 1, which is no f32

}  // namespace

TEST_CASE("no index is rounded", "[indices]") {
  const Tensor x = zeros({kMany});
  slice(x, 0, kOdd, kOdd + 1).fill_(5);
  x.requires_grad_();
  const auto [value, index] = max(x, 0);
  CHECK(value.item() == 5);
  CHECK(index.dtype() == DType::i64);
  CHECK(*index.data<std::int64_t>() == kOdd);
  CHECK(*argmax(x, 0).data<std::int64_t>() == kOdd);
  const Tensor g = grad(value, x);
  CHECK(g.data<float>()[kOdd] == 1);
  CHECK(sum(g).item() == 1);
  CHECK(*min(-x, 0).second.data<std::int64_t>() == kOdd);

  const Tensor at = from_values({static_cast<double>(kOdd)}, {1}, DType::i64);
  CHECK(gather(x, 0, at).item() == 5);
  CHECK(index_select(x, 0, at).item() == 5);
  CHECK(gather(x, 0, to(at, DType::f64)).item() == 5);
  CHECK(scatter_add(ones({1}), {kMany}, 0, at).data<float>()[kOdd] == 1);
  CHECK(one_hot(at, kMany).data<float>()[kOdd] == 1);
  const Tensor logits = reshape(x.detach(), {1, kMany});
  CHECK(cross_entropy(logits, at).item() == Approx(std::log(kMany - 1 + std::exp(5.0)) - 5));

  // An f32 cannot name these places, and must not try.
  CHECK_THROWS_AS(gather(x, 0, full({1}, 5)), DTypeError);
  CHECK_THROWS_AS(one_hot(full({1}, 5), kMany), DTypeError);
  // It can name each of 2^24.
  constexpr std::int64_t kAll = std::int64_t{1} << 24;
  CHECK(gather(slice(x.detach(), 0, kMany - kAll, kMany), 0, full({1}, kOdd - (kMany - kAll))).item() == 5);
  CHECK_THROWS_AS(cross_entropy(logits, full({1}, 5)), DTypeError);
  CHECK_THROWS_AS(arange(kMany), DTypeError);
  CHECK(arange(kMany, DType::i64).data<std::int64_t>()[kOdd] == kOdd);
  CHECK_THROWS_AS(to(at, DType::f32), DTypeError);
  CHECK(to(at, DType::f64).item() == kOdd);
}

TEST_CASE("a distribution's classes are integers", "[indices]") {
  const Tensor logits = full({1, kMany}, -200);
  slice(logits, 1, kOdd, kOdd + 1).fill_(0);
  const nn::Categorical d(logits);
  Rng rng(1);
  const Tensor drawn = d.sample(rng);
  CHECK(*drawn.data<std::int64_t>() == kOdd);
  CHECK(*d.mode().data<std::int64_t>() == kOdd);
  CHECK(d.log_prob(drawn).item() == 0);
}

TEST_CASE("integers are moved, not computed with", "[indices]") {
  const Tensor i = from_values({3, 0, 2, 1, 5, 4}, {2, 3}, DType::i64);
  CHECK(transpose(i).to_vector() == std::vector<double>{3, 1, 0, 5, 2, 4});
  CHECK(contiguous(transpose(i)).dtype() == DType::i64);
  CHECK(flip(i, {1}).to_vector() == std::vector<double>{2, 0, 3, 4, 5, 1});
  CHECK(cat({i, i}, 0).shape() == Shape{4, 3});
  CHECK(gather(i, 1, argmax(to(i, DType::f32), 1, true)).to_vector() == std::vector<double>{3, 5});
  CHECK(zeros_like(i).dtype() == DType::i64);
  CHECK(to(to(i, DType::f32), DType::i64).to_vector() == i.to_vector());
  CHECK(one_hot(i, 6).dtype() == DType::f32);
  CHECK(one_hot(i, 6, DType::f64).dtype() == DType::f64);
  CHECK(one_hot(to(i, DType::f64), 6).dtype() == DType::f64);
  std::ostringstream out;
  out << from_values({16'777'217}, {1}, DType::i64);
  CHECK(out.str() == "[16777217]  i64 [1]");

  CHECK_THROWS_AS(i + i, DTypeError);
  CHECK_THROWS_AS(i + ones({2, 3}), DTypeError);
  CHECK_THROWS_AS(sum(i), DTypeError);
  CHECK_THROWS_AS(matmul(i, transpose(i)), DTypeError);
  CHECK_THROWS_AS(i.requires_grad_(), DTypeError);
  CHECK_THROWS_AS(to(full({1}, 0.5), DType::i64), DTypeError);
  CHECK_THROWS_AS(to(full({1}, NAN), DType::i64), DTypeError);
  CHECK_THROWS_AS(to(full({1}, 1e30), DType::i64), DTypeError);
  CHECK_THROWS_AS(i.fill_(0.5), DTypeError);
  CHECK_THROWS_AS(gather(ones({2}), 0, from_values({2}, {1}, DType::i64)), ShapeError);
  CHECK_THROWS_AS(gather(ones({2}), 0, from_values({-1}, {1}, DType::i64)), ShapeError);
  CHECK_THROWS_AS(gather(ones({2}), 0, full({1}, NAN)), ShapeError);
}
