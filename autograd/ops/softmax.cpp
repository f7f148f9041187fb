// Softmax and its logarithms. Where one element is far above the others, its probability is 1 less a little,
// and its logarithm that little with a minus sign: so they are computed from the sum of the others, which
// keeps all digits where 1 - p would keep none.
#include <cmath>

#include "autograd/ops.h"
#include "autograd/ops/dims.h"
#include "autograd/ops/map.h"
#include "autograd/record.h"

namespace saccade {

namespace {

// exp(x - max), which does not overflow.
struct Shifted {
  Tensor max, x, exp;
  Tensor largest;  // 1 where x is the maximum, else 0
  Tensor others;   // the sum of exp, less the one that is surely 1

  Shifted(const Tensor& given, const Shape& dims) : Shifted(given, dims, amax(given.detach(), dims, true)) {}
  Shifted(const Tensor& given, const Shape& dims, const Tensor& taken_out) : max(taken_out) {
    x = given.detach() - max;
    exp = saccade::exp(x);
    largest = eq(x, zeros_like(x));
    others = sum(where(largest, zeros_like(x), exp), dims, true) + (sum(largest, dims, true) - 1);
  }
};

// y (g - sum y g), where y sums to 1. g less a constant gives the same: less its value at the largest y,
// which else cancels there.
Tensor softmax_gradient(const Tensor& g_given, const Tensor& y, const Shape& dims) {
  const Tensor largest = eq(y.detach(), amax(y.detach(), dims, true));
  const Tensor at_largest =
      sum(where(largest, g_given.detach(), zeros_like(g_given)), dims, true) / sum(largest, dims, true);
  const Tensor g = g_given - at_largest;
  return y * (g - sum(y * g, dims, true));
}

Tensor softmax_over(const Tensor& x, const Shape& dims) {
  const Tensor at = x.detach(), e = exp(at - amax(at, dims, true));
  return record("softmax", e / sum(e, dims, true),
                {{x, [dims](const Tensor& g, const Tensor& y) { return softmax_gradient(g, y, dims); }}});
}

// 1 - softmax(x)
Tensor softmax_complement(const Tensor& x, const Shape& dims) {
  const Shifted s(x, dims);
  const Tensor total = s.others + 1;
  const Tensor rest = where(s.largest, expand(s.others, x.shape()), total - s.exp);
  return record(
      "softmax_complement", rest / total,
      {{x, [x, dims](const Tensor& g) { return -softmax_gradient(g, softmax_over(x, dims), dims); }}});
}

}  // namespace

Tensor logsumexp(const Tensor& x, const Shape& dims_given, bool keepdim) {
  const Shape dims = wrap_dims("logsumexp", x, dims_given);
  check_not_empty("logsumexp", x, dims);
  // Where the maximum is infinite, x - max would be NaN, so 0 is taken out instead.
  const Tensor max = amax(x.detach(), dims, true);
  const Shifted s(x, dims, where(eq(abs(max), constant_like(max, INFINITY)), zeros_like(max), max));
  const Tensor y = record("logsumexp", log1p(s.others) + s.max,
                          {{x, [x, dims](const Tensor& g) { return g * softmax_over(x, dims); }}});
  return drop(y, dims, keepdim);
}

Tensor softmax(const Tensor& x, std::int64_t dim) {
  const Shape dims = {wrap_dim("softmax", dim, x)};
  return x.numel() == 0 ? x : softmax_over(x, dims);
}

// Its gradient is g - p sum(g), here g (1 - p) - p (sum(g) - g). The sum of the others' g is that of all less
// one's own; where that one is the largest, it is left out of the sum instead.
Tensor log_softmax(const Tensor& x, std::int64_t dim) {
  const Shape dims = {wrap_dim("log_softmax", dim, x)};
  if (x.numel() == 0) return x;
  const Shifted s(x, dims);
  return record("log_softmax", s.x - log1p(s.others),
                {{x, [x, dims, largest = s.largest](const Tensor& g) {
                    const Tensor zero = zeros_like(g);
                    const Tensor of_largest = sum(where(largest, g, zero), dims, true);
                    const Tensor of_rest = sum(where(largest, zero, g), dims, true);
                    const Tensor of_others =
                        where(largest, of_rest + (of_largest - g), (of_rest - g) + of_largest);
                    return g * softmax_complement(x, dims) - softmax_over(x, dims) * of_others;
                  }}});
}

}  // namespace saccade
