// Long sums: their error must not grow with their length, whichever op takes them.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "autograd/grad.h"
#include "autograd/ops.h"
#include "base/threads.h"
#include "nn/optim/clip_grad_norm.h"
#include "tests/support/catch.h"

using namespace saccade;

namespace {

constexpr std::int64_t kLong = 5'000'000;

double relative_error(double got, double exact) { return std::abs(got - exact) / std::abs(exact); }

// What f32 makes of the number, so that n of them are n times this exactly.
double in_f32(double x) { return static_cast<double>(static_cast<float>(x)); }

// A block's length (128, or 512 in a product) is what an error may grow with; these terms round the same way
// throughout a block, which is the worst case.
constexpr double kBlocked = 2e-5, kPairwise = 4e-6, kRounded = 1.2e-7;

}  // namespace

TEST_CASE("sums, means and variances of millions of terms do not drift", "[sums]") {
  const double term = in_f32(0.0005), exact = kLong * term;
  const Tensor row = full({kLong}, 0.0005), rows = full({2, kLong}, 0.0005),
               column = full({kLong, 3}, 0.0005), wide = full({kLong / 10, 70}, 0.0005);
  CHECK(relative_error(sum(row).item(), exact) < kPairwise);
  CHECK(relative_error(mean(row).item(), term) < kPairwise);
  for (const double s : sum(rows, {1}).to_vector()) CHECK(relative_error(s, exact) < kPairwise);
  for (const double s : sum(column, {0}).to_vector()) CHECK(relative_error(s, exact) < kPairwise);
  for (const double s : sum(wide, {0}).to_vector()) CHECK(relative_error(s, exact / 10) < kPairwise);
  for (const double s : mean(column, {0}).to_vector()) CHECK(relative_error(s, term) < kPairwise);

  const Tensor alternating = stack({full({kLong / 2}, 1), full({kLong / 2}, 3)}, 1);
  CHECK(relative_error(var(alternating, {}, false).item(), 1) < kPairwise);
  CHECK(relative_error(logsumexp(row, {0}).item(), std::log(kLong) + term) < kPairwise);
  CHECK(relative_error(mse_loss(row, zeros_like(row)).item(), term * term) < kPairwise);
  CHECK(relative_error(huber_loss(row, zeros_like(row)).item(), term * term / 2) < kPairwise);
  CHECK(relative_error(l1_loss(row, zeros_like(row), Reduction::sum).item(), exact) < kPairwise);
  const std::vector<double> normed = layer_norm(reshape(alternating, {1, kLong})).to_vector();
  CHECK(std::abs(normed[0] + 1) < 1e-5);
  CHECK(std::abs(normed[1] - 1) < 1e-5);
}

