// Initialisers, and the layers that start from them.
#include <cmath>
#include <vector>

#include "autograd/grad.h"
#include "autograd/ops.h"
#include "base/error.h"
#include "nn/batch_norm.h"
#include "nn/init.h"
#include "nn/layer_norm.h"
#include "nn/mlp.h"
#include "tests/support/catch.h"

using namespace saccade;
using namespace saccade::nn;
using Catch::Contains;

namespace {

double largest(const Tensor& x) { return amax(abs(x.detach())).item(); }

std::vector<std::vector<double>> values_of(const Module& module) {
  std::vector<std::vector<double>> values;
  for (const Tensor& x : module.parameters()) values.push_back(x.to_vector());
  return values;
}

struct Moments {
  double mean, std, low, high;
};

Moments moments_of(const Tensor& x) {
  const Tensor flat = flatten(x);
  return {mean(flat).item(), saccade::std(flat, {0}).item(), amin(flat).item(), amax(flat).item()};
}

}  // namespace

// ---- initialisers ----

TEST_CASE("initialisers have the bounds and variances of their formulas", "[nn]") {
  Rng rng(0);
  const Shape shape = {4, 300, 200};  // an ensemble: in 200, out 300
  constexpr double kIn = 200, kOut = 300, n = 240'000;
  const auto check_uniform = [&](const Tensor& x, double bound) {
    const Moments m = moments_of(x);
    CHECK(x.shape() == shape);
    CHECK(m.low >= -bound);
    CHECK(m.high <= bound);
    CHECK(m.low < -0.999 * bound);
    CHECK(m.high > 0.999 * bound);
    // Five standard errors of the mean and of the variance.
    const double std = bound / std::sqrt(3.0);
    CHECK(std::abs(m.mean) < 5 * std / std::sqrt(n));
    CHECK(m.std == Approx(std).epsilon(0.01));
  };
  const auto check_normal = [&](const Tensor& x, double std) {
    const Moments m = moments_of(x);
    CHECK(std::abs(m.mean) < 5 * std / std::sqrt(n));
    CHECK(m.std == Approx(std).epsilon(0.01));
    CHECK(m.high > 3.5 * std);
    CHECK(m.low < -3.5 * std);
  };
  for (const DType dtype : {DType::f32, DType::f64}) {
    check_uniform(init::linear_default(shape, 200, rng, dtype), 1 / std::sqrt(kIn));
    check_uniform(init::kaiming_uniform(shape, rng, std::sqrt(5.0), dtype), 1 / std::sqrt(kIn));
    check_uniform(init::kaiming_uniform(shape, rng, 0, dtype), std::sqrt(6 / kIn));
    check_normal(init::kaiming_normal(shape, rng, 0.5, dtype), std::sqrt(2 / (1.25 * kIn)));
    check_uniform(init::xavier_uniform(shape, rng, 1.5, dtype), 1.5 * std::sqrt(6 / (kIn + kOut)));
    check_normal(init::xavier_normal(shape, rng, 1, dtype), std::sqrt(2 / (kIn + kOut)));
    check_uniform(init::uniform(shape, rng, -2, 2, dtype), 2);
    check_normal(init::normal(shape, rng, 0, 3, dtype), 3);
    CHECK(moments_of(init::normal(shape, rng, 5, 3, dtype)).mean == Approx(5).epsilon(0.01));
    CHECK(init::constant({3}, 0.5, dtype).to_vector() == std::vector<double>{0.5, 0.5, 0.5});
    CHECK(init::orthogonal({3, 2}, rng, 1, dtype).dtype() == dtype);
  }
}

TEST_CASE("orthogonal gives orthonormal rows or columns, uniformly distributed", "[nn]") {
  Rng rng(0);
  const auto error_of = [](const Tensor& w, double gain) {  // (out, in)
    const bool tall = w.size(0) > w.size(1);
    const Tensor product = tall ? matmul(transpose(w), w) : matmul(w, transpose(w));
    return largest(product - gain * gain * eye(product.size(0), DType::f64));
  };
  for (const Shape& shape : {Shape{1, 1}, {5, 5}, {40, 7}, {7, 40}, {1, 9}, {9, 1}, {128, 128}}) {
    INFO(shape.str());
    CHECK(error_of(init::orthogonal(shape, rng, 1, DType::f64), 1) < 1e-13);
  }
  const Tensor w = init::orthogonal({3, 20, 10}, rng, 2, DType::f64);
  for (std::int64_t i = 0; i < 3; ++i) CHECK(error_of(select(w, 0, i), 2) < 1e-13);
  CHECK(largest(select(w, 0, 0) - select(w, 0, 1)) > 0.1);
  // A rotation of the plane as often as a reflection; every entry 0 on average.
  double determinant = 0;
  Tensor sum_of = zeros({2, 2}, DType::f64);
  for (int i = 0; i < 1000; ++i) {
    const Tensor q = init::orthogonal({2, 2}, rng, 1, DType::f64);
    const std::vector<double> e = q.to_vector();
    determinant += e[0] * e[3] - e[1] * e[2];
    sum_of = sum_of + q;
  }
  CHECK(std::abs(determinant) < 5 * std::sqrt(1000.0));
  CHECK(largest(sum_of) < 5 * std::sqrt(500.0));
}

