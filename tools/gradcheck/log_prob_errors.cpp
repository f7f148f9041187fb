#include "tools/gradcheck/log_prob_errors.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "autograd/grad.h"
#include "autograd/ops.h"
#include "nn/distributions/tanh_normal.h"

namespace saccade::suite {

namespace {

constexpr int kReach = 20, kPointsPerUnit = 64, kBinsPerUnit = 4;

// At u = mean and std = 1, where log N(u) is its constant and d log N(u) / du is 0:
//
//     log pi(a) = -log(2 pi) / 2 - log(1 - tanh(u)^2),    d log pi / du = 2 tanh(u)
long double exact_log_prob(long double u) {
  const long double size = std::abs(u), log_2 = std::numbers::ln2_v<long double>;
  return -0.5L * std::log(2 * std::numbers::pi_v<long double>) -
         2 * (log_2 - size - std::log1p(std::exp(-2 * size)));
}

long double exact_gradient(long double u) { return 2 * std::tanh(u); }

std::vector<double> points() {
  std::vector<double> all;
  for (int i = -kReach * kPointsPerUnit; i <= kReach * kPointsPerUnit; ++i) {
    all.push_back(static_cast<double>(i) / kPointsPerUnit);
  }
  return all;
}

std::size_t bin(double u) { return static_cast<std::size_t>(std::lround((u + kReach) * kBinsPerUnit)); }

template <class F>
std::vector<double> worst_in_bins(const std::vector<double>& u, const std::vector<double>& values,
                                  const F& exact) {
  std::vector<double> worst(2 * kReach * kBinsPerUnit + 1, 0.0);
  for (std::size_t i = 0; i < u.size(); ++i) {
    double& max = worst[bin(u[i])];
    max = std::max(max, static_cast<double>(std::abs(values[i] - exact(u[i]))));
  }
  return worst;
}

LogProbErrors::Curve curve(const std::vector<double>& points, nn::LogProbForm form, DType dtype) {
  const Tensor u = from_values(points, {static_cast<std::int64_t>(points.size()), 1}, dtype).requires_grad_();
  const nn::TanhNormal pi(u.detach(), zeros_like(u.detach()));
  const Tensor log_prob = pi.log_prob(u, form), gradient = grad(sum(log_prob), u);
  return {form == nn::LogProbForm::stable ? "stable" : "1e-6", dtype == DType::f32 ? "f32" : "f64",
          worst_in_bins(points, log_prob.to_vector(), exact_log_prob),
          worst_in_bins(points, gradient.to_vector(), exact_gradient)};
}

}  // namespace

LogProbErrors log_prob_errors() {
  LogProbErrors errors;
  for (int i = -kReach * kBinsPerUnit; i <= kReach * kBinsPerUnit; ++i) {
    errors.u.push_back(static_cast<double>(i) / kBinsPerUnit);
  }
  for (const nn::LogProbForm form : {nn::LogProbForm::stable, nn::LogProbForm::eps1e6}) {
    for (const DType dtype : {DType::f64, DType::f32}) errors.curves.push_back(curve(points(), form, dtype));
  }
  return errors;
}

}  // namespace saccade::suite
