// Modules, initialisers and layers.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <type_traits>
#include <vector>

#include "autograd/grad.h"
#include "autograd/kernels/parallel.h"
#include "autograd/node.h"
#include "autograd/ops.h"
#include "base/error.h"
#include "nn/init.h"
#include "nn/mlp.h"

using namespace saccade;
using namespace saccade::nn;
using Catch::Contains;

namespace {

std::vector<std::string> names_of(const Module& module) {
  std::vector<std::string> names;
  for (const auto& [name, x] : module.named_parameters()) names.push_back(name);
  return names;
}

std::vector<std::vector<double>> values_of(const Module& module) {
  std::vector<std::vector<double>> values;
  for (const Tensor& x : module.parameters()) values.push_back(x.to_vector());
  return values;
}

double largest(const Tensor& x) { return amax(abs(x.detach())).item(); }

// Opens the protected part.
struct Tree : Module {
  using Module::register_module;
  using Module::register_parameter;
};

static_assert(!std::is_copy_constructible_v<Mlp> && !std::is_copy_assignable_v<Mlp>);
static_assert(std::is_nothrow_move_constructible_v<Mlp> && std::is_move_assignable_v<Mlp>);

}  // namespace

// ---- modules ----

TEST_CASE("a module names its parameters by their place in the tree", "[nn]") {
  Rng rng(0);
  const Mlp net({3, 4, 2}, rng);
  CHECK(names_of(net) == std::vector<std::string>{"l1.weight", "l1.bias", "l2.weight", "l2.bias"});
  CHECK(net.parameters().size() == 4);
  CHECK(net.parameters()[0].shape() == Shape{4, 3});
  CHECK(net.parameters()[3].shape() == Shape{2});
  for (const Tensor& x : net.parameters()) CHECK(x.needs_grad());

  Tree agent;
  agent.register_module("actor", net);
  agent.register_parameter("log_alpha", scalar(0));
  CHECK(names_of(agent).front() == "actor.l1.weight");
  CHECK(names_of(agent).back() == "log_alpha");
  CHECK(agent.parameters()[0].body() == net.parameters()[0].body());
}

TEST_CASE("nodes carry the names of the layers that made them", "[nn]") {
  Rng rng(0);
  const Mlp net({3, 4, 2}, rng);
  const Scope scope("actor");
  const Tensor y = net(ones({1, 3}));
  REQUIRE(y.body()->node->scope != nullptr);
  CHECK(*y.body()->node->scope == "actor/l2");
  CHECK(*net.parameters()[1].body()->node->scope == "l1/bias");
}

TEST_CASE("flat() is all parameters in one piece", "[nn]") {
  Rng rng(0);
  const Mlp net({3, 4, 2}, rng, {}, DType::f64);
  const TensorList before = net.parameters();
  const auto values = values_of(net);
  const Tensor x = randn({5, 3}, rng, DType::f64), y = net(x).detach();

  const Tensor flat = net.flat();
  std::vector<double> all;
  for (const auto& one : values) all.insert(all.end(), one.begin(), one.end());
  CHECK(flat.shape() == Shape{4 * 3 + 4 + 2 * 4 + 2});
  CHECK(flat.to_vector() == all);
  CHECK_FALSE(flat.needs_grad());
  CHECK(values_of(net) == values);
  CHECK(net(x).to_vector() == y.to_vector());
  CHECK(net.flat().raw() == flat.raw());  // the second call moves nothing

  // Writing to one is writing to the other, through handles from before too.
  flat.copy_(2 * flat);
  for (std::size_t i = 0; i < before.size(); ++i) {
    for (std::size_t j = 0; j < values[i].size(); ++j) CHECK(before[i].to_vector()[j] == 2 * values[i][j]);
  }
  {
    const NoGrad no_grad;
    before[1].fill_(7);
  }
  CHECK(flat.to_vector()[12] == 7);
  CHECK(flat.to_vector()[15] == 7);

  // Gradients are those of the new values.
  const TensorList g = grad(sum(square(net(x))), net.parameters());
  const auto loss = [&] { return sum(square(net(x))).item(); };
  for (std::size_t i = 0; i < before.size(); ++i) {
    REQUIRE(g[i].shape() == before[i].shape());
    const double h = 1e-6;
    double* element = before[i].mutable_data<double>();
    *element += h;
    const double above = loss();
    *element -= 2 * h;
    const double below = loss();
    *element += h;
    CHECK(g[i].to_vector()[0] == Approx((above - below) / (2 * h)).epsilon(1e-6));
  }
}