TEST_CASE("initialisers refuse shapes without fans", "[nn]") {
  Rng rng(0);
  CHECK_THROWS_WITH(init::xavier_uniform({3}, rng), Contains("xavier_uniform: the shape [3]"));
  CHECK_THROWS_AS(init::xavier_normal({1, 2, 3, 4}, rng), ShapeError);
  CHECK_THROWS_AS(init::kaiming_uniform({3, 0}, rng), ShapeError);
  CHECK_THROWS_AS(init::kaiming_normal({}, rng), ShapeError);
  CHECK_THROWS_AS(init::orthogonal({3}, rng), ShapeError);
  CHECK_THROWS_AS(init::linear_default({3, 0}, 0, rng), ShapeError);
}

// ---- layers ----

TEST_CASE("Linear starts as PyTorch's does, from its own seed", "[nn]") {
  Rng rng(0), same(0), other(1);
  const Linear a(100, 50, rng), b(100, 50, same), c(100, 50, other);
  for (const Tensor& x : a.parameters()) {
    CHECK(largest(x) <= 0.1F);
    CHECK(largest(x) > 0.09);
  }
  CHECK(values_of(a) == values_of(b));
  CHECK(values_of(a) != values_of(c));
  const Linear ensemble(100, 50, rng, {.ensemble = 3}, DType::f64);
  CHECK(ensemble.parameters()[0].shape() == Shape{3, 50, 100});
  CHECK(ensemble.parameters()[1].shape() == Shape{3, 50});
  CHECK(ensemble.parameters()[0].dtype() == DType::f64);
  CHECK(largest(ensemble.parameters()[0]) <= 0.1);
}

TEST_CASE("Mlp is its layers' products, and so are its gradients", "[nn]") {
  Rng rng(0);
  for (const Activation hidden : {Activation::relu, Activation::tanh}) {
    for (const Activation output : {Activation::none, Activation::relu, Activation::tanh}) {
      const Mlp net({5, 8, 7, 3}, rng, {.hidden = hidden, .output = output}, DType::f64);
      const auto activate = [](const Tensor& x, Activation f) {
        return f == Activation::relu ? relu(x) : f == Activation::tanh ? tanh(x) : x;
      };
      const TensorList& p = net.parameters();
      const auto by_hand = [&](const Tensor& x) {
        const Tensor h1 = activate(matmul(x, transpose(p[0])) + p[1], hidden);
        const Tensor h2 = activate(matmul(h1, transpose(p[2])) + p[3], hidden);
        return activate(matmul(h2, transpose(p[4])) + p[5], output);
      };
      for (const Shape& shape : {Shape{5}, {1, 5}, {6, 5}, {2, 3, 5}}) {
        INFO(shape.str());
        const Tensor x = randn(shape, rng, DType::f64).requires_grad_();
        const Tensor y = net(x), expected = by_hand(x);
        REQUIRE(y.shape() == expected.shape());
        CHECK(largest(y - expected) < 1e-14);
        TensorList wrt = p;
        wrt.push_back(x);
        const TensorList g = grad(sum(square(y)), wrt), g_expected = grad(sum(square(expected)), wrt);
        for (std::size_t i = 0; i < wrt.size(); ++i) CHECK(largest(g[i] - g_expected[i]) < 1e-13);
      }
    }
  }
}

