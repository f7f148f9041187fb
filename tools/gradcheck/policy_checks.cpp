// The flagship check: the log-probability of a reparameterised, tanh-squashed Gaussian sample, on which SAC
// rests.
//
// The noise eps is held fixed, so that u = mean + std eps and with it everything below is a smooth function
// of mean and log sigma. Points are chosen by their pre-tanh u, and so that log sigma stays inside its clamp.

#include <fmt/format.h>

#include <cmath>

#include "autograd/ops.h"
#include "nn/distributions/tanh_normal.h"
#include "tools/gradcheck/suite.h"

namespace saccade::suite {

namespace {

Tensor row(std::initializer_list<double> values) {
  return from_values(values, {1, static_cast<std::int64_t>(values.size())}, DType::f64);
}

// From (mean, log sigma) to log pi at u = mean + exp(log sigma) eps.
TensorFunction log_prob_at(const Tensor& eps) {
  return [eps](const TensorList& x) {
    const nn::TanhNormal pi(x[0], x[1]);
    return TensorList{pi.log_prob(pi.rsample(to(eps, x[0].dtype())).u)};
  };
}

// The same by the route that SAC takes, which knows eps and need not recover it from u.
TensorFunction log_prob_of_sample(const Tensor& eps) {
  return [eps](const TensorList& x) {
    const nn::TanhNormal pi(x[0], x[1]);
    return TensorList{pi.log_prob(pi.rsample(to(eps, x[0].dtype())))};
  };
}

TensorFunction action_at(const Tensor& eps) {
  return [eps](const TensorList& x) {
    return TensorList{nn::TanhNormal(x[0], x[1]).rsample(to(eps, x[0].dtype())).action};
  };
}

}  // namespace

Tensor policy_log_prob(const TensorList& weights, const Tensor& obs, const Tensor& eps) {
  const Tensor h1 = linear(obs, weights[0], weights[1], Activation::relu);
  const Tensor h2 = linear(h1, weights[2], weights[3], Activation::relu);
  const Tensor out = linear(h2, weights[4], weights[5]);
  const TensorList halves = chunk(out, 2, -1);
  const nn::TanhNormal pi(halves[0], clamp(halves[1], -20, 2));
  return pi.log_prob(pi.rsample(eps));
}

std::vector<Check> policy_checks() {
  std::vector<Check> checks;
  const std::vector<std::string> arguments = {"mean", "log_std"};
  for (const double size : {0.0, 1e-3, 0.5, 1.0, 2.0, 3.5, 5.0, 7.0, 9.0, 10.0, 12.0, 15.0, 18.0, 20.0}) {
    for (const double u : size == 0 ? std::vector<double>{0} : std::vector<double>{size, -size}) {
      for (const double log_std : {-4.0, -1.0, 0.3, 1.7}) {
        const double eps = 0.7;
        const TensorList inputs = {row({u - std::exp(log_std) * eps}), row({log_std})};
        const std::string variant = fmt::format("u = {:g}, log sigma = {:g}", u, log_std);
        checks.push_back({"SAC policy", "log pi(a)", variant, log_prob_at(row({eps})), inputs, arguments,
                          true, "y = log N(u; m, s) - sum_i 2 (log 2 - u_i - softplus(-2 u_i)),  u = m + s eps;  dm = 2 g tanh u,  dlog s = g (2 s eps tanh(u) - 1)"});
        checks.push_back({"SAC policy", "log pi(a), as sampled", variant, log_prob_of_sample(row({eps})),
                          inputs, arguments, true, "the same with (u - m) / s known to be eps:  y = -eps^2 / 2 - log s - log(2 pi) / 2 - 2 (log 2 - u - softplus(-2 u))"});
        if (log_std == 0.3) {
          checks.push_back({"SAC policy", "a = tanh(u)", variant, action_at(row({eps})), inputs, arguments,
                            true, "a = tanh(u),  u = m + s eps;  dm = g (1 - a^2),  dlog s = g s eps (1 - a^2)"});
        }
      }
    }
  }
  Rng rng(7);
  const Tensor mean = randn({4, 3}, rng, DType::f64), log_std = rand({4, 3}, rng, DType::f64, -3, 1);
  checks.push_back({"SAC policy",
                    "log pi(a)",
                    "a batch of 4 actions of size 3",
                    log_prob_at(randn({4, 3}, rng, DType::f64)),
                    {mean, log_std},
                    arguments});

  // A whole network, 3 -> 8 -> 8 -> 2 actions, down to its weights. The head's rows for log sigma start near
  // -1.
  const Tensor obs = randn({5, 3}, rng, DType::f64), eps = randn({5, 2}, rng, DType::f64);
  const auto weight = [&](const Shape& shape, double size) { return size * randn(shape, rng, DType::f64); };
  const TensorList weights = {weight({8, 3}, 0.6), weight({8}, 0.3),    weight({8, 8}, 0.4),
                              weight({8}, 0.2),    weight({4, 8}, 0.3), row({0.3, -0.2, -1, -0.8})};
  TensorList inputs = weights;
  inputs[5] = reshape(inputs[5], {4});
  checks.push_back({"SAC policy",
                    "log pi(a), network",
                    "3-8-8-2, batch 5: every weight and bias",
                    [obs, eps](const TensorList& x) {
                      return TensorList{policy_log_prob(x, to(obs, x[0].dtype()), to(eps, x[0].dtype()))};
                    },
                    inputs,
                    {"l1.weight", "l1.bias", "l2.weight", "l2.bias", "head.weight", "head.bias"},
                    true, "(m, log s) = net(obs),  y = log pi(tanh(m + s eps));  by the chain rule"});
  return checks;
}

}  // namespace saccade::suite