TEST_CASE("a part of a module is flat within the whole, in either order", "[nn]") {
  Rng rng(0);
  const Mlp a({2, 3, 1}, rng), b({2, 2}, rng);
  const Tensor early = a.flat();
  Tree both;
  both.register_module("a", a);
  both.register_module("b", b);
  const Tensor whole = both.flat();
  CHECK(early.raw() != a.flat().raw());  // moved again
  CHECK(a.flat().raw() == whole.raw());
  CHECK(b.flat().raw() == slice(whole, 0, a.flat().numel(), whole.numel()).raw());
  b.flat().fill_(3);
  CHECK(both.parameters().back().to_vector() == std::vector<double>{3, 3});
}

TEST_CASE("flat() tells parameters that only seem to lie side by side", "[nn]") {
  Tree other_storage;  // the second starts where the first ends, but elsewhere
  other_storage.register_parameter("a", ones({2}));
  other_storage.register_parameter("b", slice(arange(5), 0, 2, 4));
  CHECK(other_storage.flat().to_vector() == std::vector<double>{1, 1, 2, 3});
  Tree other_order;  // of the same storage
  other_order.register_parameter("b", other_storage.parameters()[1]);
  other_order.register_parameter("a", other_storage.parameters()[0]);
  CHECK(other_order.flat().to_vector() == std::vector<double>{2, 3, 1, 1});
  Tree odd_strides;  // as a transposed row has
  odd_strides.register_parameter("a", transpose(reshape(arange(3), {3, 1})));
  odd_strides.register_parameter("b", zeros({2, 0}));
  odd_strides.register_parameter("c", scalar(7));
  CHECK(odd_strides.flat().to_vector() == std::vector<double>{0, 1, 2, 7});
  CHECK(odd_strides.parameters()[0].to_vector() == std::vector<double>{0, 1, 2});
  CHECK(odd_strides.parameters()[2].item() == 7);
}

TEST_CASE("flat() waits until no graph holds a parameter", "[nn]") {
  Rng rng(0);
  const Mlp net({2, 3, 1}, rng);
  Tensor loss = sum(net(ones({4, 2})));
  CHECK_THROWS_WITH(net.flat(), Contains("'l1.weight' is in a graph that is still alive"));
  SECTION("after the backward pass") { grad(loss, net.parameters()); }
  SECTION("after the graph is dropped") { loss = Tensor(); }
  CHECK(net.flat().numel() == 13);
  // Once gathered, it may be called at any time.
  loss = sum(net(ones({4, 2})));
  CHECK(net.flat().numel() == 13);
  CHECK_NOTHROW(grad(loss, net.parameters()));
  CHECK_THROWS_AS(Tree().flat(), ConfigError);
}

TEST_CASE("a module can be moved", "[nn]") {
  Rng rng(0);
  Mlp net({2, 3, 1}, rng);
  const Tensor x = ones({4, 2}), y = net(x), flat = net.parameters()[0];
  Mlp moved = std::move(net);
  CHECK(moved(x).to_vector() == y.to_vector());
  CHECK(moved.parameters()[0].body() == flat.body());
  std::vector<Mlp> nets;
  for (int i = 0; i < 5; ++i) nets.emplace_back(std::vector<std::int64_t>{2, 1}, rng);
  CHECK(names_of(nets[0]) == std::vector<std::string>{"l1.weight", "l1.bias"});
}

TEST_CASE("copy_parameters takes all or nothing", "[nn]") {
  Rng rng(0);
  Mlp a({2, 3, 1}, rng);
  const Mlp b({2, 3, 1}, rng);
  REQUIRE(values_of(a) != values_of(b));
  a.copy_parameters(b);
  CHECK(values_of(a) == values_of(b));
  a.flat().fill_(1);
  CHECK(values_of(a) != values_of(b));  // not shared

  const auto before = values_of(a);
  const auto refused = [&](const NamedTensors& values, const char* message) {
    CHECK_THROWS_WITH(a.load_parameters(values), Contains("load_parameters: ") && Contains(message));
    CHECK(values_of(a) == before);
  };
  NamedTensors values = b.named_parameters();
  std::reverse(values.begin(), values.end());
  const NamedTensor last = values.back();  // l1.weight
  values.back() = {"l1.weight", zeros({3, 3})};
  refused(values, "'l1.weight' is f32 [3, 3], expected f32 [3, 2]");
  values.back() = {"l1.weight", zeros({3, 2}, DType::f64)};
  refused(values, "'l1.weight' is f64 [3, 2], expected f32 [3, 2]");
  values.back() = {"l1.weight", Tensor()};
  refused(values, "'l1.weight' is undefined");
  values.back() = {"l3.weight", last.tensor};
  refused(values, "'l3.weight' was given");
  values.back() = {"l1.bias", last.tensor};
  refused(values, "'l1.bias' was given twice");
  values.pop_back();
  refused(values, "'l1.weight' is missing");
  values.push_back(last);
  a.load_parameters(values);  // in another order
  CHECK(values_of(a) == values_of(b));
}

