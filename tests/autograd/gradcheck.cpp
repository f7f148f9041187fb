// The gradients of every op against finite differences, and gradcheck itself against gradients that are wrong
// on purpose.

#include "autograd/gradcheck.h"

#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <sstream>

#include "autograd/ops.h"
#include "autograd/record.h"
#include "tests/support/catch.h"
#include "tools/gradcheck/suite.h"

using namespace saccade;

namespace {

std::string report(const GradcheckResult& result) {
  std::ostringstream out;
  out << result;
  return out.str();
}

// tanh with a gradient of the caller's.
template <class G>
auto tanh_with(G gradient) {
  return [gradient](const Tensor& x) { return record("tanh_with", tanh(x.detach()), {{x, gradient}}); };
}

}  // namespace

TEST_CASE("every op's gradients, orders 1 and 2, in every shape and layout", "[gradcheck]") {
  for (const suite::Check& check : suite::op_checks()) {
    if (!check.differentiable) continue;
    const GradcheckResult result = check.run(2);
    INFO(check.name << "(" << check.variant << ")\n" << report(result));
    CHECK(result.passed());
  }
}

TEST_CASE("ops without a gradient say so by giving a constant", "[gradcheck]") {
  int seen = 0;
  for (const suite::Check& check : suite::op_checks()) {
    if (check.differentiable) continue;
    ++seen;
    TensorList leaves;
    for (const Tensor& x : check.inputs) leaves.push_back(x.detach().requires_grad_());
    INFO(check.name << "(" << check.variant << ")");
    for (const Tensor& y : check.f(leaves)) CHECK_FALSE(y.requires_grad());
  }
  CHECK(seen > 10);
}

TEST_CASE("layers, distributions, losses, optimisers and the policy: values, and gradients of orders 1 and 2",
          "[gradcheck]") {
  int values = 0;
  for (const auto& part :
       {suite::layer_checks, suite::distribution_checks, suite::policy_checks, suite::algorithm_checks,
        suite::discrete_algorithm_checks, suite::optimizer_checks}) {
    const std::vector<suite::Check> checks = part();
    CHECK(checks.size() >= 4);
    for (const suite::Check& check : checks) {
      INFO(check.name << "(" << check.variant << ")");
      if (check.expected) {
        ++values;
        CHECK(suite::value_error(check) < suite::kValueTolerance);
      }
      if (!check.differentiable) continue;
      const GradcheckResult result = check.run(2);
      INFO(report(result));
      CHECK(result.passed());
    }
  }
  CHECK(values > 250);
}

// f32 rounds to 2^-24 relative. The ops of the table take at most a few dozen roundings on the way to a value
// or gradient, and the functions amplify an input's rounding by their condition: exp, softmax and logsumexp
// by |x|, up to 300 in the rows that go far out.

TEST_CASE("values and gradients in f32 agree with f64", "[gradcheck]") {
  for (const suite::Check& check : suite::op_checks()) {
    if (!check.differentiable) continue;
    INFO(check.name << "(" << check.variant << ")");
    CHECK(suite::f32_error(check) < 64);
  }
}

TEST_CASE("every op declared in ops.h has a row in the table", "[gradcheck]") {
  std::ifstream file(std::string(SACCADE_SOURCE_DIR) + "/autograd/ops.h");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  std::set<std::string> rows;
  for (const suite::Check& check : suite::op_checks()) rows.insert(check.name);
  const std::regex declaration(R"(\n(?:Tensor|TensorList|std::pair<Tensor, Tensor>) (\w+)\()");
  int declared = 0;
  for (std::sregex_iterator at(text.begin(), text.end(), declaration), end; at != end; ++at) {
    ++declared;
    INFO("autograd/ops.h declares " << (*at)[1] << "; no tools/gradcheck/op_table_*.cpp has a row for it");
    CHECK(rows.count((*at)[1]) == 1);
  }
  CHECK(declared > 80);
}

TEST_CASE("gradcheck notices a gradient that is wrong, and says how", "[gradcheck]") {
  Rng rng(1);
  const Tensor x = randn({3, 2}, rng, DType::f64);
  const auto explanation = [&](auto gradient, double factor = 1) {
    const auto f = tanh_with(gradient);
    const GradcheckResult result = gradcheck([&](const Tensor& in) { return factor * f(in); }, x);
    CHECK_FALSE(result.passed());
    return result.explanation();
  };
  using Catch::Contains;
  CHECK_THAT(explanation([](const Tensor& g, const Tensor& y) { return 1.01 * (g * (1 - square(y))); }),
             Contains("1.01 times"));
  CHECK_THAT(explanation([](const Tensor& g, const Tensor& y) { return g * (square(y) - 1); }),
             Contains("sign"));
  CHECK_THAT(explanation([](const Tensor& g) { return zeros_like(g); }), Contains("zero throughout"));
  for (const double factor : {1e-6, 1.0, 1e6}) {
    CHECK_THAT(explanation([](const Tensor& g, const Tensor& y) { return g * (1 - y); }, factor),
               Contains("formula"));
    CHECK_THAT(
        explanation([](const Tensor& g, const Tensor& y) { return flip(g * (1 - square(y)), {0}); }, factor),
        Contains("transposed"));
  }
  const auto flat = [](const Tensor& in) {
    return record("flat", 0 * in.detach(), {{in, [](const Tensor& g) { return g; }}});
  };
  CHECK_THAT(gradcheck(flat, x).explanation(), Contains("formula"));
  CHECK_THAT(explanation([](const Tensor& g) { return sum(g, {0}); }), Contains("expected f64 [3, 2]"));
  // Right at order 1, but with a part that the second order cannot see.
  const auto detached =
      tanh_with([](const Tensor& g, const Tensor& y) { return g * (1 - square(y)).detach(); });
  CHECK(gradcheck(detached, x).passed());
  const auto both = [&](const TensorList& in) { return TensorList{detached(in[0])}; };
  const GradcheckResult second = gradcheck(both, {x}, {.order = 2});
  CHECK_FALSE(second.passed());
  CHECK_THAT(second.explanation(), Contains("order 2"));
  CHECK(second.worst_relative_error(1) < 1e-6);
  CHECK(second.worst_relative_error(2) > 1e-3);
}

