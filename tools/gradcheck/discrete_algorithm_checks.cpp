// Checks of the algorithms with discrete actions, as algorithm_checks.cpp has them of the others.

#include <cmath>
#include <memory>

#include "autograd/ops.h"
#include "rl/algorithms/discrete_sac.h"
#include "rl/algorithms/dqn.h"
#include "rl/algorithms/soft_q.h"
#include "tools/gradcheck/agents.h"
#include "tools/gradcheck/suite.h"

namespace saccade::suite {

namespace {

// Observations of 3, four choices, five transitions, of which two end the task; and weights at which no relu
// is near its corner.
constexpr std::int64_t kObs = 3, kChoices = 4, kBatch = 5;
constexpr double kGamma = 0.9;

// ---- the equations, written out ----

// The columns that the actions name, of (..., B, |A|).
Tensor taken(const Tensor& q, const Tensor& action) {
  return sum(q * one_hot(squeeze(action, 1), kChoices), {-1}, true);
}

Tensor probabilities(const Tensor& logits) {
  const Tensor weights = exp(logits);
  return weights / sum(weights, {-1}, true);
}

Tensor smaller_q(const TensorList& critics, const Tensor& obs) {
  const Tensor q = written_out_mlp(obs, critics);
  return minimum(select(q, 0, 0), select(q, 0, 1));
}

// sum_a pi(a) (Q(a) - alpha log pi(a)), (B, 1)
Tensor soft_value(const Tensor& pi, const Tensor& q, double alpha) {
  return sum(pi * (q - alpha * log(pi)), {-1}, true);
}

Tensor huber(const Tensor& e) { return where(ge(1 - abs(e), 0), square(e) / 2, abs(e) - 0.5); }

}  // namespace

std::vector<Check> discrete_algorithm_checks() {
  Rng rng(17);
  const auto draw = [&](const Shape& shape, double size = 1) { return size * randn(shape, rng, DType::f64); };
  const auto network = [&] {
    return TensorList{draw({6, 3}, 0.6), draw({6}, 0.3),    draw({6, 6}, 0.4),
                      draw({6}, 0.2),    draw({4, 6}, 0.8), draw({4}, 0.5)};
  };
  const auto pair = [&] {
    const TensorList one = network(), other = network();
    TensorList both;
    for (std::size_t i = 0; i < one.size(); ++i) both.push_back(stack({one[i], other[i]}, 0));
    return both;
  };
  const rl::Batch batch = {draw({kBatch, kObs}), from_values({3, 0, 2, 1, 3}, {kBatch, 1}, DType::f64),
                           draw({kBatch, 1}), draw({kBatch, kObs}),
                           from_values({0, 1, 0, 0, 1}, {kBatch, 1}, DType::f64)};
  const Tensor y = draw({kBatch, 1}), entropy = rand({kBatch, 1}, rng, DType::f64, 0, 1.3);
  const TensorList policy = network(), q = network(), q_target = network(), critics = pair(),
                   targets = pair();

  AgentChecks checks;
  const auto add_target = [&](const char* group, const char* variant, const char* formula, const auto& agent,
                              const std::vector<Part>& parts, TensorFunction value) {
    checks.target(
        group, "critic target", variant, formula, parts, batch.next_obs, "s'",
        [=](const Tensor& x) {
          rl::Batch at = like(batch, x);
          at.next_obs = x;
          return agent->critic_target(at);
        },
        [=](const TensorList& in) {
          return TensorList{batch.reward + kGamma * (1 - batch.terminated) * value(in)[0]};
        });
  };
  const auto add_critic_loss = [&](const char* group, const char* variant, const char* formula,
                                   const auto& agent, const TensorList& weights, TensorFunction of_errors) {
    checks.loss(
        group, "critic loss", variant, formula, {&agent->critic(), weights}, {},
        [=](const Tensor& x) { return agent->critic_loss(like(batch, x), suite::like(y, x)).loss; },
        [=](const TensorList& in) {
          const Tensor e = taken(written_out_mlp(batch.obs, in), batch.action) - y;
          return TensorList{sum(of_errors({e})[0]) / static_cast<double>(kBatch)};
        });
  };
  const TensorFunction squares = [](const TensorList& e) { return TensorList{square(e[0])}; };

  // ---- discrete SAC ----
  rl::DiscreteSacConfig sac_config;
  sac_config.hidden = {6, 6};
  sac_config.gamma = kGamma;
  sac_config.initial_alpha = 0.2;
  const auto sac = std::make_shared<rl::DiscreteSac>(sac_config, kObs, kChoices, Rng(1), DType::f64);
  add_target("discrete SAC", "3-6-6-4 and two critics, batch 5, two terminated",
             "y = r + gamma (1 - d) sum_a' pi(a' | s') (min(Q'_1, Q'_2)(s', a') - alpha log pi(a' | s'))",
             sac, {{&sac->actor(), policy}, {&sac->critic(), critics}, {&sac->target(), targets}},
             [=](const TensorList& in) {
               const Tensor pi = probabilities(written_out_mlp(in[0], policy));
               return TensorList{soft_value(pi, smaller_q(targets, in[0]), 0.2)};
             });
  add_critic_loss("discrete SAC", "two critics 3-6-6-4, batch 5",
                  "J = mean (Q_1(s, a) - y)^2 + mean (Q_2(s, a) - y)^2;  dQ_i(s, a) = 2 g (Q_i - y) / n", sac,
                  critics, squares);
  checks.loss(
      "discrete SAC", "actor loss", "policy 3-6-6-4, two critics",
      "J = mean sum_a pi(a | s) (alpha log pi(a | s) - min(Q_1, Q_2)(s, a))", {&sac->actor(), policy},
      {{&sac->critic(), critics}, {&sac->target(), targets}},
      [=](const Tensor& x) { return sac->actor_loss(suite::like(batch.obs, x)).loss; },
      [=](const TensorList& in) {
        const Tensor pi = probabilities(written_out_mlp(batch.obs, in));
        return TensorList{-mean(soft_value(pi, smaller_q(critics, batch.obs), 0.2))};
      });
  checks.temperature(
      "discrete SAC", "through alpha", "J = mean alpha (H - H_0);  dlog alpha = g J", sac, entropy,
      [=](const TensorList& in) { return TensorList{mean(exp(in[0]) * (entropy - 0.98 * std::log(4.0)))}; });

  // ---- DQN ----
  const auto make_dqn = [](bool double_q, rl::QLoss loss) {
    rl::DqnConfig config;
    config.hidden = {6, 6};
    config.gamma = kGamma;
    config.double_q = double_q;
    config.loss = loss;
    return std::make_shared<rl::Dqn>(config, kObs, kChoices, Rng(1), DType::f64);
  };
  const auto single = make_dqn(false, rl::QLoss::squared), twice = make_dqn(true, rl::QLoss::huber);
  add_target("DQN", "3-6-6-4, batch 5, two terminated", "y = r + gamma (1 - d) max_a' Q'(s', a')", single,
             {{&single->critic(), q}, {&single->target(), q_target}}, [=](const TensorList& in) {
               return TensorList{amax(written_out_mlp(in[0], q_target), {-1}, true)};
             });
  add_target("DQN", "double, 3-6-6-4, batch 5, two terminated", "", twice,
             {{&twice->critic(), q}, {&twice->target(), q_target}}, [=](const TensorList& in) {
               const Tensor online = written_out_mlp(in[0], q);
               const Tensor best = ge(online, amax(online, {-1}, true));  // 1 at the largest, 0 elsewhere
               return TensorList{sum(best * written_out_mlp(in[0], q_target), {-1}, true)};
             });
  add_critic_loss("DQN", "squared, 3-6-6-4, batch 5",
                  "J = mean L(Q(s, a) - y),  L(e) = e^2, or Huber's: e^2 / 2 for |e| < 1, else |e| - 1/2",
                  single, q, squares);
  add_critic_loss("DQN", "Huber's, 3-6-6-4, batch 5", "", twice, q,
                  [](const TensorList& e) { return TensorList{huber(e[0])}; });

  // ---- soft Q-learning ----
  rl::SoftQConfig soft_config;
  soft_config.hidden = {6, 6};
  soft_config.gamma = kGamma;
  soft_config.alpha = 0.3;
  const auto soft = std::make_shared<rl::SoftQ>(soft_config, kObs, kChoices, Rng(1), DType::f64);
  add_target("soft Q-learning", "3-6-6-4, batch 5, two terminated",
             "y = r + gamma (1 - d) alpha log sum_a' exp(Q'(s', a') / alpha)", soft,
             {{&soft->critic(), q}, {&soft->target(), q_target}}, [=](const TensorList& in) {
               return TensorList{0.3 * log(sum(exp(written_out_mlp(in[0], q_target) / 0.3), {-1}, true))};
             });
  add_critic_loss("soft Q-learning", "3-6-6-4, batch 5",
                  "J = mean (Q(s, a) - y)^2;  dQ(s, a) = 2 g (Q - y) / n", soft, q, squares);
  return std::move(checks.list);
}

}  // namespace saccade::suite
