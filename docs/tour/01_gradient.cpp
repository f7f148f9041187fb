// Chapter 1: a slope by walking, the same slope by the chain rule, and downhill with three numbers at once.
#include <fmt/format.h>

#include <cmath>
#include <utility>
#include <vector>

#include "autograd/grad.h"
#include "autograd/ops.h"
#include "picture.h"

using namespace saccade;

int main(int argc, char** argv) {
  const auto y = [](double x, double w) { return std::tanh(x * w) + x; };
  fmt::print("y = tanh(x w) + x at x = 0.5, w = -1.2\n");
  for (const double h : {1.0, 0.1, 0.01, 0.001}) {
    const double grown = y(0.5 + h, -1.2) - y(0.5, -1.2);
    fmt::print("  x grows by {:<5}  y by {:.6f}, which is {:.4f} times as much\n", h, grown, grown / h);
  }

  const Tensor x = scalar(0.5, DType::f64).requires_grad_(), w = scalar(-1.2, DType::f64).requires_grad_();
  const TensorList slopes = grad(tanh(x * w) + x, {x, w});
  fmt::print("  the engine: dy/dx = {:.4f}, dy/dw = {:.4f}\n", slopes[0].item(), slopes[1].item());

  const Tensor goal = from_values({1, 2, 3}, {3}, DType::f64);
  Tensor p = from_values({5, 2, -1}, {3}, DType::f64);
  fmt::print("\ndownhill to (1, 2, 3)\n");
  for (int step = 0; step <= 4; ++step) {
    const Tensor at = p.detach().requires_grad_();
    const Tensor loss = sum(square(at - goal));
    const Tensor gradient = grad(loss, at);
    const std::vector<double> a = at.to_vector(), g = gradient.to_vector();
    fmt::print(
        "  step {}: p = ({:.3f}, {:.3f}, {:6.3f})  loss = {:7.4f}  gradient = ({:.3f}, {:.3f}, {:.3f})\n",
        step, a[0], a[1], a[2], loss.item(), g[0], g[1], g[2]);
    p = p - 0.25 * gradient;
  }

  if (argc > 1) {
    Picture picture("The slope at x = 0.5: move a little, divide", {"x", 0, 2}, {"y", -0.4, 1.2});
    // The line through (0.5, y) and the point that is h further on; at h = 0 it is the tangent.
    const auto line = [&](double slope) {
      const double at = y(0.5, -1.2);
      return std::vector<std::pair<double, double>>{{0, at - 0.5 * slope}, {2, at + 1.5 * slope}};
    };
    std::vector<std::pair<double, double>> graph;
    for (int i = 0; i <= 100; ++i) graph.emplace_back(0.02 * i, y(0.02 * i, -1.2));
    picture.curve(graph, "black", "y = tanh(-1.2 x) + x");
    for (const auto& [h, color] : {std::pair(1.0, "#c0392b"), std::pair(0.5, "#d68910")}) {
      const double slope = (y(0.5 + h, -1.2) - y(0.5, -1.2)) / h;
      picture.curve(line(slope), color, fmt::format("x grows by {}: slope {:.4f}", h, slope));
    }
    picture.curve(line(slopes[0].item()), "#1f5fa8",
                  fmt::format("the derivative: slope {:.4f}", slopes[0].item()));
    picture.write(argv[1]);
  }
}
