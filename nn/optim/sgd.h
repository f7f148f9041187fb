// Stochastic gradient descent.
#pragma once

#include "nn/optim/optimizer.h"

namespace saccade::nn {

struct SgdOptions {
  double lr = 1e-3;
  double momentum = 0;
  double dampening = 0;
  double weight_decay = 0;
  bool nesterov = false;
};

/// g <- g + weight_decay p;  b <- momentum b + (1 - dampening) g, at the first step b <- g;  p <- p - lr b,
/// or with Nesterov p <- p - lr (g + momentum b).
class Sgd : public Optimizer {
 public:
  /// ConfigError for an option out of range, or Nesterov without momentum or with dampening.
  explicit Sgd(const TensorList& parameters, const SgdOptions& options = {});
  void step(const TensorList& gradients);

 private:
  SgdOptions options_;
  TensorList momentum_;
};

}  // namespace saccade::nn
