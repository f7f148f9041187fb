#include "autograd/functional.h"

#include <cmath>

#include "autograd/grad.h"
#include "autograd/modes.h"
#include "autograd/node.h"
#include "autograd/ops.h"
#include "base/error.h"
#include "tests/support/catch.h"

using namespace saccade;

namespace {

Tensor vec(std::initializer_list<double> values) {
  return from_values(values, {static_cast<std::int64_t>(values.size())}, DType::f64);
}

void check_close(const Tensor& a, const std::vector<double>& expected) {
  const std::vector<double> values = a.to_vector();
  REQUIRE(values.size() == expected.size());
  for (std::size_t i = 0; i < values.size(); ++i) CHECK(values[i] == Approx(expected[i]).margin(1e-14));
}

void check_same(const Tensor& a, const Tensor& b) {
  REQUIRE(a.shape() == b.shape());
  check_close(a, b.to_vector());
}

}  // namespace

TEST_CASE("jacobian, hessian and hvp of functions known by hand", "[functional]") {
  const Tensor x = vec({0.5, -1, 2});
  // f(x) = (x0 x1, sin x2)
  const auto f = [](const Tensor& t) {
    return cat({reshape(select(t, 0, 0) * select(t, 0, 1), {1}), reshape(sin(select(t, 0, 2)), {1})}, 0);
  };
  const Tensor j = jacobian(f, x);
  CHECK(j.shape() == Shape{2, 3});
  check_close(j, {-1, 0.5, 0, 0, 0, std::cos(2.0)});
  // f(x) = x0^2 x1 + exp(x2)
  const auto s = [](const Tensor& t) {
    return square(select(t, 0, 0)) * select(t, 0, 1) + exp(select(t, 0, 2));
  };
  const Tensor h = hessian(s, x);
  CHECK(h.shape() == Shape{3, 3});
  check_close(h, {-2, 1, 0, 1, 0, 0, 0, 0, std::exp(2.0)});
  const Tensor v = vec({1, 2, 3});
  check_close(hvp(s, x, v), {-2 + 2, 1, 3 * std::exp(2.0)});
  CHECK_FALSE(j.requires_grad());
  CHECK(jacobian([](const Tensor& t) { return slice(t, 0, 0, 0); }, x).shape() == Shape{0, 3});
  check_close(jacobian([](const Tensor& t) { return ones_like(t); }, vec({1})), {0});
}

TEST_CASE("jvp and vjp agree with the jacobian", "[functional]") {
  Rng rng(1);
  const Tensor x = randn({2, 3}, rng, DType::f64), u = randn({2, 3}, rng, DType::f64),
               v = randn({2, 2}, rng, DType::f64);
  const Tensor w = randn({3, 2}, rng, DType::f64);
  const auto f = [&](const Tensor& t) { return tanh(matmul(t, w)) * sum(t); };
  const TensorFunction list = [&](const TensorList& t) { return TensorList{f(t[0])}; };
  const Tensor j = reshape(jacobian(f, x), {4, 6});
  const auto [y, vj] = vjp(list, {x}, {v});
  const auto [y2, ju] = jvp(list, {x}, {u});
  check_same(y[0], y2[0]);
  check_same(reshape(vj[0], {6}), matmul(reshape(v, {4}), j));
  check_same(reshape(ju[0], {4}), matmul(j, reshape(u, {6})));
  CHECK_THROWS_WITH(vjp(list, {x}, {u}), Catch::Contains("vjp: tensor 0 is"));
  CHECK_THROWS_AS(jvp(list, {x}, {v}), ShapeError);
  CHECK_THROWS_AS(hessian(f, x), ShapeError);
}

TEST_CASE("functional derivatives can be differentiated", "[functional]") {
  const Tensor x = vec({0.3}).requires_grad_();
  const auto cube = [](const Tensor& t) { return sum(t * t * t); };
  const Tensor second = hvp(cube, x, vec({1}), {.create_graph = true});  // 6 x
  check_close(second, {1.8});
  check_close(grad(sum(second), x), {6});
  const Tensor j = jacobian([](const Tensor& t) { return square(t); }, x, {.create_graph = true});
  check_close(grad(sum(j), x), {2});
}

TEST_CASE("checkpoint gives the same gradients, of any order, and runs f again", "[functional]") {
  Rng rng(2);
  const Tensor x = randn({4, 3}, rng, DType::f64).requires_grad_(),
               w = randn({3, 3}, rng, DType::f64).requires_grad_();
  int runs = 0;
  const auto layer = [&](const TensorList& in) {
    ++runs;
    return tanh(matmul(tanh(matmul(in[0], in[1])), in[1]));
  };
  const Tensor plain = sum(square(layer({x, w}))), saved = sum(square(checkpoint(layer, {x, w})));
  runs = 0;
  const TensorList a = grad(plain, {x, w}), b = grad(saved, {x, w});
  CHECK(runs == 1);
  check_same(a[0], b[0]);
  check_same(a[1], b[1]);
  const auto second = [&](const Tensor& loss) {
    const Tensor g = grad(loss, x, {.create_graph = true});
    return grad(sum(square(g)), w);
  };
  check_same(second(sum(square(layer({x, w})))), second(sum(square(checkpoint(layer, {x, w})))));
}

TEST_CASE("checkpoint keeps no graph inside, and notices an input overwritten", "[functional]") {
  const Tensor x = vec({1, 2}).requires_grad_();
  const Tensor y = checkpoint([](const TensorList& in) { return exp(sin(in[0])); }, {x});
  CHECK(y.body()->node->edges.size() == 1);
  CHECK(y.body()->node->edges[0].input.get() == x.body()->node.get());
  {
    const NoGrad no_grad;
    x.fill_(3);
  }
  CHECK_THROWS_WITH(grad(sum(y), x), Catch::Contains("checkpoint") && Catch::Contains("overwritten"));
}
