// The tape and the engine: what grad() and backward() promise, what they refuse, and what they cost.
#include <array>
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "autograd/grad.h"
#include "autograd/modes.h"
#include "autograd/node.h"
#include "autograd/ops.h"
#include "autograd/record.h"
#include "autograd/tensor.h"
#include "base/error.h"
#include "tests/support/catch.h"

using namespace saccade;
using Catch::Contains;

namespace {

using Values = std::vector<double>;

Tensor leaf(std::initializer_list<double> values, const Shape& shape) {
  return from_values(values, shape, DType::f64).requires_grad_();
}
Tensor leaf(double value) { return leaf({value}, {}); }

// An op of a user's own, x^3, that counts how often its gradient is asked for.
Tensor cube(const Tensor& x, int& calls) {
  const Tensor c = x.detach();
  return record("cube", c * c * c, {{x, [x, &calls](const Tensor& g) {
                                       ++calls;
                                       return g * (3 * square(x));
                                     }}});
}

// One whose gradient is whatever is given.
Tensor with_gradient(const Tensor& x, const Tensor& gradient) {
  return record("odd", x.detach() * 1, {{x, [gradient](const Tensor&) { return gradient; }}});
}

void overwrite(const Tensor& x) {
  const NoGrad no_grad;
  x.fill_(0);
}

}  // namespace

TEST_CASE("grad and backward agree, and backward accumulates", "[engine]") {
  const Tensor x = leaf({1, 2, 3}, {3}), w = leaf({4, 5, 6}, {3});
  const auto loss = [&] { return sum(x * w + square(x)); };
  const TensorList g = grad(loss(), {x, w});
  CHECK(g[0].to_vector() == Values{6, 9, 12});
  CHECK(g[1].to_vector() == Values{1, 2, 3});
  CHECK_FALSE(x.grad().defined());  // grad() leaves nothing behind
  loss().backward();
  CHECK(x.grad().to_vector() == g[0].to_vector());
  CHECK(w.grad().to_vector() == g[1].to_vector());
  loss().backward();
  CHECK(x.grad().to_vector() == Values{12, 18, 24});
  x.zero_grad();
  CHECK_FALSE(x.grad().defined());
  CHECK(w.grad().to_vector() == Values{2, 4, 6});
  CHECK_FALSE(g[0].requires_grad());
  CHECK_THROWS_WITH(zeros({2}).grad(), Contains("does not need a gradient") && Contains("f32 [2]"));
}

TEST_CASE("what backward leaves in a leaf may be written to", "[engine]") {
  const Tensor a = leaf({1, 2}, {2}), b = leaf({3, 4}, {2}), seed = ones({2}, DType::f64);
  backward(a + b, {.grad_outputs = {seed}});  // one gradient for both
  a.grad().fill_(9);
  CHECK(b.grad().to_vector() == Values{1, 1});
  CHECK(seed.to_vector() == Values{1, 1});
  a.zero_grad();
  sum(a).backward();  // one number, expanded
  slice(a.grad(), 0, 0, 1).fill_(5);
  CHECK(a.grad().to_vector() == Values{5, 1});
}

TEST_CASE("shared subexpressions add up", "[engine]") {
  const Tensor x = leaf(3);
  const Tensor y = x * x;          // 2 x = 6
  const Tensor z = y * y + y + x;  // 2 y y' + y' + 1 = 108 + 6 + 1
  CHECK(grad(z, x).item() == 115);
  Tensor power = x;  // x^(2^10), each step using the last twice: 2^10 paths
  for (int i = 0; i < 10; ++i) power = power * power;
  const Tensor one = leaf(1);
  Tensor twice = one;
  for (int i = 0; i < 40; ++i) twice = twice + twice;  // 2^40 paths, 40 visits
  CHECK(grad(twice, one).item() == std::ldexp(1.0, 40));
  CHECK(grad(power, x).item() == Approx(1024 * std::pow(3.0, 1023)));
}

TEST_CASE("gradients with respect to intermediates, outputs and repeated inputs", "[engine]") {
  const Tensor x = leaf(2), h = x * x, y = h * h;
  const TensorList g = grad(y, {h, x, y, h}, {.retain_graph = true});
  CHECK(g[0].item() == 8);
  CHECK(g[1].item() == 32);
  CHECK(g[2].item() == 1);
  CHECK(g[3].item() == 8);
  CHECK(grad(y, h).item() == 8);  // stops there
  CHECK(grad(h, x).item() == 4);  // so this part was not released
  CHECK(grad(x, x).item() == 1);
  CHECK(grad(x, TensorList{}).empty());
  CHECK(grad(sum(x * x), TensorList{}).empty());
}

