// Transitions side by side, as updates take them.
#pragma once

#include "autograd/tensor.h"

namespace saccade::rl {

/// `terminated` is 1 where the task itself ended and 0 elsewhere, a time limit included: after a truncation
/// the value of the next observation still counts.
struct Batch {
  Tensor obs;         // (B, obs_dim)
  Tensor action;      // (B, action_dim), in [-1, 1]; of a Discrete space (B, 1), the choice
  Tensor reward;      // (B, 1)
  Tensor next_obs;    // (B, obs_dim)
  Tensor terminated;  // (B, 1)
};

}  // namespace saccade::rl
