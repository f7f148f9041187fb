// What explain() says of graphs whose numbers are known.

#include "autograd/explain.h"

#include <cmath>
#include <string>
#include <vector>

#include "autograd/filter_gradients.h"
#include "autograd/functional.h"
#include "autograd/grad.h"
#include "autograd/ops.h"
#include "base/error.h"
#include "tests/support/catch.h"

using namespace saccade;
using Catch::Contains;

namespace {

constexpr std::size_t kNone = Explanation::kNone;

Tensor leaf(std::initializer_list<double> values, const Shape& shape) {
  return from_values(values, shape, DType::f64).requires_grad_();
}

const Explanation::Step& step_of(const Explanation& e, const std::string& name) {
  for (const Explanation::Step& step : e.steps) {
    if (e.nodes[step.node].name == name) return step;
  }
  FAIL("no step of " << name);
  return e.steps[0];
}

std::size_t place_of(const Explanation& e, const std::string& name) {
  for (std::size_t n = 0; n < e.nodes.size(); ++n) {
    if (e.nodes[n].name == name) return n;
  }
  return kNone;
}

}  // namespace

TEST_CASE("a small graph and its backward pass, word for word", "[explain]") {
  // y = x w + x at x = 2, w = -3: dy/dx = 1 - 3, where the 1 comes first, along the newer op's edge; dy/dw
  // = 2.
  const Tensor x = leaf({2}, {}), w = leaf({-3}, {});
  const Explanation e = explain([&] { return x * w + x; }, {{"x", x}, {"w", w}});
  const std::string text = to_text(e);
  const std::string expected =
      R"(forward, in the order of the tape
  a = leaf x                      f64[]       2
  b = leaf w                      f64[]       -3
  c = mul a b                     f64[]       -6
  d = add c a                     f64[]       -4

backward, from the newest node to the oldest; g is d result / d node
  d  add                          g = 1
      to c                        1
      to a                        1
  c  mul                          g = 1
      to a                        -3
        1 + this =                -2
      to b                        2
  b  w                            g = 2
  a  x                            g = -2

gradients
)";
  CHECK(text.substr(0, expected.size()) == expected);
  CHECK_THAT(text, Contains("  a  x                            -2\n      numeric                     -2\n"));
}

TEST_CASE("the gradients are grad's, to the bit, and so is what each edge receives", "[explain]") {
  Rng rng(5);
  const Tensor x = randn({3, 4}, rng, DType::f64).requires_grad_(),
               w = randn({4, 2}, rng, DType::f64).requires_grad_();
  const auto f = [&] { return mean(square(tanh(matmul(x, w)) * sum(x))); };
  const TensorList expected = grad(f(), {x, w});
  const Explanation e = explain(f, {{"x", x}, {"w", w}});
  CHECK(e.nodes[0].gradient.to_vector() == expected[0].to_vector());
  CHECK(e.nodes[1].gradient.to_vector() == expected[1].to_vector());
  CHECK(e.nodes.back().value.item() == f().item());
  for (const Explanation::Node& node : e.nodes) {  // values of the forward pass, not those of a later run
    if (node.op == "tanh") CHECK(node.value.to_vector() == tanh(matmul(x, w)).to_vector());
  }
  CHECK(e.traced);
}

TEST_CASE("nodes stand after their inputs and say what they are", "[explain]") {
  const Tensor x = leaf({1, 2, 3}, {3}), c = from_values({4, 5, 6}, {3}, DType::f64);
  const Explanation e = explain(
      [&] {
        const Scope scope("part");
        return sum(x * c * 2);
      },
      {{"x", x}}, {.names = {{"c", c}}});
  for (std::size_t n = 0; n < e.nodes.size(); ++n) {
    for (const Explanation::Input& input : e.nodes[n].inputs) CHECK(input.node < n);
  }
  REQUIRE(e.nodes.size() >= 5);
  CHECK(e.nodes[0].kind == Explanation::Kind::leaf);
  CHECK(e.nodes[0].label == "x");
  CHECK(e.nodes[0].wanted);
  CHECK(e.nodes[1].kind == Explanation::Kind::constant);
  CHECK(e.nodes[1].label == "c");
  CHECK_FALSE(e.nodes[1].gradient.defined());
  CHECK(e.nodes[2].op == "mul");
  CHECK(e.nodes[2].scope == "part");
  CHECK(e.nodes[2].inputs[1].edge == kNone);
  CHECK_THAT(std::string(e.nodes[2].where.file), Contains("arithmetic.cpp"));
  CHECK(e.nodes[3].name == "2");  // a number is called by itself
  CHECK_THAT(to_text(e), Contains("-- part\n  c = mul a b") && Contains("d = mul c 2"));
}

