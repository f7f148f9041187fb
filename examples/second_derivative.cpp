// Differentiating a gradient: Newton's method on Rosenbrock's function, whose Hessian comes from the
// gradients' own graph, and a Hessian times a vector without ever making the Hessian.
#include <fmt/format.h>

#include "autograd/functional.h"
#include "autograd/grad.h"
#include "autograd/ops.h"

using namespace saccade;

// (1 - x)^2 + 100 (y - x^2)^2, least at (1, 1).
Tensor rosenbrock(const Tensor& p) {
  const Tensor x = select(p, 0, 0), y = select(p, 0, 1);
  return square(1 - x) + 100 * square(y - square(x));
}

int main() {
  // A gradient that keeps its own graph can be differentiated like any other tensor.
  const Tensor x = scalar(0.5, DType::f64).requires_grad_();
  const Tensor first = grad(tanh(x), x, {.create_graph = true}), second = grad(first, x);
  fmt::print("tanh'(0.5) = {:.6f}, tanh''(0.5) = {:.6f}\n", first.item(), second.item());

  Tensor p = from_values({-1.2, 1}, {2}, DType::f64);
  for (int step = 0; step <= 6; ++step) {
    const double value = rosenbrock(p).item();
    fmt::print("step {}: f({:.4f}, {:.4f}) = {:.3e}\n", step, select(p, 0, 0).item(), select(p, 0, 1).item(),
               value);
    const Tensor leaf = p.detach().requires_grad_();
    const Tensor g = grad(rosenbrock(leaf), leaf);
    // The 2 x 2 system H d = g, by Cramer's rule.
    const std::vector<double> h = hessian(rosenbrock, p).to_vector(), b = g.to_vector();
    const double det = h[0] * h[3] - h[1] * h[2];
    p = p -
        from_values({(b[0] * h[3] - b[1] * h[1]) / det, (h[0] * b[1] - h[2] * b[0]) / det}, {2}, DType::f64);
  }

  const Tensor v = from_values({1, -1}, {2}, DType::f64);
  fmt::print("H v at the end = {:.4f}, {:.4f}\n", hvp(rosenbrock, p, v).to_vector()[0],
             hvp(rosenbrock, p, v).to_vector()[1]);
}
