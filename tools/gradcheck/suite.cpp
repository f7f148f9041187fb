#include "tools/gradcheck/suite.h"

#include <algorithm>
#include <cmath>

#include "autograd/grad.h"
#include "autograd/ops.h"

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
    total = total + sum(y * weight);
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
  std::vector<Check> checks = op_checks();
  for (Check& check : nn_checks()) checks.push_back(std::move(check));
  for (Check& check : policy_checks()) checks.push_back(std::move(check));
  return checks;
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

}  // namespace saccade::suite
