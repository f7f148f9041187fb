// Clipping gradients.
#pragma once

#include "autograd/tensor.h"

namespace saccade::nn {

/// Scales the gradients, as one vector, down to a norm of about max_norm where theirs is larger: by
/// max_norm / (norm + 1e-6), as PyTorch. Returns the norm before. ConfigError unless max_norm > 0.
double clip_grad_norm(TensorList& gradients, double max_norm);

}  // namespace saccade::nn
