// Checks of the algorithms' targets and losses as they ship: their gradients with respect to every weight,
// and their values against the equations written out once more.

#include <cmath>
#include <memory>

#include "autograd/ops.h"
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

  AgentChecks checks;
  const auto add_critic_loss = [&](const char* group, const auto& agent) {
    checks.loss(
        group, "critic loss", "two critics 5-6-6-1, batch 5",
        "J = mean (Q_1 - y)^2 + mean (Q_2 - y)^2;  dQ_i = 2 g (Q_i - y) / n", {&agent->critic(), critics}, {},
        [=](const Tensor& x) { return agent->critic_loss(like(batch, x), suite::like(y, x)).loss; },
        [=](const TensorList& in) {
          return TensorList{squared_errors(all_q(in, batch.obs, batch.action), y)};
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
  checks.target(
      "SAC", "critic target", "3-6-6-2 and two critics 5-6-6-1, batch 5, two terminated",
      "y = r + gamma (1 - d) (min(Q'_1, Q'_2)(s', a') - alpha log pi(a' | s')),  a' = tanh(m + s eps)",
      {{&sac->actor(), gaussian}, {&sac->critic(), critics}, {&sac->target(), targets}}, eps, "eps",
      [=](const Tensor& x) {
        return sac->critic_target(like(batch, x), {x, x});
      },
      [=](const TensorList& in) {
        const auto [a, log_pi] = squashed_sample(written_out_mlp(batch.next_obs, gaussian), in[0]);
        const Tensor value = smallest_q(targets, batch.next_obs, a) - 0.2 * log_pi;
        return TensorList{batch.reward + kGamma * (1 - batch.terminated) * value};
      });
  add_critic_loss("SAC", sac);
  checks.loss(
      "SAC", "actor loss", "policy 3-6-6-2, through both critics",
      "J = mean (alpha log pi(a) - min(Q_1, Q_2)(s, a)),  a = tanh(m + s eps)", {&sac->actor(), gaussian},
      {{&sac->critic(), critics}, {&sac->target(), targets}},
      [=](const Tensor& x) { return sac->actor_loss(suite::like(batch.obs, x), suite::like(eps, x)).loss; },
      [=](const TensorList& in) {
        const auto [a, log_pi] = squashed_sample(written_out_mlp(batch.obs, in), eps);
        return TensorList{mean(0.2 * log_pi - smallest_q(critics, batch.obs, a))};
      });
  checks.temperature("SAC", "through alpha", "J = -mean alpha (log pi + H_0);  dlog alpha = g J", sac,
                     log_prob,
                     [=](const TensorList& in) { return TensorList{-mean(exp(in[0]) * (log_prob - 2))}; });
  checks.temperature("SAC", "on log alpha", "", on_log_alpha, log_prob,
                     [=](const TensorList& in) { return TensorList{-mean(in[0] * (log_prob - 2))}; });

  // ---- TD3 ----
  rl::Td3Config config;
  config.hidden = {6, 6};
  config.gamma = kGamma;
  const auto td3 = std::make_shared<rl::Td3>(config, kObs, kAction, Rng(1), DType::f64);
  const Part critic_part = {&td3->critic(), critics}, target_actor = {&td3->target_actor(), target_policy},
             target_critic = {&td3->target_critic(), targets};
  checks.target(
      "TD3", "critic target", "3-6-6-2 and two critics 5-6-6-1, batch 5, two terminated",
      "y = r + gamma (1 - d) min(Q'_1, Q'_2)(s', a'),  a' = clip(mu'(s') + clip(0.2 z, -0.5, 0.5), -1, 1)",
      {{&td3->actor(), deterministic}, critic_part, target_actor, target_critic}, 4 * eps, "z",
      [=](const Tensor& x) { return td3->critic_target(like(batch, x), x); },
      [=](const TensorList& in) {
        const Tensor noise = clamp(0.2 * in[0], -0.5, 0.5);
        const Tensor a = clamp(tanh(written_out_mlp(batch.next_obs, target_policy)) + noise, -1, 1);
        return TensorList{batch.reward +
                          kGamma * (1 - batch.terminated) * smallest_q(targets, batch.next_obs, a)};
      });
  add_critic_loss("TD3", td3);
  checks.loss(
      "TD3", "actor loss", "policy 3-6-6-2, through the first critic", "J = -mean Q_1(s, mu(s))",
      {&td3->actor(), deterministic}, {critic_part, target_actor, target_critic},
      [=](const Tensor& x) { return td3->actor_loss(suite::like(batch.obs, x)); },
      [=](const TensorList& in) {
        const Tensor a = tanh(written_out_mlp(batch.obs, in));
        return TensorList{-mean(select(all_q(critics, batch.obs, a), 0, 0))};
      });
  return std::move(checks.list);
}

}  // namespace saccade::suite
