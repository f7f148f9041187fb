// A step down a loss.
#pragma once

#include <optional>

#include "autograd/grad.h"
#include "nn/optim/adam.h"
#include "nn/optim/clip_grad_norm.h"

namespace saccade::rl {

/// theta <- Adam(theta, d loss / d theta), for the optimiser's parameters; the gradient is scaled down to
/// max_grad_norm where its norm is larger.
inline void minimize(nn::Adam& optimizer, const Tensor& loss, std::optional<double> max_grad_norm) {
  TensorList gradient = grad(loss, optimizer.parameters());
  if (max_grad_norm) nn::clip_grad_norm(gradient, *max_grad_norm);
  optimizer.step(gradient);
}

}  // namespace saccade::rl