TEST_CASE("polyak moves the target towards the online module", "[nn]") {
  Rng rng(0);
  for (const DType dtype : {DType::f32, DType::f64}) {
    const Mlp online({7, 128, 128, 5}, rng, {}, dtype);  // more than one task
    Mlp target({7, 128, 128, 5}, rng, {}, dtype);
    const auto theta = values_of(online), before = values_of(target);
    target.polyak(online, 0);
    CHECK(values_of(target) == before);
    target.polyak(online, 0.005);
    const auto after = values_of(target);
    for (std::size_t i = 0; i < theta.size(); ++i) {
      for (std::size_t j = 0; j < theta[i].size(); ++j) {
        const double expected = before[i][j] + 0.005 * (theta[i][j] - before[i][j]);
        if (std::abs(after[i][j] - expected) > (dtype == DType::f32 ? 1e-7 : 1e-15))
          FAIL("at " << i << ", " << j);
      }
    }
    CHECK(values_of(online) == theta);
    target.polyak(online, 1);
    for (std::size_t i = 0; i < theta.size(); ++i)
      CHECK(largest(target.parameters()[i] - online.parameters()[i]) < 1e-7);
  }
}

TEST_CASE("polyak gives the same bits on any number of threads", "[nn]") {
  const int before = num_threads();
  const auto after = [](int threads) {
    set_num_threads(threads);
    Rng rng(0);
    const Mlp online({30, 256, 256}, rng);
    Mlp target({30, 256, 256}, rng);
    for (int i = 0; i < 3; ++i) target.polyak(online, 0.3);
    return values_of(target);
  };
  const auto one = after(1);
  CHECK(after(2) == one);
  CHECK(after(7) == one);
  set_num_threads(before);
}

TEST_CASE("polyak refuses what does not fit, and pending backwards notice it", "[nn]") {
  Rng rng(0);
  const Mlp online({2, 3, 1}, rng);
  Mlp target({2, 3, 1}, rng), wider({2, 4, 1}, rng), deeper({2, 3, 3, 1}, rng),
      f64({2, 3, 1}, rng, {}, DType::f64);
  for (const double tau : {-0.1, 1.1, double(NAN)}) CHECK_THROWS_AS(target.polyak(online, tau), ConfigError);
  CHECK_THROWS_WITH(wider.polyak(online, 0.1), Contains("parameter 0 is 'l1.weight', f32 [4, 2]"));
  CHECK_THROWS_AS(wider.polyak(online, 0.1), ShapeError);
  CHECK_THROWS_AS(deeper.polyak(online, 0.1), ConfigError);
  CHECK_THROWS_AS(f64.polyak(online, 0.1), DTypeError);
  Tree renamed;
  for (const auto& [name, x] : online.named_parameters())
    renamed.register_parameter("x" + name, zeros(x.shape()));
  CHECK_THROWS_AS(renamed.polyak(online, 0.1), ConfigError);

  target.flat();
  const Tensor loss = sum(target(ones({4, 2})));
  target.polyak(online, 0.1);
  CHECK_THROWS_WITH(grad(loss, target.parameters()), Contains("overwritten"));
}

TEST_CASE("registering what cannot be a parameter is refused", "[nn]") {
  Tree tree;
  const Tensor w = tree.register_parameter("w", ones({2, 3}));
  CHECK(w.needs_grad());
  CHECK_THROWS_WITH(tree.register_parameter("w", ones({2})), Contains("'w' is registered already"));
  CHECK_THROWS_WITH(tree.register_parameter("v", w),
                    Contains("'v' is registered already, under the name 'w'"));
  CHECK_THROWS_AS(tree.register_parameter("v", ones({2}, DType::f64)), DTypeError);
  CHECK_THROWS_AS(tree.register_parameter("v", Tensor()), ShapeError);
  CHECK_THROWS_AS(tree.register_parameter("v", 2 * w), GradError);
  CHECK_THROWS_AS(tree.register_parameter("", ones({2})), ConfigError);
  CHECK_THROWS_AS(tree.register_module("", tree), ConfigError);
  CHECK(names_of(tree) == std::vector<std::string>{"w"});
  // A view becomes a tensor of its own.
  CHECK(tree.register_parameter("v", transpose(ones({2, 3}))).is_contiguous());
}

// ---- initialisers ----

namespace {

struct Moments {
  double mean, std, low, high;
};

Moments moments_of(const Tensor& x) {
  const Tensor flat = flatten(x);
  return {mean(flat).item(), saccade::std(flat, {0}).item(), amin(flat).item(), amax(flat).item()};
}

}  // namespace

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
        const Tensor x = randn(shape, rng, DType::f64).requires_grad();
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
