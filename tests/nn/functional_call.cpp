// Shipped modules with other tensors in place of their parameters.
#include "nn/functional_call.h"

#include <stdexcept>
#include <vector>

#include "autograd/functional.h"
#include "autograd/grad.h"
#include "autograd/gradcheck.h"
#include "autograd/node.h"
#include "autograd/ops.h"
#include "base/error.h"
#include "nn/mlp.h"
#include "tests/support/catch.h"

using namespace saccade;
using namespace saccade::nn;
using Catch::Contains;

namespace {

using Values = std::vector<double>;

TensorList doubles(const Module& module) {
  TensorList values;
  for (const Tensor& p : module.parameters()) values.push_back(to(p.detach(), DType::f64).requires_grad_());
  return values;
}

// All that a module's parameters are, to the bit.
struct State {
  std::vector<Values> values;
  std::vector<const Node*> nodes;
  std::vector<DType> dtypes;
  std::vector<std::uint32_t> versions;
  bool operator==(const State&) const = default;

  explicit State(const Module& module) {
    for (const Tensor& p : module.parameters()) {
      values.push_back(p.to_vector());
      nodes.push_back(p.body()->node.get());
      dtypes.push_back(p.dtype());
      versions.push_back(p.body()->storage->version);
    }
  }
};

}  // namespace

TEMPLATE_TEST_CASE("a module runs on the tensors given, and is then as it was", "[nn]", Linear, Mlp) {
  Rng rng(1);
  const auto make = [&](std::int64_t ensemble, DType dtype) {
    if constexpr (std::is_same_v<TestType, Linear>) {
      return Linear(3, 2, rng, {.ensemble = ensemble}, dtype);
    } else {
      return Mlp({3, 4, 2}, rng, {.hidden = Activation::tanh, .ensemble = ensemble}, dtype);
    }
  };
  for (const std::int64_t ensemble : {0, 2}) {
    const TestType net = make(ensemble, DType::f32);
    TestType wide = make(ensemble, DType::f64);
    const TensorList values = doubles(net);
    NamedTensors named = net.named_parameters();
    for (std::size_t i = 0; i < values.size(); ++i) named[i].tensor = values[i].detach();
    wide.load_parameters(named);
    const Tensor x = randn({5, 3}, rng, DType::f64).requires_grad_();
    const State before(net);

    const Tensor y = functional_call(net, values, [&] { return net(x); });
    CHECK(State(net) == before);
    CHECK(y.to_vector() == wide(x).to_vector());
    // Differentiated after the call, the graph still has the tensors given: to the bit, first and second
    // order.
    const auto derivatives = [&](const Tensor& output, const TensorList& wrt) {
      const TensorList g = grad(sum(square(output)), wrt, {.create_graph = true});
      Tensor size = sum(square(g[0]));
      for (std::size_t i = 1; i < g.size(); ++i) size = size + sum(square(g[i]));
      std::vector<Values> all;
      for (const Tensor& t : g) all.push_back(t.to_vector());
      for (const Tensor& t : grad(size, wrt)) all.push_back(t.to_vector());
      return all;
    };
    CHECK(derivatives(y, values) == derivatives(wide(x), wide.parameters()));

    TensorList inputs = values;
    inputs.push_back(x);
    const GradcheckResult result = gradcheck(
        [&](const TensorList& in) {
          const TensorList p(in.begin(), in.end() - 1);
          return TensorList{functional_call(net, p, [&] { return net(in.back()); })};
        },
        inputs, {.order = 2});
    INFO(result);
    CHECK(result.passed());
    CHECK(State(net) == before);
    CHECK(net(to(x, DType::f32)).dtype() == DType::f32);
  }
}

TEST_CASE("a functional call reaches through results of ops, and into calls within it", "[nn]") {
  Rng rng(1);
  const Mlp net({2, 3, 1}, rng);
  const Tensor x = randn({4, 2}, rng, DType::f64), scale = scalar(1.5, DType::f64).requires_grad_();
  TensorList scaled;
  for (const Tensor& p : doubles(net)) scaled.push_back(p.detach() * scale);  // not leaves
  const auto loss = [&] { return sum(square(net(x))); };
  const Tensor y = functional_call(net, scaled, loss);
  const GradOptions keep = {.retain_graph = true};  // both graphs have the products with `scale`
  const double slope = grad(y, scale, keep).item();
  CHECK(slope != 0);
  // The innermost parameters count; then the outer ones do again.
  const TensorList twice = functional_call(net, doubles(net), [&] {
    return TensorList{functional_call(net, scaled, loss), loss()};
  });
  CHECK(twice[0].item() == y.item());
  CHECK(twice[1].item() != y.item());
  CHECK(grad(twice[0], scale, keep).item() == slope);
  // A parameter that is the result itself is the tensor given.
  const TensorList values = doubles(net);
  const Tensor same = functional_call(net, values, [&] { return net.parameters()[0]; });
  CHECK(same.dtype() == DType::f64);
  CHECK(grad(sum(same), values[0]).to_vector() == Values(6, 1));
}

TEST_CASE("a functional call that fails changes nothing", "[nn]") {
  Rng rng(1);
  const Linear layer(3, 2, rng);
  const State before(layer);
  const TensorList values = doubles(layer);
  CHECK_THROWS_WITH(functional_call(layer, values, []() -> Tensor { throw std::runtime_error("stop"); }),
                    "stop");
  CHECK_THROWS_AS(functional_call(layer, values, [&] { return layer(ones({1, 3})); }), DTypeError);
  CHECK_THROWS_WITH(functional_call(layer, {values[0]},
                                    [&] {
                                      return layer(ones({1, 3}));
                                    }),
                    Contains("1 tensors given for 2 parameters"));
  CHECK_THROWS_WITH(functional_call(layer, {values[1], values[0]},
                                    [&] {
                                      return layer(ones({1, 3}));
                                    }),
                    Contains("tensor 0 is f64 [2]") && Contains("'weight', [2, 3]"));
  CHECK(State(layer) == before);
  CHECK(layer(ones({1, 3})).dtype() == DType::f32);
}
