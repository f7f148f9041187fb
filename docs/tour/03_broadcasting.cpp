// Chapter 3: one row stretched over many, and why its gradient is a sum.
#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "autograd/grad.h"
#include "autograd/ops.h"
#include "picture.h"

using namespace saccade;

namespace {

// "[1 2; 3 4]", rows divided by semicolons.
std::string text(const Tensor& x) {
  std::string out = "[";
  const std::vector<double> values = x.to_vector();
  const std::size_t columns = x.dim() == 0 ? 1 : static_cast<std::size_t>(x.size(-1));
  for (std::size_t i = 0; i < values.size(); ++i) {
    out += fmt::format("{}{:g}", i == 0 ? "" : i % columns == 0 ? "; " : " ", values[i]);
  }
  return out + "]";
}

std::string sizes(const auto& list) {
  std::string out = "(";
  for (std::int64_t i = 0; i < list.size(); ++i) out += fmt::format("{}{}", i == 0 ? "" : ", ", list[i]);
  return out + ")";
}

// What predictions come to that start at 0 and go down a mean of squares 200 times, if they are subtracted
// from targets of that shape.
std::vector<std::pair<double, double>> learned(const Tensor& targets) {
  const std::int64_t n = targets.numel();
  Tensor predictions = zeros({n, 1}, DType::f64);
  for (int step = 0; step < 200; ++step) {
    const Tensor at = predictions.detach().requires_grad_();
    const Tensor gradient = grad(mean(square(at - targets)), at);
    predictions = predictions - 0.1 * static_cast<double>(n) * gradient;
  }
  std::vector<std::pair<double, double>> points;
  for (const double value : predictions.to_vector()) points.emplace_back(points.size(), value);
  return points;
}

}  // namespace

int main(int argc, char** argv) {
  const Tensor x = from_values({1, 2, 3, 4, 5, 6}, {3, 2}, DType::f64).requires_grad_();
  const Tensor b = from_values({10, 20}, {2}, DType::f64).requires_grad_();
  fmt::print("x     {} {}\nb     {} {}\nx + b {} {}\n", sizes(x.shape()), text(x), sizes(b.shape()), text(b),
             sizes((x + b).shape()), text(x + b));

  // The stretched b has three rows and no copy of anything: the stride from row to row is 0.
  const Tensor wide = expand(b, {3, 2});
  fmt::print("\nb stretched {} {}\nstrides of x {}, of the stretched b {}\n", sizes(wide.shape()), text(wide),
             sizes(x.strides()), sizes(wide.strides()));

  // Weights, so that the three rows do not all count the same.
  const Tensor weight = from_values({1, 1, 10, 10, 100, 100}, {3, 2}, DType::f64);
  const TensorList g = grad(sum(weight * (x + b)), {x, b});
  fmt::print("\nloss = sum(weight * (x + b)), weight = {}\n", text(weight));
  fmt::print("gradient of x {} {}\n", sizes(g[0].shape()), text(g[0]));
  fmt::print("gradient of b {} {}\n", sizes(g[1].shape()), text(g[1]));
  fmt::print("sum_to(weight, {}) = {}\n", sizes(b.shape()), text(sum_to(weight, b.shape())));

  // A column times a row: both are stretched.
  const Tensor column = from_values({1, 2, 3}, {3, 1}, DType::f64).requires_grad_();
  const Tensor row = from_values({4, 5}, {1, 2}, DType::f64).requires_grad_();
  const TensorList both = grad(sum(column * row), {column, row});
  fmt::print("\ncolumn * row = {}\n", text(column * row));
  fmt::print("gradient of the column {} {}\n", sizes(both[0].shape()), text(both[0]));
  fmt::print("gradient of the row    {} {}\n", sizes(both[1].shape()), text(both[1]));

  if (argc > 1) {
    Picture picture("A column that learns 16 targets, and a shape that was forgotten", {"example", 0, 15},
                    {"prediction", 0, 15});
    const Tensor targets = reshape(square(arange(16, DType::f64)) / 15, {16, 1});
    picture.curve(learned(targets), "#1f5fa8", "targets of shape (16, 1): each example its own");
    picture.curve(learned(reshape(targets, {16})), "#c0392b", "of shape (16): all of them the targets' mean");
    picture.write(argv[1]);
  }
}