TEST_CASE("grad_outputs weight the outputs", "[engine]") {
  const Tensor x = leaf({1, 2}, {2}), y = square(x), z = sum(x);
  const Tensor seed = from_values({10, 100}, {2}, DType::f64), half = scalar(0.5, DType::f64);
  CHECK(grad(y, x, {.grad_outputs = {seed}, .retain_graph = true}).to_vector() == Values{20, 400});
  CHECK(grad({y, z, y}, {x}, {.grad_outputs = {seed, half, seed}})[0].to_vector() == Values{40.5, 800.5});
  const Tensor v = square(x);
  CHECK_THROWS_AS(grad(v, x), GradError);
  CHECK_THROWS_WITH(grad(v, x), Contains("[2]") && Contains("grad_outputs"));
  CHECK_THROWS_WITH(grad(v, x, {.grad_outputs = {seed, seed}}),
                    Contains("2 grad_outputs given for 1 outputs"));
  CHECK_THROWS_AS(grad(v, x, {.grad_outputs = {half}}), ShapeError);
  CHECK_THROWS_AS(grad(v, x, {.grad_outputs = {Tensor()}}), ShapeError);
  CHECK_THROWS_WITH(grad(v, x, {.grad_outputs = {ones({2})}}), Contains("f32 [2]") && Contains("f64 [2]"));
  backward(v, {.grad_outputs = {seed}});
  CHECK(x.grad().to_vector() == Values{20, 400});
}

TEST_CASE("derivatives of any order", "[engine]") {
  const Tensor x = leaf(1.5);
  const GradOptions again = {.create_graph = true};
  // 2 x^5 - x^3: each value is a short binary fraction, so every step is exact.
  const Tensor p = 2 * (square(square(x)) * x) - x * x * x;
  const Tensor p1 = grad(p, x, again), p2 = grad(p1, x, again), p3 = grad(p2, x, again);
  CHECK(p1.item() == 10 * std::pow(1.5, 4) - 3 * 1.5 * 1.5);
  CHECK(p2.item() == 40 * std::pow(1.5, 3) - 6 * 1.5);
  CHECK(p3.item() == 120 * 1.5 * 1.5 - 6);
  const Tensor p4 = grad(p3, x, again);
  CHECK(p4.item() == 240 * 1.5);
  CHECK(grad(p4, x).item() == 240);

  const Tensor u = leaf(0.75), t = tanh(u);
  const Tensor t1 = grad(t, u, again), t2 = grad(t1, u, again), t3 = grad(t2, u, again);
  const double y = t.item(), s = 1 - y * y;
  // A handful of f64 roundings of numbers below 2: 1e-15 is 5 of their units.
  CHECK(t1.item() == Approx(s).margin(1e-15));
  CHECK(t2.item() == Approx(-2 * y * s).margin(1e-15));
  CHECK(t3.item() == Approx(s * (6 * y * y - 2)).margin(1e-15));

  // Through leaves' grad(): backward with create_graph leaves a gradient that can be differentiated.
  const Tensor v = leaf(2);
  backward(v * v * v, again);
  CHECK(grad(v.grad(), v).item() == 12);
}

TEST_CASE("NoGrad and detach stop the tape", "[engine]") {
  const Tensor x = leaf(2);
  {
    const NoGrad outer;
    CHECK_FALSE(grad_enabled());
    { const NoGrad inner; }
    CHECK_FALSE(grad_enabled());
    CHECK_FALSE((x * x).requires_grad());
    CHECK(x.requires_grad());
    CHECK_THROWS_AS((x * x).backward(), GradError);
  }
  CHECK(grad_enabled());
  CHECK(grad(x * x.detach(), x).item() == 2);
  CHECK_FALSE(x.detach().requires_grad());
  std::thread([] { CHECK(grad_enabled()); }).join();  // the switch is this thread's own
  CHECK_THROWS_WITH((x * x).requires_grad_(), Contains("'mul'") && Contains("not a leaf"));
}

