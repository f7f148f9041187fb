// RMSprop.
#pragma once

#include "nn/optim/optimizer.h"

namespace saccade::nn {

struct RmsPropOptions {
  double lr = 1e-2;
  double alpha = 0.99;
  double eps = 1e-8;
  double momentum = 0;
  double weight_decay = 0;
  /// Divides by an estimate of the standard deviation instead of the root mean square.
  bool centered = false;
};

/// g <- g + weight_decay p;  v <- alpha v + (1 - alpha) g^2;  p <- p - lr g / (sqrt(v) + eps), or with
/// momentum b <- momentum b + g / (sqrt(v) + eps);  p <- p - lr b. Centred: in place of v, v - (mean of g)^2,
/// which is kept as the state "variance" in the form
///
///     variance <- alpha (variance + (1 - alpha) (g - mean)^2);  mean <- mean + (1 - alpha) (g - mean)
///
/// that has the same value and cannot fall below 0.
class RmsProp : public Optimizer {
 public:
  /// ConfigError for an option out of range.
  explicit RmsProp(const TensorList& parameters, const RmsPropOptions& options = {});
  void step(const TensorList& gradients);

 private:
  RmsPropOptions options_;
  TensorList v_, mean_, momentum_;
};

}  // namespace saccade::nn
