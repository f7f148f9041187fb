// Batch normalisation and batch renormalisation.
#pragma once

#include <cstdint>
#include <limits>

#include "nn/module.h"

namespace saccade::nn {

struct BatchNormOptions {
  double eps = 1e-5;
  /// The share of the running statistics that stays at each pass.
  double momentum = 0.9;
  /// After so many training passes the layer renormalises; never: plain batch normalisation.
  std::int64_t renorm_after = std::numeric_limits<std::int64_t>::max();
  double r_max = 3, d_max = 5;
  /// 0: one layer. n: n independent ones, as in LinearOptions.
  std::int64_t ensemble = 0;
};

/// Batch normalisation (Ioffe and Szegedy 2015) over the rows of a batch, with mean m and biased variance v
/// of each feature, running statistics m_r and v_r:
///
///     training:    y = (x - m) / sqrt(v + eps) w + b
///     evaluation:  y = (x - m_r) / sqrt(v_r + eps) w + b
///
/// and batch renormalisation (Ioffe 2017), which lets training see what evaluation will, with
/// r = sqrt(v + eps) / sqrt(v_r + eps) within [1 / r_max, r_max] and d = (m - m_r) / sqrt(v_r + eps) within
/// [-d_max, d_max], both constants for the gradient:
///
///     training:    y = (x - m + d sqrt(v) / r) / sqrt(v / r^2 + eps) w + b
///
/// which is about ((x - m) / sqrt(v) r + d) w + b. Parameters: weight, all 1, and bias, all 0, (features);
/// for an ensemble (n, features). State: mean and variance of that shape, and the number of training passes.
class BatchNorm : public Module {
 public:
  /// ConfigError for an option out of range.
  explicit BatchNorm(std::int64_t features, const BatchNormOptions& options = {}, DType dtype = DType::f32);

  /// What a training pass saw of its batch.
  struct Seen {
    Tensor mean, variance;  // (1, features), for an ensemble (n, 1, features)
  };

  /// Evaluation: (batch, features) to the same; for an ensemble (batch, features) or (n, batch, features) to
  /// (n, batch, features). ShapeError or DTypeError if x does not fit.
  Tensor operator()(const Tensor& x) const;
  /// Training, with the statistics of x (in a team of all members' x, of as many rows as their shares say),
  /// which are also given back. Nothing has moved: follow() does that.
  Tensor operator()(const Tensor& x, Seen& seen) const;

  /// Evaluation is x scale + shift: these, (features) or (n, features), in f64.
  struct Affine {
    Tensor scale, shift;
  };
  Affine affine() const;
  double eps() const { return options_.eps; }

  /// Moves the running statistics: m_r <- momentum m_r + (1 - momentum) m, and v_r likewise.
  void follow(const Seen& seen);

  /// "mean", "variance" and "passes" (f64), as handles.
  const NamedTensors& named_state() const { return state_; }

 private:
  Tensor scaled(const Tensor& x, const Tensor& mean, const Tensor& variance) const;

  BatchNormOptions options_;
  Tensor weight_, bias_;
  Tensor mean_, variance_, passes_;
  NamedTensors state_;
};

}  // namespace saccade::nn
