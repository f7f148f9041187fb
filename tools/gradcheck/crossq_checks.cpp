// Checks of CrossQ, whose networks normalise over batches: as algorithm_checks.cpp has them of SAC.

#include <cmath>
#include <memory>
#include <utility>

#include "autograd/ops.h"
#include "rl/algorithms/crossq.h"
#include "tools/gradcheck/agents.h"
#include "tools/gradcheck/suite.h"

namespace saccade::suite {

namespace {

// Observations of 3, actions of 2, five transitions, of which two end the task.
constexpr std::int64_t kObs = 3, kAction = 2, kBatch = 5;
constexpr double kGamma = 0.9, kAlpha = 0.2;

// One hidden layer, batch normalisation before each: weights bn0.weight, bn0.bias, l1.weight, l1.bias, ... of
// one network or, with a dimension more in front, of several.
Tensor normalised_net(const Tensor& x, const TensorList& w, bool training, double eps) {
  Tensor y = x;
  for (std::size_t i = 0; i + 3 < w.size(); i += 4) {
    const bool one = w[i].dim() == 1;
    const auto row = [&](const Tensor& t) { return one ? t : unsqueeze(t, 1); };
    if (training) {
      const Tensor centred = y - mean(y, {-2}, true);
      y = centred / sqrt(mean(centred * centred, {-2}, true) + eps);
    } else {
      y = y / std::sqrt(1 + eps);  // running statistics of no pass yet: mean 0, variance 1
    }
    y = matmul(y * row(w[i]) + row(w[i + 1]), transpose(w[i + 2])) + row(w[i + 3]);
    if (i + 4 < w.size()) y = relu(y);
  }
  return y;
}

}  // namespace

std::vector<Check> crossq_checks() {
  Rng rng(20);
  const auto draw = [&](const Shape& shape, double size = 1) { return size * randn(shape, rng, DType::f64); };
  // in-6-out with batch normalisation, n of them or, for 0, one.
  const auto network = [&](std::int64_t in, std::int64_t out, std::int64_t n) {
    const auto row = [&](std::int64_t width) { return n == 0 ? Shape{width} : Shape{n, width}; };
    const auto matrix = [&](std::int64_t to, std::int64_t from) {
      return n == 0 ? Shape{to, from} : Shape{n, to, from};
    };
    return TensorList{1 + draw(row(in), 0.2),    draw(row(in), 0.2),    draw(matrix(6, in), 0.6),
                      draw(row(6), 0.3),         1 + draw(row(6), 0.2), draw(row(6), 0.2),
                      draw(matrix(out, 6), 0.2), draw(row(out), 0.3)};
  };
  const rl::Batch batch = {draw({kBatch, kObs}), rand({kBatch, kAction}, rng, DType::f64, -1, 1),
                           draw({kBatch, 1}), draw({kBatch, kObs}),
                           from_values({0, 1, 0, 0, 1}, {kBatch, 1}, DType::f64)};
  const Tensor eps = draw({kBatch, kAction});
  const TensorList policy = network(kObs, 2 * kAction, 0), critics = network(kObs + kAction, 1, 2);
  AgentChecks checks;
  rl::CrossQConfig crossq_config;
  crossq_config.hidden = {6};
  crossq_config.critic_widening = 1;
  crossq_config.gamma = kGamma;
  crossq_config.initial_alpha = kAlpha;
  const double norm_eps = crossq_config.norm_eps;
  const auto crossq = std::make_shared<rl::CrossQ>(crossq_config, kObs, kAction, Rng(1), DType::f64);
  // Q(s, a) and Q(s', a') from one pass over both; y is a constant, and where all transitions are terminated
  // the same one for every weight, as differences need it.
  const auto add_crossq = [&](const char* variant, const char* formula, const Tensor& terminated,
                              bool differentiable) {
    rl::Batch at = batch;
    at.terminated = terminated;
    checks.loss(
        "CrossQ", "critic loss", variant, formula, {&crossq->critic(), critics}, {{&crossq->actor(), policy}},
        [=](const Tensor& x) { return crossq->critic_loss(like(at, x), suite::like(eps, x)).loss; },
        [=](const TensorList& in) {
          const auto [a, log_pi] = squashed_sample(normalised_net(at.next_obs, policy, false, norm_eps), eps);
          const Tensor both = cat({cat({at.obs, at.next_obs}, 0), cat({at.action, a}, 0)}, 1);
          const Tensor q = normalised_net(both, in, true, norm_eps);  // (2, 2 B, 1)
          const Tensor next = slice(q, 1, kBatch, 2 * kBatch);
          const Tensor value = minimum(select(next, 0, 0), select(next, 0, 1)) - kAlpha * log_pi;
          const Tensor e = slice(q, 1, 0, kBatch) - (at.reward + kGamma * (1 - terminated) * value);
          return TensorList{sum(e * e) / static_cast<double>(2 * kBatch)};
        },
        differentiable);
  };
  add_crossq("two critics 5-6-1, all terminated",
             "J = sum_i mean (Q_i - y)^2 / 2,  (Q(s, a), Q(s', a')) from one pass;  dQ_i = g (Q_i - y) / n",
             ones({kBatch, 1}, DType::f64), true);
  add_crossq("two terminated: value", "", batch.terminated, false);
  checks.loss(
      "CrossQ", "actor loss", "policy 3-6-2 in training, critics in evaluation",
      "J = mean (alpha log pi(a) - min(Q_1, Q_2)(s, a))", {&crossq->actor(), policy},
      {{&crossq->critic(), critics}},
      [=](const Tensor& x) {
        return crossq->actor_loss(suite::like(batch.obs, x), suite::like(eps, x)).loss;
      },
      [=](const TensorList& in) {
        const auto [a, log_pi] = squashed_sample(normalised_net(batch.obs, in, true, norm_eps), eps);
        const Tensor q = normalised_net(cat({batch.obs, a}, 1), critics, false, norm_eps);
        return TensorList{mean(kAlpha * log_pi - minimum(select(q, 0, 0), select(q, 0, 1)))};
      });
  const Tensor log_prob = draw({kBatch, 1});
  checks.temperature("CrossQ", "", "J = -mean log alpha (log pi + H_0);  dlog alpha = -g mean (log pi + H_0)",
                     crossq, log_prob,
                     [=](const TensorList& in) { return TensorList{-mean(in[0] * (log_prob - 2))}; });
  return std::move(checks.list);
}

}  // namespace saccade::suite
