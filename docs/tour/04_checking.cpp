// Chapter 4: how good a difference is as a check of a gradient, and what it cannot see.
#include <fmt/format.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "autograd/gradcheck.h"
#include "autograd/modes.h"
#include "autograd/ops.h"
#include "autograd/record.h"
#include "picture.h"

using namespace saccade;

namespace {

// x^3, with a gradient by hand that is wrong: it should be 3 x^2.
Tensor bad_cube(const Tensor& x) {
  Tensor y;
  {
    const NoGrad no_grad;
    y = x * x * x;
  }
  return record("bad_cube", y, {{x, [x](const Tensor& g) { return g * (2 * square(x)); }}});
}

// The mean of n numbers, rightly differentiated but wrongly defined: it divides by n - 1.
Tensor bad_mean(const Tensor& x) { return sum(x) / static_cast<double>(x.numel() - 1); }

const char* verdict(const GradcheckResult& result) { return result.passed() ? "passed" : "failed"; }

}  // namespace

int main(int argc, char** argv) {
  // x^4 at 1.1. Products alone, so that the rounding is the same on every machine.
  const auto f = [](double x) { return x * x * x * x; };
  const double x = 1.1, slope = 4 * x * x * x;
  const auto one_sided = [&](double h) { return std::abs((f(x + h) - f(x)) / h - slope); };
  const auto central = [&](double h) { return std::abs((f(x + h) - f(x - h)) / (2 * h) - slope); };
  fmt::print("slope of x^4 at 1.1: {:.4f}\n     h   error, one-sided   error, central\n", slope);
  for (const double h : {1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-8, 1e-10, 1e-12}) {
    fmt::print("{:.0e}   {:>16.0e}   {:>14.0e}\n", h, one_sided(h), central(h));
  }

  Rng rng(0);
  const Tensor point = randn({3, 4}, rng, DType::f64);
  const GradcheckResult cube = gradcheck([](Tensor t) { return bad_cube(t); }, point);
  const std::string why = cube.explanation();
  fmt::print("\ntanh(x) x: {}\n", verdict(gradcheck([](Tensor t) { return tanh(t) * t; }, point)));
  fmt::print("x^3 with gradient 2 x^2: {}\n  {}\n", verdict(cube), why.substr(why.find("the gradient is")));
  fmt::print("a mean that divides by n - 1: {}\n",
             verdict(gradcheck([](Tensor t) { return bad_mean(t); }, point)));
  fmt::print("  but the mean of 1, 2, 3 comes out as {:g}\n",
             bad_mean(from_values({1, 2, 3}, {3}, DType::f64)).item());

  if (argc > 1) {
    Picture picture("How far a difference is from the slope of x^4 at 1.1", {"log10 of the step h", -14, 0},
                    {"log10 of the error", -14, 2});
    std::vector<std::pair<double, double>> one, two;
    for (int k = 56; k >= 0; --k) {
      // Powers of two: x + h is then off by x's own rounding alone.
      const double h = std::ldexp(1.0, -k * 46 / 56);
      one.emplace_back(std::log10(h), std::log10(one_sided(h) + 1e-16));
      two.emplace_back(std::log10(h), std::log10(central(h) + 1e-16));
    }
    picture.curve(one, "#c0392b", "one-sided");
    picture.curve(two, "#1f5fa8", "central");
    picture.write(argv[1]);
  }
}
