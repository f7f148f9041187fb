// Chapter 2: what the engine writes down, how it reads it backwards, and why that is cheap.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "autograd/explain.h"
#include "autograd/grad.h"
#include "autograd/ops.h"
#include "base/error.h"

using namespace saccade;

int main() {
  const Tensor x = scalar(0.5, DType::f64).requires_grad_(), w = scalar(-1.2, DType::f64).requires_grad_();
  const Explanation seen = explain([&] { return tanh(x * w) + x; }, {{"x", x}, {"w", w}}, {.numeric = false});
  fmt::print("{}", to_text(seen));

  // A thousand inputs: how often must the function run to give all slopes?
  int runs = 0;
  const auto f = [&runs](const Tensor& p) {
    ++runs;
    return sum(tanh(p) * p);
  };
  const Tensor p = (arange(1000, DType::f64) * 0.001).requires_grad_();
  const std::vector<double> by_tape = grad(f(p), p).to_vector();
  fmt::print("\n1,000 slopes by the tape: the function ran {} time\n", runs);

  runs = 0;
  double worst = 0;
  const double h = 1e-5;
  std::vector<double> at = p.to_vector();
  for (std::size_t i = 0; i < at.size(); ++i) {
    const double before = at[i];
    at[i] = before + h;
    const double above = f(from_values(at, {1000}, DType::f64)).item();
    at[i] = before - h;
    const double below = f(from_values(at, {1000}, DType::f64)).item();
    at[i] = before;
    worst = std::max(worst, std::abs((above - below) / (2 * h) - by_tape[i]));
  }
  fmt::print("1,000 slopes by differences: it ran {} times\n", runs);
  fmt::print("they agree to 7 decimals: {}\n", worst < 5e-8 ? "yes" : "no");

  // The sweep frees what it has used.
  const Tensor y = tanh(x * w) + x;
  grad(y, x);
  try {
    grad(y, x);
  } catch (const Error& error) {
    fmt::print("\na second sweep: {}\n", error.what());
  }
}
