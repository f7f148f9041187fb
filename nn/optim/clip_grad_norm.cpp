#include "nn/optim/clip_grad_norm.h"

#include <fmt/format.h>

#include <cmath>

#include "autograd/modes.h"
#include "autograd/ops.h"
#include "base/error.h"

namespace saccade::nn {

double clip_grad_norm(TensorList& gradients, double max_norm) {
  if (!(max_norm > 0)) {
    throw ConfigError(fmt::format("clip_grad_norm: max_norm is {}, expected more than 0", max_norm));
  }
  const NoGrad no_grad;
  double sum_of_squares = 0;
  for (const Tensor& g : gradients) sum_of_squares += sum(square(g)).item();
  const double norm = std::sqrt(sum_of_squares), scale = max_norm / (norm + 1e-6);
  if (scale < 1) {
    for (Tensor& g : gradients) g = scale * g;
  }
  return norm;
}

}  // namespace saccade::nn
