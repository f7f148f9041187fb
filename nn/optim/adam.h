// Adam, AdamW and AMSGrad.
#pragma once

#include "nn/optim/optimizer.h"

namespace saccade::nn {

struct AdamOptions {
  double lr = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  /// Added to the gradient times the parameter, or, if decoupled (AdamW, Loshchilov and Hutter 2019), the
  /// share lr weight_decay of the parameter that goes at every step.
  double weight_decay = 0;
  bool decoupled = false;
  /// Divides by the largest v so far (Reddi et al. 2018).
  bool amsgrad = false;
};

/// Kingma and Ba 2015:
///
///     m <- beta1 m + (1 - beta1) g
///     v <- beta2 v + (1 - beta2) g^2
///     p <- p - lr m_hat / (sqrt(v_hat) + eps),   m_hat = m / (1 - beta1^t),  v_hat = v / (1 - beta2^t)
///
///     Adam optimizer(actor.parameters(), {.lr = 3e-4});
///     optimizer.step(grad(loss, actor.parameters()));
class Adam : public Optimizer {
 public:
  /// ConfigError for an option out of range.
  explicit Adam(const TensorList& parameters, const AdamOptions& options = {});
  void step(const TensorList& gradients);

 private:
  AdamOptions options_;
  TensorList m_, v_, v_max_;
};

}  // namespace saccade::nn
