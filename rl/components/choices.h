// How agents of a Discrete space draw what they do.
#pragma once

#include "autograd/tensor.h"

namespace saccade::rl {

/// A choice for each row of probabilities, (B, n) to (B), i64: the first whose running sum of probabilities
/// exceeds u = Phi(z). z is standard normal noise, (B, 1), so u is uniform on [0, 1]; where the noise is
/// correlated in time, so are the choices, each by itself being distributed as ever. ShapeError if there is
/// not one z for each row.
Tensor draw_choices(const Tensor& probabilities, const Tensor& z);

}  // namespace saccade::rl
