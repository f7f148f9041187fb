// For checks of what agents compute.
#pragma once

#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "autograd/ops.h"
#include "autograd/substitute.h"
#include "nn/functional_call.h"
#include "rl/batch.h"
#include "tools/gradcheck/suite.h"

namespace saccade::suite {

/// The batch in the dtype of x.
inline rl::Batch like(const rl::Batch& batch, const Tensor& x) {
  const auto where_given = [&](const Tensor& t) { return t.defined() ? like(t, x) : t; };
  return {like(batch.obs, x),       like(batch.action, x),     like(batch.reward, x),
          like(batch.next_obs, x),  like(batch.terminated, x), where_given(batch.discount),
          where_given(batch.weight)};
}

/// A module, and what it has for parameters during a call.
using Part = std::pair<const nn::Module*, TensorList>;

/// The result of `call` while the modules have these parameters, in the dtype of x.
inline Tensor with_parameters(const std::vector<Part>& parts, const Tensor& x,
                              const std::function<Tensor()>& call, std::size_t from = 0) {
  if (from == parts.size()) return call();
  return nn::functional_call(*parts[from].first, like(parts[from].second, x),
                             [&] { return with_parameters(parts, x, call, from + 1); });
}

/// A list of checks, as it grows.
class AgentChecks {
 public:
  std::vector<Check> list{};

  /// A loss in the weights of the network that learns it, while the others have those given: loss(x) in the
  /// dtype of x, and expected(weights).
  void loss(const char* group, const char* name, const char* variant, const char* formula, const Part& learns,
            const std::vector<Part>& others, const std::function<Tensor(const Tensor& x)>& loss,
            TensorFunction expected, bool differentiable = true) {
    std::vector<std::string> names;
    for (const nn::NamedTensor& parameter : learns.first->named_parameters()) names.push_back(parameter.name);
    const auto f = [=](const TensorList& in) {
      std::vector<Part> parts = others;
      parts.emplace_back(learns.first, in);
      return TensorList{with_parameters(parts, in[0], [&] { return loss(in[0]); })};
    };
    list.push_back(
        {group, name, variant, f, learns.second, names, differentiable, formula, std::move(expected)});
  }

  /// A target, which is a constant of whichever weights it is made with: its value alone, at x.
  void target(const char* group, const char* name, const char* variant, const char* formula,
              const std::vector<Part>& parts, const Tensor& x, const char* name_of_x,
              const std::function<Tensor(const Tensor& x)>& target, TensorFunction expected) {
    const auto f = [=](const TensorList& in) {
      return TensorList{with_parameters(parts, in[0], [&] { return target(in[0]); })};
    };
    list.push_back({group, name, variant, f, {x}, {name_of_x}, false, formula, std::move(expected)});
  }

  /// A temperature's loss, alpha_loss(what), in log alpha.
  template <class A>
  void temperature(const char* group, const char* variant, const char* formula,
                   const std::shared_ptr<A>& agent, const Tensor& what, TensorFunction expected) {
    const auto f = [=](const TensorList& in) {
      const Substitute substitute({agent->log_alpha()}, in);
      return Substitute::lasting(TensorList{agent->alpha_loss(like(what, in[0]))});
    };
    list.push_back({group,
                    "temperature loss",
                    variant,
                    f,
                    {scalar(-0.7, DType::f64)},
                    {"log_alpha"},
                    true,
                    formula,
                    std::move(expected)});
  }
};

// Equations written out.

/// a and log pi(a), (B, 1), for a policy's outputs, the mean beside log sigma.
inline std::pair<Tensor, Tensor> squashed_sample(const Tensor& out, const Tensor& eps) {
  const std::int64_t n = eps.size(1);
  const Tensor mean = slice(out, 1, 0, n), log_std = slice(out, 1, n, 2 * n);
  const Tensor a = tanh(mean + exp(log_std) * eps);
  const Tensor each = -square(eps) / 2 - log_std - std::log(2 * std::acos(-1.0)) / 2 - log(1 - square(a));
  return {a, sum(each, {1}, true)};
}

/// Q_i(s, a) of critics, weights then biases, (n, B, outputs).
inline Tensor all_q(const TensorList& critic, const Tensor& obs, const Tensor& action) {
  return written_out_mlp(cat({obs, action}, 1), critic);
}

/// The smaller of two critics'.
inline Tensor smallest_q(const TensorList& critic, const Tensor& obs, const Tensor& action) {
  const Tensor q = all_q(critic, obs, action);
  return minimum(select(q, 0, 0), select(q, 0, 1));
}

}  // namespace saccade::suite