TEST_CASE("gradcheck names corners, domain edges, exceptions and chance", "[gradcheck]") {
  using Catch::Contains;
  CHECK_THAT(gradcheck([](const Tensor& x) { return relu(x); }, zeros({2})).explanation(),
             Contains("corner"));
  CHECK_THAT(gradcheck([](const Tensor& x) { return log(x); }, zeros({2})).explanation(),
             Contains("edge of the domain"));
  CHECK_THAT(gradcheck([](const Tensor& x) { return reshape(x, {7}); }, zeros({2})).explanation(),
             Contains("reshape"));
  Rng rng(3);
  CHECK_THAT(
      gradcheck([&](const Tensor& x) { return x * rand({2}, rng, DType::f64); }, ones({2})).explanation(),
      Contains("different results"));
}

TEST_CASE("gradcheck takes inputs in any memory layout, and notices an op that does not", "[gradcheck]") {
  Rng rng(8);
  const Tensor x = randn({3, 4}, rng, DType::f64);
  const Tensor layouts[] = {transpose(x), slice(x, 1, 0, 4, 2), expand(slice(x, 0, 1, 2), {3, 4}),
                            view_of(x, {5, 3}, {1, 2}, 0)};  // the last overlaps itself
  for (const Tensor& layout : layouts)
    CHECK(gradcheck([](const Tensor& t) { return tanh(t); }, layout).passed());
  // Reads memory in order, whatever the strides say.
  const auto careless = [](const Tensor& t) {
    return tanh(view_of(t, t.shape(), contiguous_strides(t.shape()), 0)) + 0 * t;
  };
  CHECK_THAT(gradcheck(careless, transpose(x)).explanation(),
             Catch::Contains("memory layout") || Catch::Contains("zero"));
}

TEST_CASE("gradcheck compares reverse with forward mode", "[gradcheck]") {
  Rng rng(9);
  const Tensor x = randn({3}, rng, DType::f64);
  // Right for the g of a sweep, but g enters as a constant: v . J is not linear in v as far as the tape
  // knows.
  const auto frozen =
      tanh_with([](const Tensor& g, const Tensor& y) { return g.detach() * (1 - square(y)); });
  CHECK_THAT(gradcheck(frozen, x).explanation(), Catch::Contains("reverse and forward mode disagree"));
}

TEST_CASE("a corner within reach of the steps is reported as one", "[gradcheck]") {
  const Tensor x = from_values({1.3e-4, -2e-4, 0.5}, {3}, DType::f64);
  CHECK_THAT(gradcheck([](const Tensor& t) { return relu(t); }, x).explanation(), Catch::Contains("corner"));
}

TEST_CASE("the worst relative error is that of its order, and of elements that are not tiny", "[gradcheck]") {
  // Elements are off by 1, 25 and 2 %; the last is beneath what a relative error means.
  const Tensor factor = from_values({1, 1, 1, 1e-9}, {4}, DType::f64);
  const Tensor wrong = from_values({1.01, 1.25, 1.02, 2e-9}, {4}, DType::f64);
  const auto f = [&](const Tensor& x) {
    return record("off", x.detach() * factor, {{x, [&](const Tensor& g) { return g * wrong; }}});
  };
  const GradcheckResult result = gradcheck(f, ones({4}, DType::f64));
  CHECK(result.worst_relative_error(1) == Approx(0.2));  // of the larger of the two
  CHECK(result.worst_relative_error(2) == 0);
}

TEST_CASE("gradcheck's report names the worst element and both numbers", "[gradcheck]") {
  const Tensor x = from_values({0.5, -0.25}, {2});
  const GradcheckResult result = gradcheck([](const Tensor& t) { return square(t); }, x);
  REQUIRE(result.passed());
  REQUIRE(result.inputs.size() == 1);
  REQUIRE(result.inputs[0].elements.size() == 2);
  CHECK(result.inputs[0].elements[0].step > 0);
  CHECK_THAT(report(result),
             Catch::Contains("analytic") && Catch::Contains("numeric") && Catch::Contains("passed"));
}

TEST_CASE("fast mode checks one direction per input", "[gradcheck]") {
  Rng rng(5);
  const Tensor x = randn({40, 30}, rng, DType::f64);
  const auto f = [](const TensorList& in) { return TensorList{tanh(in[0])}; };
  const GradcheckResult good = gradcheck(f, {x}, {.order = 2, .fast = true});
  CHECK(good.passed());
  CHECK(good.inputs[0].elements.size() == 1);
  const auto bad = tanh_with([](const Tensor& g, const Tensor& y) { return 1.01 * (g * (1 - square(y))); });
  CHECK_FALSE(
      gradcheck([&](const TensorList& in) { return TensorList{bad(in[0])}; }, {x}, {.fast = true}).passed());
}

TEST_CASE("a function that holds f32 tensors of its own is checked in f64", "[gradcheck]") {
  Rng rng(0);
  const Tensor x = randn({6, 3}, rng), w = randn({3, 4}, rng).requires_grad_();
  CHECK(gradcheck([&](const Tensor& v) { return mean(square(tanh(matmul(x, v)))); }, w).passed());
}
