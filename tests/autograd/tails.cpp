// Elementwise ops and their first two derivatives by relative error, over the whole range where the exact
// value is a normal number. Finite differences cannot see a gradient that is 0 where it should be 1e-17; this
// does.
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "autograd/grad.h"
#include "autograd/ops.h"
#include "tests/support/catch.h"
#include "tests/support/reference_data.h"

using namespace saccade;
using namespace saccade::tests;

namespace {

using Op = std::function<Tensor(const Tensor&)>;

Tensor bce(const Tensor& x, double target) {
  return binary_cross_entropy_with_logits(x, full(x.shape(), target, x.dtype()), Reduction::none);
}

Op plain(Tensor (*f)(const Tensor&)) { return f; }

const std::map<std::string, Op> kOps = {
    {"exp", plain(saccade::exp)},
    {"log", plain(saccade::log)},
    {"log1p", plain(saccade::log1p)},
    {"expm1", plain(saccade::expm1)},
    {"sqrt", plain(saccade::sqrt)},
    {"rsqrt", plain(saccade::rsqrt)},
    {"tanh", plain(saccade::tanh)},
    {"sigmoid", plain(saccade::sigmoid)},
    {"softplus", plain(saccade::softplus)},
    {"logsigmoid", plain(saccade::logsigmoid)},
    {"elu", [](const Tensor& x) { return elu(x); }},
    {"silu", plain(saccade::silu)},
    {"gelu_erf", [](const Tensor& x) { return gelu(x); }},
    {"gelu_tanh", [](const Tensor& x) { return gelu(x, Gelu::tanh); }},
    {"mish", plain(saccade::mish)},
    {"erf", plain(saccade::erf)},
    {"atan", plain(saccade::atan)},
    {"sin", plain(saccade::sin)},
    {"cos", plain(saccade::cos)},
    {"bce_with_logits_target_1", [](const Tensor& x) { return bce(x, 1); }},
    {"bce_with_logits_target_0", [](const Tensor& x) { return bce(x, 0); }},
};

// How many roundings, half a unit of the last place each, a result may be off by at x. A few; but the
// exponential of an argument a is off by the roundings of a times |a|, however well it is computed.
double allowed(const std::string& op, double x) {
  if (op == "gelu_tanh") return 16 + 2 * std::abs(1.5957691 * (x + 0.044715 * x * x * x));  // x sigmoid(a)
  if (op == "mish" && x > 0) return 16 + 2 * x;  // with tanh'(softplus(x)) in its derivatives
  // Its slope is 0 at -0.7518, as the difference of two terms of 0.23, each rounded.
  if (op == "gelu_erf" && std::abs(x + 0.7518) < 0.05) return 4 * 0.23 / std::abs(x + 0.7518);
  return 16;
}

// What may be missing altogether. e^x below the smallest normal number is flushed to 0, and with it x e^x,
// which can still be a normal number.
double flushed(const std::string& op, double x, DType dtype) {
  const double min_normal =
      dtype == DType::f32 ? std::numeric_limits<float>::min() : std::numeric_limits<double>::min();
  const bool product = op == "silu" || op == "mish" || op == "gelu_tanh" || op == "gelu_erf";
  return product && x < 0 ? (1 + std::abs(x)) * min_normal : 0;
}

}  // namespace

TEST_CASE("ops and their derivatives keep their digits in the tails", "[tails]") {
  const nlohmann::json cases = reference("tails.json")["cases"];
  std::map<std::string, int> seen;
  for (const auto& c : cases) {
    const std::string op = c["op"], dtype_text = c["dtype"];
    const DType dtype = dtype_text == "f32" ? DType::f32 : DType::f64;
    const double rounding = dtype == DType::f32 ? 0x1p-24 : 0x1p-53;
    REQUIRE(kOps.count(op) == 1);
    ++seen[op];
    const std::vector<double> points = numbers(c["x"]);
    const auto n = static_cast<std::int64_t>(points.size());
    const Tensor x = from_values(points, {n}, dtype).requires_grad_();
    const Tensor y = kOps.at(op)(x);
    const Tensor first = grad(y, x, {.grad_outputs = {ones_like(y)}, .create_graph = true});
    const Tensor second = grad(first, x, {.grad_outputs = {ones_like(first)}, .allow_unused = true});
    const char* const keys[] = {"value", "first", "second"};
    const Tensor results[] = {y, first, second};
    for (int order = 0; order < 3; ++order) {
      const std::vector<double> got = results[order].to_vector();
      for (std::size_t i = 0; i < points.size(); ++i) {
        const auto& exact = c[keys[order]][i];
        if (exact.is_null()) continue;
        const double expected = exact, distance = std::abs(got[i] - expected);
        const double error = distance / (rounding * std::abs(expected));
        // The file's 120 digits do not tell 1 - 2 sigmoid(x) from 0 where |x| is below 1e-120, but it is -x
        // / 2.
        if (op == "sigmoid" && order == 2 && std::abs(points[i]) < 1e-110) {
          CHECK(got[i] == Approx(-points[i] / 8).epsilon(8 * rounding));
          continue;
        }
        INFO(op << " " << dtype_text << ", order " << order << " at " << points[i] << ": " << got[i]
                << ", exactly " << expected << ", off by " << error << " roundings");
        const bool close = got[i] == expected || error <= allowed(op, points[i]) ||
                           distance <= flushed(op, points[i], dtype);  // not so for NaN
        CHECK(close);
      }
    }
  }
  CHECK(seen.size() == kOps.size());
}
