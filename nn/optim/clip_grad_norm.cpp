#include "nn/optim/clip_grad_norm.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "autograd/modes.h"
#include "autograd/ops.h"
#include "base/error.h"

namespace saccade::nn {

namespace {

double sum_of_squares(const TensorList& gradients) {
  double total = 0;
  for (const Tensor& g : gradients) total += sum(square(g)).item();
  return total;
}

// The root of the sum of squares. Those overflow long before the numbers do, or leave nothing; then the
// numbers are first divided by the largest, in f64.
double norm_of(const TensorList& gradients) {
  const double squares = sum_of_squares(gradients);
  double lost = 0;  // at most, to squares below the smallest number
  for (const Tensor& g : gradients) {
    lost += static_cast<double>(g.numel()) *
            visit(g.dtype(), []<class T>() -> double { return std::numeric_limits<T>::min(); });
  }
  if (std::isfinite(squares) && lost < 1e-9 * squares) return std::sqrt(squares);
  double largest = 0;
  for (const Tensor& g : gradients) {
    if (g.numel() > 0) largest = std::max(largest, amax(abs(g)).item());
  }
  if (largest == 0 || !std::isfinite(largest) || std::isnan(squares)) return std::sqrt(squares);
  TensorList scaled;
  for (const Tensor& g : gradients) scaled.push_back(to(g, DType::f64) / largest);
  return largest * std::sqrt(sum_of_squares(scaled));
}

}  // namespace

double clip_grad_norm(TensorList& gradients, double max_norm) {
  if (!(max_norm > 0)) {
    throw ConfigError(fmt::format("clip_grad_norm: max_norm is {}, expected more than 0", max_norm));
  }
  const NoGrad no_grad;
  const double norm = norm_of(gradients), scale = max_norm / (norm + 1e-6);
  if (scale < 1) {
    for (Tensor& g : gradients) g = scale * g;
  }
  return norm;
}

}  // namespace saccade::nn