TEST_CASE("a constant that is broadcast is an input like any other", "[explain]") {
  const Tensor x = leaf({1, 2, 3, 4}, {2, 2, 1}), c = from_values({5, 6}, {2, 1}, DType::f64);
  const Explanation e = explain([&] { return sum(square(x - c)); }, {{"x", x}}, {.names = {{"c", c}}});
  CHECK_THAT(to_text(e), Contains("b = constant c") && Contains("c = sub a b"));
}

TEST_CASE("where a value fans out, gradients are added in the order in which they come", "[explain]") {
  // y = x + 10 x + 100 x, from the last: 100 first, then 10, then 1.
  const Tensor x = leaf({1}, {});
  const Explanation e = explain(
      [&] {
        const Tensor first = x + 0, second = x * 10, third = x * 100;
        return first + second + third;
      },
      {{"x", x}});
  std::vector<double> arrived, before;
  for (const Explanation::Step& step : e.steps) {
    for (const Explanation::Pass& pass : step.passes) {
      if (e.nodes[pass.to].label != "x") continue;
      arrived.push_back(pass.gradient.item());
      before.push_back(pass.so_far.defined() ? pass.so_far.item() : 0);
    }
  }
  CHECK(arrived == std::vector<double>{100, 10, 1});
  CHECK(before == std::vector<double>{0, 100, 110});
  CHECK(e.nodes[0].gradient.item() == 111);
}

TEST_CASE("an input that stands twice is two edges, compared together", "[explain]") {
  const Tensor x = leaf({3}, {});
  const Explanation e = explain([&] { return x * x; }, {{"x", x}});
  REQUIRE(e.steps[0].passes.size() == 2);
  CHECK_FALSE(e.steps[0].passes[0].so_far.defined());
  CHECK(e.steps[0].passes[1].so_far.item() == 3);
  CHECK(e.nodes[1].inputs[0].jacobian.item() == 3);
  CHECK(e.nodes[1].inputs[0].numeric.item() == Approx(6));
  CHECK(e.worst_difference() < 1e-8);
}

TEST_CASE("what is freed, and when", "[explain]") {
  // c = exp(a) is kept by itself, for its gradient, and by d = c b; d by its square. The result's value is
  // ours.
  const Tensor x = leaf({1}, {}), b = leaf({2}, {});
  const auto f = [&] { return square(exp(x) * b); };
  const Explanation e = explain(f, {{"x", x}, {"b", b}});
  const auto names = [&](const std::string& step) {
    std::string all;
    for (const std::size_t n : step_of(e, step).freed) all += e.nodes[n].name;
    return all;
  };
  CHECK(e.nodes[place_of(e, "c")].op == "exp");
  CHECK(names("e") == "d");  // square kept d
  CHECK(names("d") == "");
  CHECK(names("c") == "c");
  CHECK(step_of(e, "d").edges_freed);
  CHECK(step_of(e, "d").gradient_freed);
  CHECK_FALSE(step_of(e, "a").gradient_freed);  // it is asked for
  CHECK_FALSE(step_of(e, "a").edges_freed);     // a leaf has none
  CHECK_THAT(to_text(e), Contains("frees c\n"));
}

TEST_CASE("without a Trace only what the tape retains has a value, and the graph is released", "[explain]") {
  const Tensor x = leaf({0.5}, {});
  const Tensor h = sin(x), y = exp(h) + 1;
  const Explanation e = explain(y, {{"x", x}});
  CHECK_FALSE(e.traced);
  CHECK(e.nodes[0].value.item() == 0.5);
  CHECK_FALSE(e.nodes[1].value.defined());                    // exp's gradient asks for its own output
  CHECK(e.nodes[2].value.item() == std::exp(std::sin(0.5)));  // and so has this
  CHECK(e.no_numeric != "");
  CHECK_THAT(to_text(e), Contains("not retained") && Contains("no Trace was alive"));
  CHECK_THROWS_WITH(grad(y, x), Contains("released"));

  const Trace trace;
  const Tensor again = exp(sin(x)) + 1;
  const Explanation traced = explain(again, {{"x", x}});
  CHECK(traced.traced);
  CHECK(traced.nodes[1].value.item() == std::sin(0.5));
  CHECK(Trace::current() == &trace);
}

