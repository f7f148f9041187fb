#include "rl/algorithms/soft_q.h"

#include "autograd/modes.h"
#include "autograd/ops.h"
#include "rl/components/choices.h"
#include "rl/components/dense_layers.h"
#include "rl/components/rows.h"
#include "rl/components/targets.h"

namespace saccade::rl {

SoftQ::SoftQ(const SoftQConfig& config, ObsSize obs, std::int64_t choices, const Rng& rng, DType dtype)
    : NetworkAgent(obs, dtype, config.normalize_obs),
      config_(config),
      init_(rng.split("init")),
      critic_(obs.width, choices, config.hidden, init_, dtype, 0),
      target_(obs.width, choices, config.hidden, init_, dtype, 0),
      optimizer_(critic_.parameters(), {.lr = config.critic_lr}) {
  register_network("critic", critic_, optimizer_);
  register_target("target", target_, critic_);
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
  return guarded(batch, [&](const Batch& normalized) { return take_step(normalized); });
}

Metrics SoftQ::take_step(const Batch& batch) {
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
  const Tensor q = critic_(observations(obs));  // (B, |A|)
  if (mode == ActMode::exploit) return copy_rows("actions", argmax(q, -1), action);
  copy_rows("actions", draw_choices(exp(log_policy(q)), to_rows("noise", noise, 1, dtype_)), action);
}

Inspection SoftQ::inspect(std::span<const double> obs, std::span<const double> noise) const {
  const NoGrad no_grad;
  const Tensor q = critic_(observations(obs)), log_pi = log_policy(q);  // (B, |A|)
  const Tensor action = unsqueeze(draw_choices(exp(log_pi), to_rows("noise", noise, 1, dtype_)), 1);
  return {.action = action, .q = q_of(q, action), .log_prob = q_of(log_pi, action), .alpha = config_.alpha};
}

std::optional<PolicyNetwork> SoftQ::policy_network() const {
  return PolicyNetwork{.obs = obs_transform(),
                       .layers = dense_layers("critic", critic_),
                       .head = PolicyHead::choice,
                       .temperature = config_.alpha};
}

std::optional<CriticNetworks> SoftQ::critic_networks() const {
  return CriticNetworks{
      .obs = obs_transform(), .takes_action = false, .critics = members_of("critic", critic_)};
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
