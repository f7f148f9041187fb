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

  GradcheckResult run(int order) const;
};

/// Every op in every variant: several shapes, and one of them in each memory layout. (op_checks.cpp; the rows are in op_table_*.cpp)
std::vector<Check> op_checks();
/// The reparameterised log-probability of the squashed Gaussian, from its own arguments and through a whole
/// policy network down to the weights. (policy_checks.cpp)
std::vector<Check> policy_checks();
/// The network that those check, as a function of its weights: what rl::Actor computes with two hidden
/// layers. weights: l1, l2 and head, each weight then bias; obs (B, obs_dim), noise eps (B, action_dim); log
/// pi (B, 1).
Tensor policy_log_prob(const TensorList& weights, const Tensor& obs, const Tensor& eps);
/// Layers, distributions, SAC's losses and Adam's step, each as a function of all it depends on.
/// (nn_checks.cpp)
std::vector<Check> nn_checks();
/// The functions behind those checks, for comparison with the modules: layers l1, l2, ... from weights[first] on, each weight
/// then bias; and the critics' loss on (obs, action) pairs with targets y.
Tensor mlp(Tensor x, const TensorList& weights, std::size_t first);
Tensor critic_loss(const TensorList& weights, const Tensor& obs_action, const Tensor& y);
/// Parameters after Adam's step number t from moments m and v, as a function that can be differentiated.
Tensor adam_step(const Tensor& p, const Tensor& g, const Tensor& m, const Tensor& v, double lr, double t);

std::vector<Check> all_checks();

/// How far a check's value and gradients in f32 are from those in f64, in units of f32's rounding of the
/// largest element.
double f32_error(const Check& check);

}  // namespace saccade::suite
