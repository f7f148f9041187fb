#include "rl/components/choices.h"

#include <fmt/format.h>

#include <numbers>

#include "autograd/modes.h"
#include "autograd/ops.h"
#include "base/error.h"

namespace saccade::rl {

Tensor draw_choices(const Tensor& probabilities, const Tensor& z) {
  const std::int64_t rows = probabilities.size(0), n = probabilities.size(1);
  if (z.shape() != Shape{rows, 1}) {
    throw ShapeError(fmt::format("act: noise of {} numbers given, expected one for each of {} observations",
                                 z.numel(), rows));
  }
  const NoGrad no_grad;
  const Tensor u = 0.5 * (1 + erf(to(z, DType::f64) / std::numbers::sqrt2));
  const Tensor sums = cumsum(to(probabilities, DType::f64), -1);
  const Tensor whole = slice(sums, -1, n - 1, n);  // 1, but for rounding
  // A draw passes over every choice whose sum it has reached; never over the last, though Phi(9) rounds to 1.
  return to(sum(ge(u * whole, slice(sums, -1, 0, n - 1)), {-1}), DType::i64);
}

}  // namespace saccade::rl