TEST_CASE("running sums do not drift, and never fall where no term is negative", "[sums]") {
  const std::vector<double> sums = cumsum(full({kLong}, 0.0005), 0).to_vector();
  CHECK(relative_error(sums.back(), kLong * in_f32(0.0005)) < kRounded);
  CHECK(relative_error(sums[999'999], 1e6 * in_f32(0.0005)) < kRounded);
  CHECK(std::is_sorted(sums.begin(), sums.end()));
  const std::vector<double> wide = cumsum(full({kLong}, 0.1, DType::f64), 0).to_vector();
  CHECK(relative_error(wide.back(), static_cast<double>(kLong) * 0.1) < 2.3e-16);
  CHECK(std::is_sorted(wide.begin(), wide.end()));
  const std::vector<double> columns = cumsum(full({kLong / 10, 2}, 0.1), 0).to_vector();
  CHECK(relative_error(columns.back(), kLong / 10 * in_f32(0.1)) < kRounded);
  // Its gradient is a running sum too.
  const Tensor x = full({kLong}, 0).requires_grad_();
  const Tensor g = grad(cumsum(x, 0), x, {.grad_outputs = {full({kLong}, 0.0005)}});
  CHECK(relative_error(slice(g, 0, 0, 1).item(), kLong * in_f32(0.0005)) < kRounded);
  // Infinity and NaN stay what they are.
  for (const DType dtype : {DType::f32, DType::f64}) {
    const std::vector<double> y =
        cumsum(from_values({1, INFINITY, 2, -INFINITY, 3}, {5}, dtype), 0).to_vector();
    CHECK(y[1] == INFINITY);
    CHECK(y[2] == INFINITY);
    CHECK(std::isnan(y[3]));
    CHECK(std::isnan(y[4]));
  }
}

TEST_CASE("products of long rows do not drift", "[sums]") {
  constexpr std::int64_t k = 1'000'000;
  const double exact = k * in_f32(0.1);
  const Tensor row = full({1, k}, 0.1), tall = ones({k, 1});
  CHECK(relative_error(matmul(row, tall).item(), exact) < kBlocked);
  CHECK(relative_error(matmul(ones({1, k}), full({k, 1}, 0.1)).item(), exact) < kBlocked);
  CHECK(relative_error(matmul(full({k}, 0.1), ones({k})).item(), exact) < kBlocked);
  const auto all_near = [&](const Tensor& product) {
    for (const double p : product.to_vector()) CHECK(relative_error(p, exact) < kBlocked);
  };
  all_near(matmul(row, ones({k, 40})));                // a vector and B by rows
  all_near(matmul(row, transpose(ones({40, k}))));     // and by columns
  all_near(matmul(full({20, k}, 0.1), ones({k, 3})));  // tiles
  all_near(matmul(transpose(full({k, 20}, 0.1)), ones({k, 20})));
  all_near(linear(row, ones({5, k})));
  const Tensor biased =
      linear(full({2, k}, 0.1), ones({3, k}), from_values({1, 2, -2e5}, {3}), Activation::relu);
  const std::vector<double> y = biased.to_vector();
  CHECK(relative_error(y[0], exact + 1) < kBlocked);
  CHECK(relative_error(y[4], exact + 2) < kBlocked);
  CHECK(y[2] == 0);
  CHECK(std::isnan(matmul(full({1, k}, NAN), tall).item()));
  // So are the gradients of a layer's weight and bias over a long batch.
  const Tensor x = full({k, 2}, 0.1), w = zeros({3, 2}).requires_grad_(), b = zeros({3}).requires_grad_();
  const TensorList g = grad(sum(linear(x, w, b)), {w, b});
  all_near(g[0]);
  for (const double v : g[1].to_vector()) CHECK(v == k);
}

TEST_CASE("long products are the same bits for any number of threads", "[sums]") {
  Rng rng(1);
  const Tensor a = randn({70, 20'000}, rng), b = randn({20'000, 90}, rng);
  const int before = num_threads();
  set_num_threads(1);
  const std::vector<double> one = matmul(a, b).to_vector(), row = matmul(slice(a, 0, 0, 1), b).to_vector();
  set_num_threads(3);
  CHECK(matmul(a, b).to_vector() == one);
  CHECK(matmul(slice(a, 0, 0, 1), b).to_vector() == row);
  set_num_threads(before);
}

TEST_CASE("many terms scattered to one place do not drift", "[sums]") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    const double term = dtype == DType::f32 ? in_f32(0.1) : 0.1,
                 rounding = dtype == DType::f32 ? kRounded : 2.3e-16;
    const Tensor y = scatter_add(full({kLong}, 0.1, dtype), {3}, 0, ones({kLong}, DType::i64));
    CHECK(relative_error(y.to_vector()[1], static_cast<double>(kLong) * term) < rounding);
    // index_select's gradient: one row, picked often
    const Tensor table = zeros({4, 2}, dtype).requires_grad_();
    const Tensor rows = index_select(table, 0, full({kLong / 10}, 2, DType::i64));
    const Tensor g = grad(rows, table, {.grad_outputs = {full(rows.shape(), 0.1, dtype)}});
    CHECK(relative_error(g.to_vector()[4], static_cast<double>(kLong / 10) * term) < rounding);
  }
}

TEST_CASE("the norm of gradients is right for long, huge and tiny ones", "[sums]") {
  TensorList many = {full({kLong}, 0.1)};
  CHECK(relative_error(nn::clip_grad_norm(many, 1e9), in_f32(0.1) * std::sqrt(kLong)) < kPairwise);
  for (const double size : {1e30, 1e-30}) {  // their squares are no f32
    TensorList g = {full({3}, size), full({2, 3}, size)};
    CHECK(relative_error(nn::clip_grad_norm(g, 1e-3 * size), 3 * in_f32(size)) < kRounded);
    TensorList clipped = {full({4}, size)};
    nn::clip_grad_norm(clipped, size);
    if (size > 1) CHECK(relative_error(clipped[0].to_vector()[0], size / 2) < kRounded);
  }
  TensorList wide = {full({4}, 1e200, DType::f64)};
  CHECK(relative_error(nn::clip_grad_norm(wide, 1), 2e200) < 1e-15);
  TensorList none = {zeros({3})};
  CHECK(nn::clip_grad_norm(none, 1) == 0);
}
