// Checks of SAC's relatives, as algorithm_checks.cpp has them of SAC itself and crossq_checks.cpp of CrossQ.

#include <memory>
#include <utility>

#include "autograd/ops.h"
#include "nn/dropout.h"
#include "rl/algorithms/sac.h"
#include "rl/algorithms/sac_v1.h"
#include "rl/algorithms/tqc.h"
#include "tools/gradcheck/agents.h"
#include "tools/gradcheck/suite.h"

namespace saccade::suite {

namespace {

// Observations of 3, actions of 2, five transitions, of which two end the task.
constexpr std::int64_t kObs = 3, kAction = 2, kBatch = 5;
constexpr double kGamma = 0.9, kAlpha = 0.2;

// The elements of each row, smallest first: the k-th is the one than which k are smaller. None are equal.
Tensor sorted_rows(const Tensor& x) {
  const std::int64_t n = x.size(1);
  const Tensor rank = sum(gt(unsqueeze(x, 2), unsqueeze(x, 1)), {2});  // (B, n)
  const Tensor places = arange(n, x.dtype());
  return sum(unsqueeze(x, 1) * eq(unsqueeze(rank, 1), unsqueeze(places, 1)), {2});
}

struct Fixture {
  Rng rng{20};
  Tensor draw(const Shape& shape, double size = 1) { return size * randn(shape, rng, DType::f64); }
  TensorList network(std::int64_t in, std::int64_t out) {
    return {draw({6, in}, 0.6), draw({6}, 0.3),      draw({6, 6}, 0.4),
            draw({6}, 0.2),     draw({out, 6}, 0.3), draw({out}, 0.3)};
  }
  TensorList critics(std::int64_t n, std::int64_t outputs = 1) {
    return {draw({n, 6, 5}, 0.5), draw({n, 6}, 0.3),          draw({n, 6, 6}, 0.4),
            draw({n, 6}, 0.2),    draw({n, outputs, 6}, 0.6), draw({n, outputs})};
  }
};

}  // namespace

std::vector<Check> relative_checks() {
  Fixture with;
  const rl::Batch batch = {with.draw({kBatch, kObs}), rand({kBatch, kAction}, with.rng, DType::f64, -1, 1),
                           with.draw({kBatch, 1}), with.draw({kBatch, kObs}),
                           from_values({0, 1, 0, 0, 1}, {kBatch, 1}, DType::f64)};
  const Tensor eps = with.draw({kBatch, kAction}), y = with.draw({kBatch, 1});
  const TensorList gaussian = with.network(kObs, 2 * kAction), v = with.network(kObs, 1),
                   v_target = with.network(kObs, 1);

  AgentChecks checks;
  const auto sample_next = [=](const Tensor& noise) {
    return squashed_sample(written_out_mlp(batch.next_obs, gaussian), noise);
  };
  const auto sample_now = [=](const TensorList& policy) {
    return squashed_sample(written_out_mlp(batch.obs, policy), eps);
  };
  const auto bootstrapped = [=](const Tensor& value) {
    return TensorList{batch.reward + kGamma * (1 - batch.terminated) * value};
  };
  // A policy's loss, beside critics that stay.
  const auto add_actor_loss = [&](const char* group, const char* variant, const char* formula,
                                  const auto& agent, const TensorList& critics, TensorFunction q) {
    checks.loss(
        group, "actor loss", variant, formula, {&agent->actor(), gaussian}, {{&agent->critic(), critics}},
        [=](const Tensor& x) {
          return agent->actor_loss(suite::like(batch.obs, x), suite::like(eps, x)).loss;
        },
        [=](const TensorList& in) {
          const auto [a, log_pi] = sample_now(in);
          return TensorList{mean(kAlpha * log_pi - q({a})[0])};
        });
  };

  // ---- the first SAC ----
  const TensorList critics = with.critics(2);
  rl::SacV1Config v1_config;
  v1_config.hidden = {6, 6};
  v1_config.gamma = kGamma;
  v1_config.alpha = kAlpha;
  const auto v1 = std::make_shared<rl::SacV1>(v1_config, kObs, kAction, Rng(1), DType::f64);
  checks.target(
      "SAC v1", "value target", "3-6-6-2 and two critics 5-6-6-1, batch 5",
      "v = min(Q_1, Q_2)(s, a) - alpha log pi(a | s),  a = tanh(m + s eps)",
      {{&v1->actor(), gaussian}, {&v1->critic(), critics}}, eps, "eps",
      [=](const Tensor& x) { return v1->value_target(suite::like(batch.obs, x), x); },
      [=](const TensorList& in) {
        const auto [a, log_pi] = squashed_sample(written_out_mlp(batch.obs, gaussian), in[0]);
        return TensorList{smallest_q(critics, batch.obs, a) - kAlpha * log_pi};
      });
  checks.loss(
      "SAC v1", "value loss", "3-6-6-1, batch 5", "J = mean (V(s) - v)^2 / 2;  dV = g (V - v) / n",
      {&v1->value(), v}, {},
      [=](const Tensor& x) { return v1->value_loss(suite::like(batch.obs, x), suite::like(y, x)); },
      [=](const TensorList& in) {
        return TensorList{sum(square(written_out_mlp(batch.obs, in) - y)) / static_cast<double>(2 * kBatch)};
      });
  checks.target(
      "SAC v1", "critic target", "3-6-6-1, batch 5, two terminated", "y = r + gamma (1 - d) V'(s')",
      {{&v1->target_value(), v_target}}, batch.next_obs, "s'",
      [=](const Tensor& x) {
        rl::Batch at = like(batch, x);
        at.next_obs = x;
        return v1->critic_target(at);
      },
      [=](const TensorList& in) { return bootstrapped(written_out_mlp(in[0], v_target)); });
  checks.loss(
      "SAC v1", "critic loss", "two critics 5-6-6-1, batch 5",
      "J = (mean (Q_1 - y)^2 + mean (Q_2 - y)^2) / 2;  dQ_i = g (Q_i - y) / n", {&v1->critic(), critics}, {},
      [=](const Tensor& x) { return v1->critic_loss(like(batch, x), suite::like(y, x)).loss; },
      [=](const TensorList& in) {
        return TensorList{sum(square(all_q(in, batch.obs, batch.action) - y)) /
                          static_cast<double>(2 * kBatch)};
      });
  add_actor_loss("SAC v1", "policy 3-6-6-2, through both critics",
                 "J = mean (alpha log pi(a) - min(Q_1, Q_2)(s, a))", v1, critics,
                 [=](const TensorList& a) { return TensorList{smallest_q(critics, batch.obs, a[0])}; });

  // ---- REDQ, and batches of weights and n-step returns ----
  const TensorList three = with.critics(3), three_targets = with.critics(3);
  rl::SacConfig redq_config;
  redq_config.hidden = {6, 6};
  redq_config.gamma = kGamma;
  redq_config.initial_alpha = kAlpha;
  redq_config.critics = 3;
  redq_config.target_critics = 2;
  redq_config.policy_q = rl::PolicyQ::mean;
  const auto redq = std::make_shared<rl::Sac>(redq_config, kObs, kAction, Rng(1), DType::f64);
  rl::Batch n_step = batch;
  n_step.discount = from_values({0.9, 0.81, 0.729, 0.9, 0.81}, {kBatch, 1}, DType::f64);
  n_step.weight = from_values({1, 0.3, 0.7, 0.2, 0.9}, {kBatch, 1}, DType::f64);
  checks.target(
      "REDQ", "critic target", "the third and first of three critics; discounts of 1, 2 and 3 steps",
      "y = r + gamma^k (1 - d) (min_(i in M) Q'_i(s', a') - alpha log pi(a' | s'))",
      {{&redq->actor(), gaussian}, {&redq->target(), three_targets}}, eps, "eps",
      [=](const Tensor& x) {
        return redq->critic_target(like(n_step, x), {x, x, from_values({2, 0}, {2}, DType::i64)});
      },
      [=](const TensorList& in) {
        const auto [a, log_pi] = sample_next(in[0]);
        const Tensor q = all_q(three_targets, batch.next_obs, a);
        const Tensor value = minimum(select(q, 0, 2), select(q, 0, 0)) - kAlpha * log_pi;
        return TensorList{batch.reward + n_step.discount * (1 - batch.terminated) * value};
      });
  checks.loss(
      "REDQ", "critic loss", "three critics 5-6-6-1, batch 5, of different weights",
      "J = sum_i mean w (Q_i - y)^2;  dQ_i = 2 g w (Q_i - y) / n", {&redq->critic(), three}, {},
      [=](const Tensor& x) { return redq->critic_loss(like(n_step, x), suite::like(y, x)).loss; },
      [=](const TensorList& in) {
        const Tensor e = all_q(in, batch.obs, batch.action) - y;
        return TensorList{sum(n_step.weight * square(e)) / static_cast<double>(kBatch)};
      });
  add_actor_loss("REDQ", "policy 3-6-6-2, through the mean of three critics",
                 "J = mean (alpha log pi(a) - mean_i Q_i(s, a))", redq, three, [=](const TensorList& a) {
                   const Tensor q = all_q(three, batch.obs, a[0]);
                   return TensorList{(select(q, 0, 0) + select(q, 0, 1) + select(q, 0, 2)) / 3};
                 });

  // ---- DroQ ----
  // Layers are linear, dropout, layer norm, relu.
  TensorList dropped = with.critics(2);
  for (const std::size_t at : {std::size_t{2}, std::size_t{6}}) {
    dropped.insert(dropped.begin() + static_cast<std::ptrdiff_t>(at), 1 + with.draw({2, 6}, 0.2));
    dropped.insert(dropped.begin() + static_cast<std::ptrdiff_t>(at) + 1, with.draw({2, 6}, 0.2));
  }
  const TensorList masks = {nn::dropout_mask({2, kBatch, 6}, 0.3, with.rng, DType::f64),
                            nn::dropout_mask({2, kBatch, 6}, 0.3, with.rng, DType::f64)};
  const auto droq_q = [=](const TensorList& w, const Tensor& action) {
    Tensor h = cat({batch.obs, action}, 1);
    for (std::size_t layer = 0; layer < 2; ++layer) {
      const Tensor* of = &w[4 * layer];  // weight, bias, and the norm's
      h = (matmul(h, transpose(of[0])) + unsqueeze(of[1], 1)) * masks[layer];
      const Tensor centred = h - mean(h, {-1}, true);
      h = centred / sqrt(mean(centred * centred, {-1}, true) + 1e-5) * unsqueeze(of[2], 1) +
          unsqueeze(of[3], 1);
      h = relu(h);
    }
    return matmul(h, transpose(w[8])) + unsqueeze(w[9], 1);
  };
  rl::SacConfig droq_config;
  droq_config.hidden = {6, 6};
  droq_config.initial_alpha = kAlpha;
  droq_config.layer_norm = true;
  droq_config.dropout = 0.3;
  droq_config.policy_q = rl::PolicyQ::mean;
  const auto droq = std::make_shared<rl::Sac>(droq_config, kObs, kAction, Rng(1), DType::f64);
  checks.loss(
      "DroQ", "critic loss", "two critics 5-6-6-1, dropout and layer norm",
      "J = sum_i mean (Q_i - y)^2, each layer relu(norm(mask (x w^T + b)))", {&droq->critic(), dropped}, {},
      [=](const Tensor& x) {
        return droq->critic_loss(like(batch, x), suite::like(y, x), suite::like(masks, x)).loss;
      },
      [=](const TensorList& in) {
        return TensorList{sum(square(droq_q(in, batch.action) - y)) / static_cast<double>(kBatch)};
      });
  checks.loss(
      "DroQ", "actor loss", "policy 3-6-6-2, through the mean of both critics, with dropout",
      "J = mean (alpha log pi(a) - mean_i Q_i(s, a))", {&droq->actor(), gaussian},
      {{&droq->critic(), dropped}},
      [=](const Tensor& x) {
        return droq->actor_loss(suite::like(batch.obs, x), suite::like(eps, x), suite::like(masks, x)).loss;
      },
      [=](const TensorList& in) {
        const auto [a, log_pi] = sample_now(in);
        const Tensor q = droq_q(dropped, a);
        return TensorList{mean(kAlpha * log_pi - (select(q, 0, 0) + select(q, 0, 1)) / 2)};
      });

  // ---- TQC ----
  constexpr std::int64_t kQuantiles = 4, kKept = 2 * (kQuantiles - 1);
  const TensorList quantiles = with.critics(2, kQuantiles), quantile_targets = with.critics(2, kQuantiles);
  rl::TqcConfig tqc_config;
  tqc_config.hidden = {6, 6};
  tqc_config.gamma = kGamma;
  tqc_config.initial_alpha = kAlpha;
  tqc_config.quantiles = kQuantiles;
  tqc_config.drop_per_critic = 1;
  const auto tqc = std::make_shared<rl::Tqc>(tqc_config, kObs, kAction, Rng(1), DType::f64);
  checks.target(
      "TQC", "critic target", "two critics of four quantiles, one of each dropped",
      "y_k = r + gamma (1 - d) (z'_(k)(s', a') - alpha log pi(a' | s')), z'_(k) the k-th smallest",
      {{&tqc->actor(), gaussian}, {&tqc->target(), quantile_targets}}, eps, "eps",
      [=](const Tensor& x) { return tqc->critic_target(like(batch, x), x); },
      [=](const TensorList& in) {
        const auto [a, log_pi] = sample_next(in[0]);
        const Tensor z = all_q(quantile_targets, batch.next_obs, a);  // (2, B, 4)
        const Tensor pool = cat({select(z, 0, 0), select(z, 0, 1)}, 1);
        return bootstrapped(slice(sorted_rows(pool), 1, 0, kKept) - kAlpha * log_pi);
      });
  const Tensor y_k = with.draw({kBatch, kKept}, 2);
  checks.loss(
      "TQC", "critic loss", "two critics of four quantiles, targets of six",
      "J = sum_i mean_jk w huber(y_k - z_ij) / 2,  w = |tau_j - [y_k < z_ij]|;  dz_ij = g mean_k w clip(z_ij "
      "- y_k, "
      "-1, 1) / (2 n m)",
      {&tqc->critic(), quantiles}, {},
      [=](const Tensor& x) { return tqc->critic_loss(like(batch, x), suite::like(y_k, x)).loss; },
      [=](const TensorList& in) {
        const Tensor z = all_q(in, batch.obs, batch.action);
        Tensor total = scalar(0, DType::f64);
        for (std::int64_t i = 0; i < 2; ++i) {
          for (std::int64_t j = 0; j < kQuantiles; ++j) {
            const Tensor e = y_k - slice(select(z, 0, i), 1, j, j + 1);
            const double tau = (static_cast<double>(j) + 0.5) / kQuantiles;
            const Tensor huber = where(ge(1 - abs(e), 0), square(e) / 2, abs(e) - 0.5);
            total = total + sum(where(ge(e, 0), tau * huber, (1 - tau) * huber));
          }
        }
        return TensorList{total / static_cast<double>(2 * kBatch * kQuantiles * kKept)};
      });
  add_actor_loss("TQC", "policy 3-6-6-2, through the mean of all quantiles",
                 "J = mean (alpha log pi(a) - mean_ij z_ij(s, a))", tqc, quantiles, [=](const TensorList& a) {
                   const Tensor z = all_q(quantiles, batch.obs, a[0]);
                   return TensorList{sum(select(z, 0, 0) + select(z, 0, 1), {1}, true) /
                                     static_cast<double>(2 * kQuantiles)};
                 });

  checks.temperature("TQC", "", "J = -mean alpha (log pi + H_0);  dlog alpha = g J", tqc, y,
                     [=](const TensorList& in) { return TensorList{-mean(exp(in[0]) * (y - 2))}; });
  return std::move(checks.list);
}

}  // namespace saccade::suite
