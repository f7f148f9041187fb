#include "rl/algorithms/soft_q.h"

#include "autograd/modes.h"
#include "autograd/ops.h"
#include "rl/components/choices.h"
#include "rl/components/minimize.h"
#include "rl/components/rows.h"
#include "rl/components/targets.h"

namespace saccade::rl {

SoftQ::SoftQ(const SoftQConfig& config, std::int64_t obs_dim, std::int64_t choices, const Rng& rng,
             DType dtype)
    : config_(config),
      dtype_(dtype),
      obs_dim_(obs_dim),
      init_(rng.split("init")),
      critic_(obs_dim, choices, config.hidden, init_, dtype, 0),
      target_(obs_dim, choices, config.hidden, init_, dtype, 0),
      optimizer_(critic_.parameters(), {.lr = config.critic_lr}),
      normalizer_(config.normalize_obs, obs_dim, dtype) {
  target_.copy_parameters(critic_);
  // Side by side in memory from the start, so that following is one pass over each.
  critic_.flat();
  target_.flat();
}

Tensor SoftQ::value(const Tensor& q) const {
  return config_.alpha * logsumexp(q / config_.alpha, {-1}, true);  // which subtracts the largest first
}

Tensor SoftQ::critic_target(const Batch& batch) const {
  const NoGrad no_grad;
  return batch.reward + discounted(batch, config_.gamma, value(target_(batch.next_obs)));
}

SoftQ::CriticLoss SoftQ::critic_loss(const Batch& batch, const Tensor& y) const {
  const Tensor q = critic_(batch.obs);  // (B, |A|)
  return {mean(weighted(batch, square(q_of(q, batch.action) - y))), q};
}

Tensor SoftQ::log_policy(const Tensor& q) const { return log_softmax(q / config_.alpha, -1); }

Metrics SoftQ::update(const Batch& batch) {
  return guard_(*this, batch, [&] { return take_step(batch); });
}

Metrics SoftQ::take_step(const Batch& given) {
  const Batch batch = normalizer_(given);
  const Tensor y = critic_target(batch);
  const CriticLoss critic = critic_loss(batch, y);
  const Tensor q = critic.q.detach(), log_pi = log_policy(q);
  const Metrics metrics = {{"critic_loss", critic.loss.item()},
                           {"entropy", -mean(sum(exp(log_pi) * log_pi, {-1})).item(), "H"},
                           {"q", mean(q_of(q, batch.action)).item(), "Q"}};
  check_finite("soft Q-learning", metrics);
  minimize(optimizer_, critic.loss, config_.max_grad_norm);
  td_errors_ = td_errors(batch, unsqueeze(q_of(q, batch.action), 0), y);
  target_.polyak(critic_, config_.tau);
  return metrics;
}

void SoftQ::act(std::span<const double> obs, std::span<const double> noise, ActMode mode,
                std::span<double> action) const {
  const NoGrad no_grad;
  const Tensor q = critic_(normalizer_(to_rows("observations", obs, obs_dim_, dtype_)));  // (B, |A|)
  if (mode == ActMode::exploit) return copy_rows("actions", argmax(q, -1), action);
  copy_rows("actions", draw_choices(exp(log_policy(q)), to_rows("noise", noise, 1, dtype_)), action);
}

nn::NamedTensors SoftQ::named_weights() const {
  nn::NamedTensors weights;
  nn::append(weights, "critic.", critic_.named_parameters());
  nn::append(weights, "target.", target_.named_parameters());
  nn::append(weights, "obs.", normalizer_.named_state());
  return weights;
}

nn::NamedTensors SoftQ::named_optimizer_state() const {
  nn::NamedTensors state;
  nn::append(state, "critic.", optimizer_.named_state());
  return state;
}

void SoftQ::load(const nn::NamedTensors& weights, const nn::NamedTensors& optimizer_state) {
  load_agent(*this, weights, optimizer_state, {{"critic.", &optimizer_}});
  normalizer_.refresh();
  guard_.look_at(*this);
}

void SoftQ::load_weights(const nn::NamedTensors& weights) {
  nn::copy_by_name("weights", weights, named_weights());
  normalizer_.refresh();
  guard_.look_at(*this);
}

AlgorithmInfo soft_q_info() {
  using C = SoftQConfig;
  ConfigKeys keys = q_learning_keys<C>();
  keys.push_back(key("alpha", &C::alpha, "the temperature: Q counts in units of it", kSmallest, 1e6));
  return algorithm<SoftQ, C>({
      .name = "soft_q",
      .title = "Soft Q-learning over discrete actions (Haarnoja et al. 2017)",
      .actions = ActionKind::discrete,
      .keys = std::move(keys),
      .presets = {{"cartpole", R"({"hidden": [64, 64], "critic_lr": 1e-3, "tau": 0.01, "alpha": 1})"},
                  {"acrobot", R"({"hidden": [64, 64], "critic_lr": 1e-3, "tau": 0.01})"}},
  });
}

}  // namespace saccade::rl
