// Hooks on gradients, the detection of NaN and infinity, and where nodes were made.

#include <cmath>
#include <string>

#include "autograd/anomaly.h"
#include "autograd/grad.h"
#include "autograd/modes.h"
#include "autograd/node.h"
#include "autograd/ops.h"
#include "autograd/record.h"
#include "base/error.h"
#include "tests/support/catch.h"

using namespace saccade;
using Catch::Contains;

TEST_CASE("a hook sees the whole gradient, and may replace it", "[hooks]") {
  const Tensor x = from_values({1, 2}, {2}, DType::f64).requires_grad_();
  const Tensor h = 3 * x;
  std::vector<double> seen;
  h.register_hook([&](const Tensor& g) {
    seen = g.to_vector();
    return 10 * g;
  });
  const Tensor y = sum(h * h) + sum(h);  // d/dh = 2 h + 1
  CHECK(grad(y, x).to_vector() == std::vector<double>{3 * 10 * 7, 3 * 10 * 13});
  CHECK(seen == std::vector<double>{7, 13});
}

TEST_CASE("a hook on a leaf acts on grad and backward, and an undefined result leaves the gradient",
          "[hooks]") {
  const Tensor x = scalar(2, DType::f64).requires_grad_();
  int calls = 0;
  x.register_hook([&](const Tensor&) {
    ++calls;
    return Tensor();
  });
  CHECK(grad(square(x), x).item() == 4);
  square(x).backward();
  CHECK(x.grad().item() == 4);
  CHECK(calls == 2);
  x.register_hook([](const Tensor&) { return zeros({3}, DType::f64); });
  CHECK_THROWS_WITH(grad(square(x), x), Contains("hook") && Contains("[3]"));
  CHECK_THROWS_AS(scalar(1).register_hook([](const Tensor& g) { return g; }), GradError);
}

TEST_CASE("an anomaly is named where it first appears, forward", "[anomaly]") {
  const Tensor x = from_values({1, 0, 2}, {3}).requires_grad_();
  CHECK_NOTHROW(log(x));
  const DetectAnomaly detect;
  const Scope scope("actor");
  CHECK_THROWS_WITH(exp(log(x)),
                    Contains("'log' of actor") && Contains("-inf") && Contains("element 1 of [3]"));
  CHECK_THROWS_AS(reciprocal(x), Error);
  CHECK_NOTHROW(exp(x));
}

TEST_CASE("an anomaly is named where it first appears, backward", "[anomaly]") {
  const Tensor x = from_values({4, 0}, {2}).requires_grad_();
  const Tensor y = sum(sqrt(x) * 3);
  {
    const DetectAnomaly detect;
    CHECK_THROWS_WITH(grad(y, x, {.retain_graph = true}), Contains("gradient of 'sqrt'") && Contains("inf"));
  }
  CHECK(std::isinf(grad(y, x).to_vector()[1]));
}

TEST_CASE("nodes say where they were recorded, if they are asked to", "[engine]") {
  const Tensor x = scalar(2).requires_grad_();
  const auto where = [](const Tensor& y) { return y.body()->node->where; };
  const auto own = [&] { return record("own", x.detach(), {{x, [](const Tensor& g) { return g; }}}); };
  constexpr int kLine = __LINE__ - 1;
  CHECK(where(tanh(x)).line == 0);
  {
    const NoteLocations note;
    CHECK(where(own()).line == kLine);
    CHECK_THAT(where(own()).file, Catch::EndsWith("diagnostics.cpp"));
    CHECK_THAT(where(tanh(x)).file, Catch::EndsWith("ops/pointwise.cpp"));
    CHECK_THAT(where(linear(ones({1, 1}), reshape(x, {1, 1}))).file, Catch::EndsWith("ops/matmul.cpp"));
  }
  CHECK(where(own()).line == 0);
}
