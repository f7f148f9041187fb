// The part that optimisers share. Each has PyTorch's update, and PyTorch's names for its options.
#pragma once

#include <cstdint>
#include <limits>
#include <string>

#include "autograd/tensor.h"
#include "nn/named_tensors.h"

namespace saccade::nn {

/// The parameters, the number of steps taken and the state kept between them.
class Optimizer {
 public:
  const TensorList& parameters() const { return parameters_; }
  std::int64_t steps() const { return steps_; }

  /// For a checkpoint: "steps" (0-dimensional, f64), then for each kind of state, such as "m", the
  /// elements of all parameters in order, (n). All but "steps" are the state itself, not a copy.
  NamedTensors named_state() const;
  /// Goes on from what named_state() gave. Throws as copy_by_name() does, ConfigError for a "steps" that is
  /// no count; then nothing has changed.
  void load_state(const NamedTensors& state);
  /// Throws what load_state() would throw, and changes nothing.
  void check_state(const NamedTensors& state) const;

 protected:
  /// `name` is for messages. ConfigError without parameters, GradError for one that is no leaf requiring a
  /// gradient, or given twice, or sharing elements with another, DTypeError for mixed dtypes, ShapeError for
  /// one that is not contiguous.
  Optimizer(const char* name, const TensorList& parameters);
  ~Optimizer() = default;

  /// Zeros, to keep something for every element between steps: one tensor for each parameter.
  TensorList make_state(const std::string& name);
  /// Whether a parameter's step would change the gradient of a later one, with which it shares memory: then
  /// the step is to be taken with copies.
  bool written_before_read(const TensorList& gradients) const;
  static TensorList copied(const TensorList& gradients);
  /// Checks the gradients, one for each parameter and of its shape and dtype (ShapeError, DTypeError), and
  /// counts the step.
  void begin_step(const TensorList& gradients);
  /// eps as a step should use it. ConfigError unless it is a normal number of the parameters' dtype, or 0:
  /// that becomes the smallest, which changes no quotient but 0 / 0.
  double usable_eps(double eps) const;
  /// ConfigError unless low <= value < high.
  void check_option(const char* option, double value, double low,
                    double high = std::numeric_limits<double>::infinity()) const;

 private:
  const char* name_;
  TensorList parameters_;
  NamedTensors state_;
  std::int64_t steps_ = 0;
};

}  // namespace saccade::nn
