#include "nn/init.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "autograd/ops.h"
#include "base/error.h"

namespace saccade::nn::init {

namespace {

struct Fans {
  double in, out;
};

Fans fans_of(const char* initialiser, const Shape& weight) {
  if ((weight.size() != 2 && weight.size() != 3) || weight.numel() == 0) {
    throw ShapeError(fmt::format("{}: the shape {} is not a weight's; expected (out, in) or (n, out, in)",
                                 initialiser, weight.str()));
  }
  return {static_cast<double>(weight[weight.size() - 1]), static_cast<double>(weight[weight.size() - 2])};
}

double xavier_std(const char* initialiser, const Shape& weight, double gain) {
  const Fans fans = fans_of(initialiser, weight);
  return gain * std::sqrt(2 / (fans.in + fans.out));
}

double kaiming_std(const char* initialiser, const Shape& weight, double a) {
  return std::sqrt(2 / ((1 + a * a) * fans_of(initialiser, weight).in));
}

// U(-sqrt(3) std, sqrt(3) std) has this standard deviation.
Tensor uniform_of_std(const Shape& shape, Rng& rng, double std, DType dtype) {
  const double bound = std::sqrt(3.0) * std;
  return uniform(shape, rng, -bound, bound, dtype);
}

// (count, size), count <= size, in f64. Gram and Schmidt on normal draws, whose directions are uniform; each
// row is cleared of the earlier ones twice, since rounding leaves a little the first time.
Tensor orthonormal_rows(std::int64_t count, std::int64_t size, Rng& rng) {
  const Tensor rows = randn({count, size}, rng, DType::f64);
  for (std::int64_t i = 0; i < count; ++i) {
    const Tensor row = select(rows, 0, i), earlier = slice(rows, 0, 0, i);
    for (int pass = 0; pass < 2 && i > 0; ++pass) row.copy_(row - matmul(matmul(earlier, row), earlier));
    row.copy_(row / sqrt(sum(square(row))));
  }
  return rows;
}

}  // namespace

Tensor constant(const Shape& shape, double value, DType dtype) { return full(shape, value, dtype); }

Tensor uniform(const Shape& shape, Rng& rng, double low, double high, DType dtype) {
  return rand(shape, rng, dtype, low, high);
}

Tensor normal(const Shape& shape, Rng& rng, double mean, double std, DType dtype) {
  return mean + std * randn(shape, rng, dtype);
}

Tensor xavier_uniform(const Shape& weight, Rng& rng, double gain, DType dtype) {
  return uniform_of_std(weight, rng, xavier_std("xavier_uniform", weight, gain), dtype);
}

Tensor xavier_normal(const Shape& weight, Rng& rng, double gain, DType dtype) {
  return normal(weight, rng, 0, xavier_std("xavier_normal", weight, gain), dtype);
}

Tensor kaiming_uniform(const Shape& weight, Rng& rng, double a, DType dtype) {
  return uniform_of_std(weight, rng, kaiming_std("kaiming_uniform", weight, a), dtype);
}

Tensor kaiming_normal(const Shape& weight, Rng& rng, double a, DType dtype) {
  return normal(weight, rng, 0, kaiming_std("kaiming_normal", weight, a), dtype);
}

Tensor linear_default(const Shape& shape, std::int64_t in, Rng& rng, DType dtype) {
  if (in < 1) throw ShapeError(fmt::format("linear_default: {} inputs given, expected at least 1", in));
  const double bound = 1 / std::sqrt(static_cast<double>(in));
  return uniform(shape, rng, -bound, bound, dtype);
}

Tensor orthogonal(const Shape& weight, Rng& rng, double gain, DType dtype) {
  const Fans fans = fans_of("orthogonal", weight);
  const std::int64_t members = weight.size() == 3 ? weight[0] : 1;
  const auto count = static_cast<std::int64_t>(std::min(fans.in, fans.out));
  const auto size = static_cast<std::int64_t>(std::max(fans.in, fans.out));
  TensorList matrices;
  for (std::int64_t i = 0; i < members; ++i) {
    const Tensor rows = orthonormal_rows(count, size, rng);
    matrices.push_back(gain * (fans.out > fans.in ? transpose(rows) : rows));
  }
  return to(reshape(stack(matrices, 0), weight), dtype);
}

}  // namespace saccade::nn::init
