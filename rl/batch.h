// Transitions side by side, as updates take them.
#pragma once

#include "autograd/tensor.h"

namespace saccade::rl {

/// With n-step returns, `reward` is the discounted sum of k rewards and `next_obs` what came k steps later.
/// `terminated` is 1 where the task itself ended and 0 elsewhere, a time limit included: after a truncation
/// the value of the next observation still counts.
struct Batch {
  Tensor obs;         // (B, obs_dim)
  Tensor action;      // (B, action_dim), in [-1, 1]; of a Discrete space (B, 1), the choice
  Tensor reward;      // (B, 1)
  Tensor next_obs;    // (B, obs_dim)
  Tensor terminated;  // (B, 1)

  Tensor discount{};  // (B, 1), gamma^k of n-step transitions; undefined: gamma
  Tensor weight{};    // (B, 1), of each transition in the critics' loss; undefined: 1
};

}  // namespace saccade::rl
