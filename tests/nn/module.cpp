// Modules: their names, their flat buffer, copies and target updates.
#include <algorithm>
#include <cmath>
#include <type_traits>
#include <vector>

#include "autograd/grad.h"
#include "autograd/modes.h"
#include "autograd/node.h"
#include "autograd/ops.h"
#include "base/error.h"
#include "base/threads.h"
#include "nn/mlp.h"
#include "tests/support/catch.h"

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

TEST_CASE("a module names its parameters by their place in the tree", "[nn]") {
  Rng rng(0);
  const Mlp net({3, 4, 2}, rng);
  CHECK(names_of(net) == std::vector<std::string>{"l1.weight", "l1.bias", "l2.weight", "l2.bias"});
  CHECK(net.parameters().size() == 4);
  CHECK(net.parameters()[0].shape() == Shape{4, 3});
  CHECK(net.parameters()[3].shape() == Shape{2});
  for (const Tensor& x : net.parameters()) CHECK(x.requires_grad());

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

TEST_CASE("a module of one parameter is flat already", "[nn]") {
  struct One : Module {
    One() { weight = register_parameter("weight", from_values({1, 2, 3, 4, 5, 6}, {2, 3})); }
    Tensor weight;
  } one;
  CHECK(one.flat().to_vector() == std::vector<double>{1, 2, 3, 4, 5, 6});
  CHECK(one.flat().raw() == one.weight.raw());
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
  CHECK_FALSE(flat.requires_grad());
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
  CHECK(w.requires_grad());
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
