// The flagship check: the log-probability of a reparameterised, tanh-squashed Gaussian sample, on which SAC
// rests.
//
// The noise eps is held fixed, so that u = mean + std eps and with it everything below is a smooth function
// of mean and log sigma. Points are chosen by their pre-tanh u, and so that log sigma stays inside its clamp.

#include <fmt/format.h>

#include <cmath>
#include <memory>

#include "autograd/ops.h"
#include "nn/distributions/tanh_normal.h"
#include "nn/functional_call.h"
#include "rl/components/actor_critic.h"
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

// log pi(tanh u) in plain numbers, by the route log(1 - tanh(u)^2) = -2 log cosh u; u = mean + exp(log std)
// eps.
TensorFunction log_prob_written_out(const Tensor& eps) {
  return [eps](const TensorList& x) {
    const std::vector<double> mean = x[0].to_vector(), log_std = x[1].to_vector(), noise = eps.to_vector();
    std::vector<double> values;
    for (std::size_t i = 0; i < mean.size(); ++i) {
      const double size = std::abs(mean[i] + std::exp(log_std[i]) * noise[i]);
      values.push_back(-noise[i] * noise[i] / 2 - log_std[i] - std::log(2 * std::acos(-1.0)) / 2 +
                       2 * (size + std::log1p(std::exp(-2 * size)) - std::log(2)));
    }
    return TensorList{sum(from_values(values, x[0].shape(), DType::f64), {-1}, true)};
  };
}

TensorFunction action_written_out(const Tensor& eps) {
  return [eps](const TensorList& x) {
    const double u = x[0].item() + std::exp(x[1].item()) * eps.item();
    return TensorList{from_values({std::tanh(u)}, x[0].shape(), DType::f64)};
  };
}

TensorFunction action_at(const Tensor& eps) {
  return [eps](const TensorList& x) {
    return TensorList{nn::TanhNormal(x[0], x[1]).rsample(to(eps, x[0].dtype())).action};
  };
}

}  // namespace

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
                          true,
                          "y = log N(u; m, s) - sum_i 2 (log 2 - u_i - softplus(-2 u_i)),  u = m + s eps;  "
                          "dm = 2 g tanh u,  dlog s = g (2 s eps tanh(u) - 1)",
                          log_prob_written_out(row({eps}))});
        checks.push_back({"SAC policy", "log pi(a), as sampled", variant, log_prob_of_sample(row({eps})),
                          inputs, arguments, true,
                          "the same with (u - m) / s known to be eps:  y = -eps^2 / 2 - log s - log(2 pi) / "
                          "2 - 2 (log 2 - u - softplus(-2 u))",
                          log_prob_written_out(row({eps}))});
        if (log_std == 0.3) {
          checks.push_back({"SAC policy", "a = tanh(u)", variant, action_at(row({eps})), inputs, arguments,
                            true,
                            "a = tanh(u),  u = m + s eps;  dm = g (1 - a^2),  dlog s = g s eps (1 - a^2)",
                            action_written_out(row({eps}))});
        }
      }
    }
  }
  Rng rng(7);
  const Tensor mean = randn({4, 3}, rng, DType::f64), log_std = rand({4, 3}, rng, DType::f64, -3, 1);
  const Tensor noise = randn({4, 3}, rng, DType::f64);
  checks.push_back({"SAC policy",
                    "log pi(a)",
                    "a batch of 4 actions of size 3",
                    log_prob_at(noise),
                    {mean, log_std},
                    arguments,
                    true,
                    "",
                    log_prob_written_out(noise)});

  // A whole network, 3 -> 8 -> 8 -> 2 actions, down to its weights. The head's rows for log sigma start near
  // -1.
  const Tensor obs = randn({5, 3}, rng, DType::f64), eps = randn({5, 2}, rng, DType::f64);
  const auto weight = [&](const Shape& shape, double size) { return size * randn(shape, rng, DType::f64); };
  const TensorList weights = {weight({8, 3}, 0.6), weight({8}, 0.3),    weight({8, 8}, 0.4),
                              weight({8}, 0.2),    weight({4, 8}, 0.3), row({0.3, -0.2, -1, -0.8})};
  TensorList inputs = weights;
  inputs[5] = reshape(inputs[5], {4});
  const auto actor = std::make_shared<rl::GaussianActor>(3, 2, std::vector<std::int64_t>{8, 8},
                                                         rl::LogStd::clamp, rng, DType::f64);
  checks.push_back({"SAC policy",
                    "log pi(a), network",
                    "3-8-8-2, batch 5: every weight and bias",
                    [=](const TensorList& x) {
                      return nn::functional_call(*actor, x, [&] {
                        const nn::TanhNormal pi = (*actor)(like(obs, x[0]));
                        return TensorList{pi.log_prob(pi.rsample(like(eps, x[0])))};
                      });
                    },
                    inputs,
                    {"l1.weight", "l1.bias", "l2.weight", "l2.bias", "head.weight", "head.bias"},
                    true,
                    "(m, log s) = net(obs),  y = log pi(tanh(m + s eps));  by the chain rule",
                    [=](const TensorList& x) {
                      const TensorList halves = chunk(written_out_mlp(obs, x), 2, -1);
                      return log_prob_written_out(eps)(halves);
                    }});

  // The same with state-dependent exploration: the noise's own weights instead of the head's lower half.
  const auto gsde_actor = std::make_shared<rl::GaussianActor>(3, 2, std::vector<std::int64_t>{8, 8},
                                                              rl::LogStd::gsde, rng, DType::f64);
  inputs[4] = slice(inputs[4], 0, 0, 2);
  inputs[5] = slice(inputs[5], 0, 0, 2);
  inputs.push_back(-1 + 0.3 * randn({8, 2}, rng, DType::f64));
  checks.push_back({"SAC policy",
                    "log pi(a), gSDE",
                    "3-8-8-2, batch 5: every weight and bias, and log sigma",
                    [=](const TensorList& x) {
                      return nn::functional_call(*gsde_actor, x, [&] {
                        const nn::TanhNormal pi = (*gsde_actor)(like(obs, x[0]));
                        return TensorList{pi.log_prob(pi.rsample(like(eps, x[0])))};
                      });
                    },
                    inputs,
                    {"l1.weight", "l1.bias", "l2.weight", "l2.bias", "head.weight", "head.bias", "log_sigma"},
                    true,
                    "s_j^2 = sum_i (h_i exp(log_sigma_ij))^2 + 1e-6,  y = log pi(tanh(m + s eps))",
                    [=](const TensorList& x) {
                      const Tensor h = relu(linear(relu(linear(like(obs, x[0]), x[0], x[1])), x[2], x[3]));
                      const Tensor parts = unsqueeze(h, 2) * exp(x[6]);  // (batch, 8, 2)
                      const Tensor log_s = log(sqrt(sum(parts * parts, {1}) + 1e-6));
                      return log_prob_written_out(eps)({linear(h, x[4], x[5]), log_s});
                    }});
  return checks;
}

}  // namespace saccade::suite
