// Checks of the algorithms' targets and losses as they ship: their gradients with respect to every weight,
// and their values against the equations written out once more.

#include <cmath>
#include <memory>

#include "autograd/ops.h"
#include "autograd/substitute.h"
#include "rl/algorithms/sac.h"
#include "rl/algorithms/td3.h"
#include "tools/gradcheck/agents.h"
#include "tools/gradcheck/suite.h"

namespace saccade::suite {

namespace {

// Observations of 3, actions of 2, five transitions, of which two end the task; and weights at which no relu
// is near its corner.
constexpr std::int64_t kObs = 3, kAction = 2, kBatch = 5;
constexpr double kGamma = 0.9;

// The critics' mean squared errors, added.
Tensor squared_errors(const Tensor& q, const Tensor& y) {
  return sum(square(q - y)) / static_cast<double>(kBatch);
}

}  // namespace

std::vector<Check> algorithm_checks() {
  Rng rng(13);
  const auto draw = [&](const Shape& shape, double size = 1) { return size * randn(shape, rng, DType::f64); };
  const auto critic = [&] {
    return TensorList{draw({2, 6, 5}, 0.5), draw({2, 6}, 0.3), draw({2, 6, 6}, 0.4),
                      draw({2, 6}, 0.2),    draw({2, 1, 6}),   draw({2, 1})};
  };
  const auto policy = [&](std::int64_t out) {
    return TensorList{draw({6, 3}, 0.6), draw({6}, 0.3),      draw({6, 6}, 0.4),
                      draw({6}, 0.2),    draw({out, 6}, 0.3), draw({out}, 0.3)};
  };
  const rl::Batch batch = {draw({kBatch, kObs}), rand({kBatch, kAction}, rng, DType::f64, -1, 1),
                           draw({kBatch, 1}), draw({kBatch, kObs}),
                           from_values({0, 1, 0, 0, 1}, {kBatch, 1}, DType::f64)};
  const Tensor eps = draw({kBatch, kAction}), y = draw({kBatch, 1}), log_prob = draw({kBatch, 1});
  const TensorList critics = critic(), targets = critic(), gaussian = policy(2 * kAction),
                   deterministic = policy(kAction), target_policy = policy(kAction);
  const std::vector<std::string> layers = {"l1.weight", "l1.bias",   "l2.weight",
                                           "l2.bias",   "l3.weight", "l3.bias"};

  std::vector<Check> checks;
  const auto add = [&](const char* group, const char* name, const char* variant, const char* formula,
                       TensorFunction f, TensorList inputs, std::vector<std::string> names,
                       TensorFunction expected, bool differentiable = true) {
    checks.push_back({group, name, variant, std::move(f), std::move(inputs), std::move(names), differentiable,
                      formula, std::move(expected)});
  };

  const auto add_critic_loss = [&](const char* group, const auto& agent) {
    add(
        group, "critic loss", "two critics 5-6-6-1, batch 5",
        "J = mean (Q_1 - y)^2 + mean (Q_2 - y)^2;  dQ_i = 2 g (Q_i - y) / n",
        [=](const TensorList& in) {
          return TensorList{with_parameters({{&agent->critic(), in}}, in[0], [&] {
            return agent->critic_loss(like(batch, in[0]), suite::like(y, in[0])).loss;
          })};
        },
        critics, layers,
        [=](const TensorList& in) {
          return TensorList{squared_errors(written_out_mlp(cat({batch.obs, batch.action}, 1), in), y)};
        });
  };

  // ---- SAC ----
  const auto make_sac = [](rl::AlphaLoss alpha_loss) {
    rl::SacConfig config;
    config.hidden = {6, 6};
    config.gamma = kGamma;
    config.initial_alpha = 0.2;
    config.alpha_loss = alpha_loss;
    return std::make_shared<rl::Sac>(config, kObs, kAction, Rng(1), DType::f64);
  };
  const auto sac = make_sac(rl::AlphaLoss::alpha), on_log_alpha = make_sac(rl::AlphaLoss::log_alpha);
  add(
      "SAC", "critic target", "3-6-6-2 and two critics 5-6-6-1, batch 5, two terminated",
      "y = r + gamma (1 - d) (min(Q'_1, Q'_2)(s', a') - alpha log pi(a' | s')),  a' = tanh(m + s eps)",
      [=](const TensorList& in) {
        return TensorList{with_parameters(
            {{&sac->actor(), gaussian}, {&sac->critic(), critics}, {&sac->target(), targets}}, in[0], [&] {
              return sac->critic_target(like(batch, in[0]), {in[0], in[0]});
            })};
      },
      {eps}, {"eps"},
      [=](const TensorList& in) {
        const auto [a, log_pi] = squashed_sample(written_out_mlp(batch.next_obs, gaussian), in[0]);
        const Tensor value = smallest_q(targets, batch.next_obs, a) - 0.2 * log_pi;
        return TensorList{batch.reward + kGamma * (1 - batch.terminated) * value};
      },
      false);
  add_critic_loss("SAC", sac);
  add(
      "SAC", "actor loss", "policy 3-6-6-2, through both critics",
      "J = mean (alpha log pi(a) - min(Q_1, Q_2)(s, a)),  a = tanh(m + s eps)",
      [=](const TensorList& in) {
        return TensorList{with_parameters(
            {{&sac->actor(), in}, {&sac->critic(), critics}, {&sac->target(), targets}}, in[0],
            [&] { return sac->actor_loss(suite::like(batch.obs, in[0]), suite::like(eps, in[0])).loss; })};
      },
      gaussian, {"l1.weight", "l1.bias", "l2.weight", "l2.bias", "head.weight", "head.bias"},
      [=](const TensorList& in) {
        const auto [a, log_pi] = squashed_sample(written_out_mlp(batch.obs, in), eps);
        return TensorList{mean(0.2 * log_pi - smallest_q(critics, batch.obs, a))};
      });
  const auto temperature = [&](const char* variant, const char* formula,
                               const std::shared_ptr<rl::Sac>& agent, TensorFunction weight) {
    add(
        "SAC", "temperature loss", variant, formula,
        [=](const TensorList& in) {
          const Substitute substitute({agent->log_alpha()}, in);
          return Substitute::lasting(TensorList{agent->alpha_loss(suite::like(log_prob, in[0]))});
        },
        {scalar(-0.7, DType::f64)}, {"log_alpha"},
        [=](const TensorList& in) { return TensorList{-mean(weight(in)[0] * (log_prob - 2))}; });
  };
  temperature("through alpha", "J = -mean alpha (log pi + H_0);  dlog alpha = g J", sac,
              [](const TensorList& in) { return TensorList{exp(in[0])}; });
  temperature("on log alpha", "", on_log_alpha, [](const TensorList& in) { return in; });

  // ---- TD3 ----
  rl::Td3Config config;
  config.hidden = {6, 6};
  config.gamma = kGamma;
  const auto td3 = std::make_shared<rl::Td3>(config, kObs, kAction, Rng(1), DType::f64);
  const std::vector<Part> all = {{&td3->actor(), deterministic},
                                 {&td3->critic(), critics},
                                 {&td3->target_actor(), target_policy},
                                 {&td3->target_critic(), targets}};
  add(
      "TD3", "critic target", "3-6-6-2 and two critics 5-6-6-1, batch 5, two terminated",
      "y = r + gamma (1 - d) min(Q'_1, Q'_2)(s', a'),  a' = clip(mu'(s') + clip(0.2 z, -0.5, 0.5), -1, 1)",
      [=](const TensorList& in) {
        return TensorList{
            with_parameters(all, in[0], [&] { return td3->critic_target(like(batch, in[0]), in[0]); })};
      },
      {4 * eps}, {"z"},
      [=](const TensorList& in) {
        const Tensor noise = clamp(0.2 * in[0], -0.5, 0.5);
        const Tensor a = clamp(tanh(written_out_mlp(batch.next_obs, target_policy)) + noise, -1, 1);
        return TensorList{batch.reward +
                          kGamma * (1 - batch.terminated) * smallest_q(targets, batch.next_obs, a)};
      },
      false);
  add_critic_loss("TD3", td3);
  add(
      "TD3", "actor loss", "policy 3-6-6-2, through the first critic", "J = -mean Q_1(s, mu(s))",
      [=](const TensorList& in) {
        std::vector<Part> parts = all;
        parts[0].second = in;
        return TensorList{
            with_parameters(parts, in[0], [&] { return td3->actor_loss(suite::like(batch.obs, in[0])); })};
      },
      deterministic, layers,
      [=](const TensorList& in) {
        const Tensor a = tanh(written_out_mlp(batch.obs, in));
        return TensorList{-mean(select(written_out_mlp(cat({batch.obs, a}, 1), critics), 0, 0))};
      });
  return checks;
}

}  // namespace saccade::suite
