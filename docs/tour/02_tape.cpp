// Chapter 2: what the engine writes down, how it reads it backwards, and why that is cheap.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>
#include <vector>

#include "autograd/explain.h"
#include "autograd/grad.h"
#include "autograd/ops.h"
#include "base/error.h"
#include "picture.h"

using namespace saccade;

int main(int argc, char** argv) {
  const Tensor x = scalar(0.5, DType::f64).requires_grad_(), w = scalar(-1.2, DType::f64).requires_grad_();
  const Explanation seen = explain([&] { return tanh(x * w) + x; }, {{"x", x}, {"w", w}}, {.numeric = false});
  fmt::print("{}", to_text(seen));

  // A thousand inputs: how often must the function run to give all slopes?
  int runs = 0;
  const auto f = [&runs](const Tensor& p) {
    ++runs;
    return sum(tanh(p) * p);
  };
  const auto by_differences = [&f](std::vector<double> at) {
    const double h = 1e-5;
    std::vector<double> slopes;
    for (double& moved : at) {
      const double before = moved;
      moved = before + h;
      const double above = f(from_values(at, {std::ssize(at)}, DType::f64)).item();
      moved = before - h;
      const double below = f(from_values(at, {std::ssize(at)}, DType::f64)).item();
      moved = before;
      slopes.push_back((above - below) / (2 * h));
    }
    return slopes;
  };
  const Tensor p = (arange(1000, DType::f64) * 0.001).requires_grad_();
  const std::vector<double> by_tape = grad(f(p), p).to_vector();
  fmt::print("\n1,000 slopes by the tape: the function ran {} time\n", runs);

  runs = 0;
  const std::vector<double> moved = by_differences(p.to_vector());
  double worst = 0;
  for (std::size_t i = 0; i < moved.size(); ++i) worst = std::max(worst, std::abs(moved[i] - by_tape[i]));
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

  if (argc > 1) {
    Picture picture("What all slopes of a function of n inputs cost", {"n", 0, 100}, {"runs", 0, 200});
    std::vector<std::pair<double, double>> differences, tape;
    for (int n = 1; n <= 100; n += 9) {
      const Tensor q = (arange(n, DType::f64) * 0.001).requires_grad_();
      runs = 0;
      by_differences(q.to_vector());
      differences.emplace_back(n, runs);
      runs = 0;
      grad(f(q), q);
      tape.emplace_back(n, runs);
    }
    picture.curve(differences, "#c0392b", "by differences: two runs an input");
    picture.curve(tape, "#1f5fa8", "by the tape: one run, and one pass back");
    picture.write(argv[1]);
  }
}
