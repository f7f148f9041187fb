#include "nn/dropout.h"

#include <fmt/format.h>

#include "autograd/modes.h"
#include "autograd/ops.h"
#include "base/error.h"

namespace saccade::nn {

namespace {

void check(double p) {
  if (!(p >= 0 && p < 1)) throw ConfigError(fmt::format("dropout: p is {}, expected 0 <= p < 1", p));
}

}  // namespace

Tensor dropout_mask(const Shape& shape, double p, Rng& rng, DType dtype) {
  check(p);
  const NoGrad no_grad;
  const Tensor u = rand(shape, rng);  // in [0, 1), in f32: of one seed the same mask in any dtype
  return to(ge(u, p), dtype) * (1 / (1 - p));
}

Dropout::Dropout(double p) : p_(p) { check(p); }

Tensor Dropout::operator()(const Tensor& x, Rng& rng) const {
  return x * dropout_mask(x.shape(), p_, rng, x.dtype());
}

}  // namespace saccade::nn
