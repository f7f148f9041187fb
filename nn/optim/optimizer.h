// Optimisers, each with PyTorch's update and PyTorch's names for its options.
#pragma once

#include <cstdint>
#include <string>

#include "autograd/tensor.h"
#include "nn/named_tensors.h"

namespace saccade::nn {

/// What optimisers share: the parameters, the number of steps taken and the state kept between them.
class Optimizer {
 public:
  const TensorList& parameters() const { return parameters_; }
  std::int64_t steps() const { return steps_; }

  /// What a checkpoint needs: "steps" (0-dimensional, f64), then for each kind of state, such as "m", the
  /// elements of all parameters in order, (n). All but "steps" are the state itself, not a copy.
  NamedTensors named_state() const;
  /// Goes on from what named_state() gave. Throws as copy_by_name() does, ConfigError for a "steps" that is
  /// no count; then nothing has changed.
  void load_state(const NamedTensors& state);

 protected:
  /// `name` is for messages. ConfigError without parameters, GradError for one that is no leaf requiring a
  /// gradient, DTypeError for mixed dtypes, ShapeError for one that is not contiguous.
  Optimizer(const char* name, const TensorList& parameters);
  ~Optimizer() = default;

  /// Zeros to remember something for every element; one tensor for each parameter.
  TensorList make_state(const std::string& name);
  /// Checks the gradients, one for each parameter and of its shape and dtype (ShapeError, DTypeError), and
  /// counts the step.
  void begin_step(const TensorList& gradients);

 private:
  const char* name_;
  TensorList parameters_;
  NamedTensors state_;
  std::int64_t steps_ = 0;
};

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
/// momentum b <- momentum b + g / (sqrt(v) + eps);  p <- p - lr b. Centred: v - (mean of g)^2 in place of v.
class RmsProp : public Optimizer {
 public:
  /// ConfigError for an option out of range.
  explicit RmsProp(const TensorList& parameters, const RmsPropOptions& options = {});
  void step(const TensorList& gradients);

 private:
  RmsPropOptions options_;
  TensorList v_, mean_, momentum_;
};

/// Scales the gradients, as one vector, down to a norm of about max_norm where theirs is larger: by
/// max_norm / (norm + 1e-6), as PyTorch. Returns the norm before. ConfigError unless max_norm > 0.
double clip_grad_norm(TensorList& gradients, double max_norm);

}  // namespace saccade::nn
