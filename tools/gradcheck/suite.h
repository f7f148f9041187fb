// The gradient checks that the tests and `saccade gradcheck` both run.
#pragma once

#include <string>
#include <vector>

#include "autograd/gradcheck.h"

namespace saccade::suite {

/// One function at one point.
struct Check {
  std::string group;    // "ops", "distributions", ...
  std::string name;     // of the op, layer or quantity
  std::string variant;  // which arguments, shapes and memory layouts
  TensorFunction f;
  TensorList inputs;  // f64
  std::vector<std::string> input_names = {};
  bool differentiable = true;  // or checked in value only
  std::string formula = {};    // of the value and the gradients; of checks of one name, the first one has it
  TensorFunction expected =
      {};  // the same values, come by another way; a gradient check cannot see that f is the wrong function

  GradcheckResult run(int order) const;
};

/// Every op in every variant: several shapes, and one of them in each memory layout. (op_checks.cpp; the rows
/// are in op_table_*.cpp)
std::vector<Check> op_checks();
/// Layers, in their input and in every parameter. (layer_checks.cpp)
std::vector<Check> layer_checks();
/// Densities, entropies, divergences and samples. (distribution_checks.cpp)
std::vector<Check> distribution_checks();
/// The reparameterised log-probability of the squashed Gaussian, from its own arguments and through a whole
/// policy network down to the weights. (policy_checks.cpp)
std::vector<Check> policy_checks();
/// The targets and losses of the algorithms. (algorithm_checks.cpp, relative_checks.cpp, crossq_checks.cpp,
/// discrete_algorithm_checks.cpp)
std::vector<Check> algorithm_checks();
std::vector<Check> relative_checks();
std::vector<Check> crossq_checks();
std::vector<Check> discrete_algorithm_checks();
/// A step of each optimiser, in the parameters and their gradients. (optimizer_checks.cpp)
std::vector<Check> optimizer_checks();

std::vector<Check> all_checks();

/// The largest |f - expected|, relative to the largest |expected|, or absolute where that is below 1.
/// ShapeError if the shapes differ.
double value_error(const Check& check);
constexpr double kValueTolerance = 1e-11;

/// How far a check's value and gradients in f32 are from those in f64, in units of f32's rounding of the
/// largest element.
double f32_error(const Check& check);

// For writing checks.

/// The tensor or tensors in the dtype of x.
Tensor like(const Tensor& constant, const Tensor& x);
TensorList like(const TensorList& constants, const Tensor& x);

/// The value of `shipped`, code that has no gradient, with the gradient of the formula that it should
/// compute: the finite differences are then of the one, the analytic gradients of the other.
Tensor with_gradient_of(const Tensor& formula, const Tensor& shipped);

/// A fully connected network written out, from the pieces of matmul, + and relu: layers l1, l2, ..., each
/// weight then bias, with a relu after all but the last. weights of the form (n, out, in) are n networks side
/// by side, x then being the same for each.
Tensor written_out_mlp(const Tensor& x, const TensorList& weights);

}  // namespace saccade::suite
