#include "tools/gradcheck/suite.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "autograd/grad.h"
#include "autograd/ops.h"
#include "base/error.h"

namespace saccade::suite {

namespace {

// The outputs, then the gradients of their weighted sum.
TensorList value_and_gradients(const Check& check, DType dtype) {
  TensorList leaves;
  for (const Tensor& x : check.inputs) leaves.push_back(to(x.detach(), dtype).detach().requires_grad_());
  TensorList results = check.f(leaves);
  Tensor total = scalar(0, dtype);
  double weight = 1;
  for (const Tensor& y : results) {
    total = total + sum(to(y, dtype) * weight);  // an index is an integer
    weight *= -0.7;
  }
  if (total.requires_grad()) {
    for (const Tensor& g : grad(total, leaves, {.allow_unused = true})) results.push_back(g);
  }
  return results;
}

double largest(const std::vector<double>& values) {
  double max = 0;
  for (const double v : values) max = std::max(max, std::abs(v));
  return max;
}

}  // namespace

GradcheckResult Check::run(int order) const {
  return gradcheck(f, inputs, {.order = order, .names = input_names});
}

std::vector<Check> all_checks() {
  std::vector<Check> checks;
  for (const auto& part : {op_checks, layer_checks, distribution_checks, policy_checks, algorithm_checks,
                           relative_checks, crossq_checks, discrete_algorithm_checks, optimizer_checks}) {
    for (Check& check : part()) checks.push_back(std::move(check));
  }
  return checks;
}

double value_error(const Check& check) {
  const TensorList actual = check.f(check.inputs), expected = check.expected(check.inputs);
  double worst = 0;
  for (std::size_t i = 0; i < std::max(actual.size(), expected.size()); ++i) {
    if (actual.at(i).shape() != expected.at(i).shape()) {
      throw ShapeError(fmt::format("the value has shape {}, expected {}", actual[i].shape().str(),
                                   expected[i].shape().str()));
    }
    const std::vector<double> a = actual[i].to_vector(), b = expected[i].to_vector();
    const double size = std::max(1.0, largest(b));
    for (std::size_t j = 0; j < a.size(); ++j) {
      worst = std::max(worst, std::isfinite(a[j]) ? std::abs(a[j] - b[j]) / size : INFINITY);
    }
  }
  return worst;
}

double f32_error(const Check& check) {
  const TensorList narrow = value_and_gradients(check, DType::f32),
                   wide = value_and_gradients(check, DType::f64);
  double worst = 0;
  for (std::size_t i = 0; i < wide.size(); ++i) {
    const std::vector<double> a = narrow[i].to_vector(), b = wide[i].to_vector();
    const double unit = std::max(1.0, largest(b)) * 0x1p-24;
    for (std::size_t j = 0; j < a.size(); ++j) {
      worst = std::max(worst, std::isfinite(a[j]) ? std::abs(a[j] - b[j]) / unit : INFINITY);
    }
  }
  return worst;
}

Tensor like(const Tensor& constant, const Tensor& x) { return to(constant, x.dtype()); }

TensorList like(const TensorList& constants, const Tensor& x) {
  TensorList converted;
  for (const Tensor& constant : constants) converted.push_back(like(constant, x));
  return converted;
}

Tensor with_gradient_of(const Tensor& formula, const Tensor& shipped) {
  return formula + (shipped - formula).detach();
}

Tensor written_out_mlp(const Tensor& x, const TensorList& weights) {
  Tensor h = x;
  for (std::size_t i = 0; i < weights.size(); i += 2) {
    const Tensor& bias = weights[i + 1];
    h = matmul(h, transpose(weights[i])) + unsqueeze(bias, bias.dim() - 1);
    if (i + 2 < weights.size()) h = h * ge(h, 0);
  }
  return h;
}

}  // namespace saccade::suite