TEST_CASE("an ensemble is so many separate networks", "[nn]") {
  Rng rng(0);
  for (const DType dtype : {DType::f32, DType::f64}) {
    constexpr std::int64_t n = 3;
    const std::vector<std::int64_t> sizes = {5, 64, 33, 1};
    const Mlp ensemble(sizes, rng, {.ensemble = n}, dtype);
    const Tensor x = randn({20, 5}, rng, dtype), xs = randn({n, 20, 5}, rng, dtype);
    const Tensor shared = ensemble(x), own = ensemble(xs);
    REQUIRE(shared.shape() == Shape{n, 20, 1});
    REQUIRE(own.shape() == Shape{n, 20, 1});
    const TensorList g = grad(sum(square(shared)), ensemble.parameters());
    for (std::int64_t i = 0; i < n; ++i) {
      Mlp alone(sizes, rng, {}, dtype);
      NamedTensors member;
      for (const auto& [name, p] : ensemble.named_parameters())
        member.push_back({name, select(p.detach(), 0, i)});
      alone.load_parameters(member);
      // The same kernels on the same numbers: to the bit.
      CHECK(select(shared, 0, i).to_vector() == alone(x).to_vector());
      CHECK(select(own, 0, i).to_vector() == alone(select(xs, 0, i)).to_vector());
      const TensorList g_alone = grad(sum(square(alone(x))), alone.parameters());
      for (std::size_t k = 0; k < g.size(); ++k) {
        CHECK(select(g[k], 0, i).to_vector() == g_alone[k].to_vector());
      }
    }
  }
}

TEST_CASE("of one feature a layer norm leaves its bias", "[nn]") {
  const LayerNorm layer(1);
  layer.parameters()[1].detach().fill_(0.25);
  CHECK(layer(from_values({3, -7}, {2, 1})).to_vector() == std::vector<double>{0.25, 0.25});
  CHECK_THROWS_WITH(LayerNorm(0), Contains("features 0"));
}

TEST_CASE("norms begin as no more than norms: weights of 1, biases of 0, statistics of the standard normal",
          "[nn]") {
  for (const std::int64_t n : {0, 2}) {
    const std::size_t size = n == 0 ? 3 : 6;
    const BatchNorm batch(3, {.ensemble = n});
    const LayerNorm layer(3, {.ensemble = n});
    for (const NamedTensors& of : {batch.named_parameters(), layer.named_parameters()}) {
      REQUIRE(of.size() == 2);
      CHECK(of[0].tensor.to_vector() == std::vector<double>(size, 1));
      CHECK(of[1].tensor.to_vector() == std::vector<double>(size, 0));
    }
    CHECK(batch.named_state()[0].tensor.to_vector() == std::vector<double>(size, 0));
    CHECK(batch.named_state()[1].tensor.to_vector() == std::vector<double>(size, 1));
    CHECK(batch.named_state()[2].tensor.item() == 0);
  }
}

TEST_CASE("a batch norm takes its options up to their bounds, and none beyond", "[nn]") {
  CHECK_NOTHROW(BatchNorm(1, {.momentum = 0, .renorm_after = 0, .r_max = 1, .d_max = 0}));
  CHECK_NOTHROW(BatchNorm(1, {.momentum = 1}));
  for (const BatchNormOptions& wrong :
       {BatchNormOptions{.eps = 0}, BatchNormOptions{.momentum = -0.1}, BatchNormOptions{.momentum = 1.1},
        BatchNormOptions{.renorm_after = -1}, BatchNormOptions{.r_max = 0.9}, BatchNormOptions{.d_max = -1},
        BatchNormOptions{.ensemble = -1}}) {
    CHECK_THROWS_AS(BatchNorm(1, wrong), ConfigError);
  }
  CHECK_THROWS_AS(BatchNorm(0), ConfigError);
}

TEST_CASE("layers refuse what does not fit", "[nn]") {
  Rng rng(0);
  CHECK_THROWS_AS(Mlp({3}, rng), ConfigError);
  CHECK_THROWS_AS(Mlp({}, rng), ConfigError);
  CHECK_THROWS_WITH(Mlp({3, 0, 1}, rng), Contains("in 3, out 0"));
  CHECK_THROWS_AS(Linear(-1, 2, rng), ConfigError);
  CHECK_THROWS_AS(Linear(1, 2, rng, {.ensemble = -1}), ConfigError);
  const Mlp net({3, 4, 2}, rng);
  CHECK_THROWS_AS(net(ones({5, 4})), ShapeError);
  CHECK_THROWS_AS(net(scalar(1)), ShapeError);
  CHECK_THROWS_AS(net(ones({5, 3}, DType::f64)), DTypeError);
  const Mlp ensemble({3, 4, 2}, rng, {.ensemble = 2});
  CHECK_THROWS_AS(ensemble(ones({3, 5, 3})), ShapeError);
  CHECK_THROWS_AS(ensemble(ones({3})), ShapeError);
}
