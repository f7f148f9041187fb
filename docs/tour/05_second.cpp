// Chapter 5: a gradient is made of ops, so it has a gradient.
#include <fmt/format.h>

#include <cmath>
#include <utility>
#include <vector>

#include "autograd/functional.h"
#include "autograd/grad.h"
#include "autograd/gradcheck.h"
#include "autograd/ops.h"
#include "picture.h"

using namespace saccade;

int main(int argc, char** argv) {
  // x^4 at 2, again and again: 4 x^3, 12 x^2, 24 x, 24, 0.
  const Tensor x = scalar(2, DType::f64).requires_grad_();
  Tensor y = square(square(x));
  fmt::print("x^4 at 2 = {:g}; its derivatives:", y.item());
  for (int order = 1; order <= 4; ++order) {
    y = grad(y, x, {.create_graph = true});
    fmt::print(" {:g}", y.item());
  }
  fmt::print("\n");

  // Newton's method: how steep, and how fast that changes, say how far to go.
  fmt::print("\nlowest point of cosh(t - 1), from t = 2\n");
  Tensor t = scalar(2, DType::f64);
  for (int step = 0; step <= 4; ++step) {
    const Tensor at = t.detach().requires_grad_();
    const Tensor f = 0.5 * (exp(at - 1) + exp(1 - at));
    const Tensor slope = grad(f, at, {.create_graph = true});
    const Tensor bend = grad(slope, at);
    fmt::print("  step {}: t = {:.6f}  slope = {:9.6f}  bend = {:.6f}\n", step, at.item(), slope.item(),
               bend.item());
    t = at.detach() - slope.detach() / bend;
  }

  // All second derivatives of a function of two numbers, and their product with a vector, made without them.
  const auto f = [](const Tensor& p) { return square(select(p, 0, 0)) * select(p, 0, 1); };
  const Tensor p = from_values({3, 5}, {2}, DType::f64), v = from_values({1, 2}, {2}, DType::f64);
  const std::vector<double> h = hessian(f, p).to_vector(), hv = hvp(f, p, v).to_vector();
  fmt::print("\np q^2 at p = 5, q = 3: second derivatives [{:g} {:g}; {:g} {:g}]\n", h[0], h[1], h[2], h[3]);
  fmt::print("times (1, 2): ({:g}, {:g}), without making them\n", hv[0], hv[1]);

  const GradcheckResult check =
      gradcheck([](const TensorList& z) { return TensorList{tanh(z[0]) * z[0]}; }, {p}, {.order = 2});
  fmt::print("\nsecond derivatives of tanh(z) z against differences: {}\n",
             check.passed() ? "passed" : "failed");

  if (argc > 1) {
    Picture picture("Newton's first step: from 2 to the lowest point of the parabola", {"t", 0, 2.5},
                    {"f(t)", 0, 2.5});
    const Tensor at = arange(51, DType::f64) * 0.05;
    const Tensor start = scalar(2, DType::f64).requires_grad_();
    const Tensor value = 0.5 * (exp(start - 1) + exp(1 - start));
    const Tensor slope = grad(value, start, {.create_graph = true});
    const double bend = grad(slope, start).item();
    std::vector<std::pair<double, double>> f_of, parabola;
    for (const double u : at.to_vector()) {
      f_of.emplace_back(u, std::cosh(u - 1));
      parabola.emplace_back(u, value.item() + slope.item() * (u - 2) + 0.5 * bend * (u - 2) * (u - 2));
    }
    const double next = 2 - slope.item() / bend;
    picture.curve(f_of, "black", "f(t) = cosh(t - 1)");
    picture.curve(parabola, "#1f5fa8", "the parabola of the same value, slope and bend at 2");
    picture.curve({{2, 0}, {2, value.item()}}, "#888", "t = 2");
    picture.curve({{next, 0}, {next, std::cosh(next - 1)}}, "#c0392b", fmt::format("t = {:.4f}", next));
    picture.write(argv[1]);
  }
}