TEST_CASE("inputs that the outputs do not use", "[engine]") {
  const Tensor before = leaf({1, 1}, {2}), x = leaf(2), y = x * x, after = leaf({1, 1, 1}, {3});
  for (const Tensor& unused : {before, after}) {
    INFO(describe(unused));
    CHECK_THROWS_AS(grad(y, unused, {.retain_graph = true}), GradError);
    CHECK_THROWS_WITH(grad(y, {x, unused}, {.retain_graph = true}),
                      Contains("input 1") && Contains(describe(unused)) && Contains("allow_unused"));
    const TensorList g = grad(y, {unused, x}, {.retain_graph = true, .allow_unused = true});
    CHECK(g[0].to_vector() == Values(static_cast<std::size_t>(unused.numel())));
    CHECK(g[1].item() == 4);
    CHECK(grad(y, unused, {.retain_graph = true, .allow_unused = true}).shape() == unused.shape());
  }
  CHECK_THROWS_WITH(grad(y, scalar(1)), Contains("input 0") && Contains("does not require a gradient"));
  CHECK_THROWS_WITH(grad(y, Tensor()), Contains("input 0") && Contains("undefined"));
  CHECK_THROWS_WITH(grad(scalar(1), x), Contains("does not depend on any tensor"));
  CHECK_THROWS_WITH(grad(Tensor(), x), Contains("undefined"));
  CHECK_THROWS_AS(Tensor().backward(), GradError);
  CHECK(grad(y, x).item() == 4);  // the errors above spoilt nothing
}

TEST_CASE("a graph is released by its pass unless it is retained", "[engine]") {
  const Tensor x = leaf(3);
  const Tensor y = exp(x * x);
  const double once = grad(y, x, {.retain_graph = true}).item();
  CHECK(grad(y, x).item() == once);
  CHECK_THROWS_AS(grad(y, x), GradError);
  CHECK_THROWS_WITH(grad(y, x), Contains("'exp'") && Contains("retain_graph"));
  CHECK_THROWS_AS(y.backward(), GradError);
  const Tensor later = y * 2;  // a released node may still be built upon, but not gone through
  CHECK_THROWS_WITH(later.backward(), Contains("retain_graph"));
}

TEST_CASE("a saved tensor that was overwritten is an error that names the op", "[engine]") {
  const Tensor x = leaf({1, 2}, {2});
  const auto refuses = [&](const Tensor& y, const char* op) {
    INFO(op);
    CHECK_THROWS_AS(grad(sum(y), x), GradError);
    CHECK_THROWS_WITH(grad(sum(y), x), Contains(op) && Contains("overwritten") && Contains("[2]"));
  };
  const Tensor w = ones({2}, DType::f64);
  {
    const Scope actor("actor"), layer("0");
    const Tensor y = x * w;
    overwrite(w);
    refuses(y, "'mul' of actor/0");
  }
  const Tensor e = exp(x);  // saves its own output
  overwrite(e);
  refuses(e, "'exp'");
  const Tensor d = x / w;
  slice(w, 0, 0, 1).fill_(2);  // through a view
  refuses(d, "'div'");
  const Tensor q = x * w;
  static_cast<void>(w.mutable_data<double>());  // through the raw pointer
  refuses(q, "'mul'");
  const Tensor s = square(x);
  overwrite(x);
  refuses(s, "'square'");
}

TEST_CASE("overwriting what no gradient needs is fine", "[engine]") {
  const Tensor x = leaf({1, 2}, {2}), a = ones({2}, DType::f64);
  const Tensor y = x + a, out = x * 3;
  overwrite(a);
  overwrite(out);  // mul by a number saves neither its input nor its output
  CHECK(grad(sum(y), x).to_vector() == Values{1, 1});
  CHECK(grad(sum(out), x).to_vector() == Values{3, 3});

  const Tensor w = leaf({1, 2, 3, 4}, {2, 2}), fixed = ones({2, 2}, DType::f64);
  const Tensor z = matmul(w, fixed), v = matmul(fixed, w);
  overwrite(w);  // saved only for the gradient of `fixed`, which needs none
  CHECK(grad(sum(z), w).to_vector() == Values{2, 2, 2, 2});
  CHECK(grad(sum(v), w).to_vector() == Values{2, 2, 2, 2});
}

TEST_CASE("writing to a recorded tensor in place is an error", "[engine]") {
  const Tensor x = leaf({1, 2}, {2});
  CHECK_THROWS_AS(x.fill_(0), GradError);
  CHECK_THROWS_WITH(x.copy_(zeros({2}, DType::f64)),
                    Contains("copy_") && Contains("f64 [2]") && Contains("NoGrad"));
  CHECK_THROWS_AS((x * 2).fill_(0), GradError);
  CHECK_THROWS_AS(slice(x, 0, 0, 1).fill_(0), GradError);
  CHECK(x.to_vector() == Values{1, 2});
  x.detach().fill_(5);
  CHECK(x.to_vector() == Values{5, 5});
}

TEST_CASE("a gradient must have its input's shape and dtype", "[engine]") {
  const Tensor x = leaf({1, 2}, {2});
  for (const Tensor& wrong : {ones({2, 1}, DType::f64), scalar(1, DType::f64), ones({2}), Tensor()}) {
    const Scope scope("critic");
    const Tensor y = sum(with_gradient(x, wrong));
    CHECK_THROWS_AS(grad(y, x, {.retain_graph = true}), GradError);
    CHECK_THROWS_WITH(y.backward(), Contains("'odd' of critic") && Contains(describe(wrong)) &&
                                        Contains("expected f64 [2]"));
  }
  CHECK(grad(sum(with_gradient(x, zeros({2}, DType::f64))), x).to_vector() == Values{0, 0});
}