TEST_CASE("the graph of a second derivative, with what each gradient made", "[explain]") {
  // y = (d x^3 / d x)^2 = 9 x^4; dy/dx = 36 x^3.
  const Tensor x = leaf({2}, {});
  const Explanation e =
      explain([&] { return square(grad(x * x * x, x, {.create_graph = true})); }, {{"x", x}});
  CHECK(e.nodes.back().value.item() == 144);
  CHECK(e.nodes[0].gradient.item() == 288);
  CHECK(e.nodes[0].numeric_gradient.item() == Approx(288));
  int made = 0;
  for (const Explanation::Node& node : e.nodes) {
    if (node.gradient_of == kNone) continue;
    ++made;
    CHECK(e.nodes[node.gradient_of].op == "mul");
  }
  CHECK(made > 0);
  CHECK_THAT(to_text(e), Contains("-- gradient of"));
}

TEST_CASE("a product and its relu are one kernel, and compared as one", "[explain]") {
  Rng rng(6);
  const Tensor x = randn({2, 3}, rng, DType::f64).requires_grad_(),
               w = randn({2, 3}, rng, DType::f64).requires_grad_();
  const Explanation e =
      explain([&] { return sum(linear(x, w, {}, Activation::relu)); }, {{"x", x}, {"w", w}});
  const std::size_t product = place_of(e, "c");
  REQUIRE(e.nodes[product].op == "linear");
  CHECK(e.nodes[product].fused_with == product + 1);
  CHECK_FALSE(e.nodes[product].value.defined());
  CHECK(e.nodes[product].inputs[0].numeric.defined());
  CHECK(e.worst_difference() < 1e-7);
  CHECK_THAT(to_text(e), Contains("made with d at once"));
}

TEST_CASE("a wrong gradient stands out", "[explain]") {
  const Tensor x = leaf({0.3, -0.8}, {2});
  const auto f = [&] { return sum(tanh(x) * x); };
  CHECK(explain(f, {{"x", x}}).worst_difference() < 1e-8);
  const FilterGradients wrong([](const Node& node, std::size_t, const Tensor&, const Tensor&, Tensor result) {
    return std::string(node.op) == "tanh" ? result * 1.01 : result;
  });
  CHECK(explain(f, {{"x", x}}).worst_difference() > 1e-3);
}

TEST_CASE("leaves are as they were, and so are bits and versions", "[explain]") {
  const Tensor x = leaf({0.3, -0.8, 1e5}, {3});
  const Tensor kept = sum(x * x);
  explain([&] { return sum(sin(x)); }, {{"x", x}});
  CHECK(x.to_vector() == std::vector<double>{0.3, -0.8, 1e5});
  CHECK_NOTHROW(grad(kept, x));  // it does not count as a write
}

TEST_CASE("where no numeric derivative can be taken, it says why", "[explain]") {
  const Tensor x = from_values({1, 2}, {2}).requires_grad_();
  CHECK_THAT(explain([&] { return sum(x * x); }, {{"x", x}}).no_numeric, Contains("f32"));
  const Tensor d = leaf({1}, {});
  int calls = 0;
  const Explanation e = explain([&] { return ++calls % 3 == 0 ? exp(d) : exp(d) * d; }, {{"d", d}});
  CHECK_THAT(e.no_numeric, Contains("run again"));
  CHECK_THAT(explain([&] { return d * d; }, {{"d", d}}, {.numeric = false}).no_numeric,
             Contains("not asked"));
}

TEST_CASE("a checkpoint's inner pass is not mistaken for the graph's own", "[explain]") {
  const Tensor x = leaf({0.7}, {});
  const Explanation e =
      explain([&] { return checkpoint([](const TensorList& in) { return exp(in[0]) * in[0]; }, {x}) * 2; },
              {{"x", x}});
  CHECK(e.nodes[0].gradient.item() == Approx(2 * std::exp(0.7) * 1.7));
  for (const Explanation::Step& step : e.steps) CHECK(step.node < e.nodes.size());
}

TEST_CASE("a long chain is explained without recursion", "[explain]") {
  const Tensor x = leaf({1}, {});
  const Explanation e = explain(
      [&] {
        Tensor y = x;
        for (int i = 0; i < 100'000; ++i) y = y + 0;
        return y;
      },
      {{"x", x}});
  CHECK(e.nodes[0].gradient.item() == 1);
  CHECK_THAT(e.no_numeric, Contains("too large"));
}

TEST_CASE("explain refuses as grad does", "[explain]") {
  const Tensor x = leaf({1, 2}, {2}), other = leaf({1}, {});
  CHECK_THROWS_WITH(explain(x * 2, {{"x", x}}), Contains("grad_outputs"));
  CHECK_THROWS_WITH(explain(sum(x.detach()), {{"x", x}}), Contains("does not depend"));
  CHECK_THROWS_WITH(explain(sum(x), {{"other", other}}), Contains("no output depends"));
}