TEST_CASE("scopes nest and label what is made inside", "[engine]") {
  const Tensor x = leaf(1);
  const auto scope_of = [&] {
    const std::string* scope = (x * x).body()->node->scope;
    return scope == nullptr ? "none" : *scope;
  };
  CHECK(scope_of() == "none");
  {
    const Scope actor("actor");
    CHECK(scope_of() == "actor");
    {
      const Scope layer("0");
      CHECK(scope_of() == "actor/0");
    }
    CHECK(scope_of() == "actor");
    const std::string* first = Scope::current();
    const Scope other("1");
    CHECK(scope_of() == "actor/1");
    CHECK(*first == "actor");
  }
  CHECK(Scope::current() == nullptr);
}

TEST_CASE("only what leads to the inputs asked for is visited", "[engine]") {
  const Tensor x = leaf(2), w = leaf(3);
  int of_x = 0, of_w = 0;
  const auto loss = [&] { return cube(x, of_x) * cube(w, of_w); };
  CHECK(grad(loss(), w).item() == 8 * 27);
  CHECK((of_x == 0 && of_w == 1));
  CHECK(grad(loss(), x).item() == 27 * 12);
  CHECK((of_x == 1 && of_w == 1));
  loss().backward();
  CHECK((of_x == 2 && of_w == 2));
  const Tensor h = cube(x, of_x), y = cube(h, of_x);
  grad(y, h);
  CHECK(of_x == 3);  // not below h
}

TEST_CASE("an op of a user's own may differentiate within its gradient", "[engine]") {
  // f = sin(x)^2 with its own graph made beforehand, gone through by the gradient.
  const auto make = [](const Tensor& x) {
    const Tensor inner = x.detach().requires_grad_();
    const Tensor y = square(sin(inner));
    return record("inner", y.detach(), {{x, [inner, y](const Tensor& g) {
                                           return grad(y, inner, {.grad_outputs = {g}, .retain_graph = true});
                                         }}});
  };
  const Tensor x = leaf({0.3, 0.4}, {2});
  const Tensor direct = grad(sum(square(sin(x))), x), twice = grad(sum(make(x) + make(x)), x);
  CHECK(grad(sum(make(x)), x).to_vector() == direct.to_vector());
  CHECK(twice.to_vector() == (2 * direct).to_vector());
  // The same with its graph made anew within the gradient, where recording is off by default.
  const Tensor fresh = record("fresh", square(sin(x.detach())),
                              {{x, [x](const Tensor& g) {
                                  EnableGrad enable;
                                  const Tensor again = x.detach().requires_grad_();
                                  return grad(square(sin(again)), again, {.grad_outputs = {g}});
                                }}});
  CHECK(grad(sum(fresh), x).to_vector() == direct.to_vector());
  // Handing an input through unchanged must leave the input itself alone.
  const Tensor same = record("same", x, {{x, [](const Tensor& g) { return g * 2; }}});
  CHECK(grad(sum(same), x).to_vector() == Values{2, 2});
  CHECK(grad(sum(x), x).to_vector() == Values{1, 1});
}

TEST_CASE("a gradient that throws while record() copies it leaves nothing behind", "[engine]") {
  struct Fuse {
    bool* lit;
    explicit Fuse(bool& b) : lit(&b) {}
    Fuse(const Fuse& other) : lit(other.lit) {
      if (*lit) throw std::runtime_error("copied");
    }
  };
  const Tensor x = leaf(2), y = x * x;
  bool lit = false;
  const auto gradient = [x, fuse = Fuse(lit)](const Tensor& g) { return g * x; };
  const auto large = [gradient, padding = std::array<double, 20>()](const Tensor& g) {
    return gradient(g) + padding[0];
  };
  lit = true;
  CHECK_THROWS_WITH(Edge(x, gradient), "copied");
  CHECK_THROWS_WITH(Edge(x, large), "copied");
  CHECK(detail::captured == nullptr);
  lit = false;
  CHECK(grad(record("fused", y.detach(), {{x, gradient}, {x, large}}), x).item() == 4);
}

TEST_CASE("a graph may be used by another thread", "[engine]") {
  const Tensor x = leaf(2), y = x * x * x;
  Values found(3);
  for (double& value : found) {
    std::thread([&] { value = grad(y, x, {.retain_graph = true}).item(); }).join();
  }
  CHECK(found == Values{12, 12, 12});
}
