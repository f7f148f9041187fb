#include "rl/algorithms/discrete_sac.h"

#include <fmt/format.h>

#include <cmath>

#include "autograd/modes.h"
#include "autograd/ops.h"
#include "base/error.h"
#include "rl/components/choices.h"
#include "rl/components/dense_layers.h"
#include "rl/components/rows.h"
#include "rl/components/targets.h"

namespace saccade::rl {

DiscreteSac::DiscreteSac(const DiscreteSacConfig& config, ObsSize obs, std::int64_t choices, const Rng& rng,
                         DType dtype)
    : NetworkAgent(obs, dtype, config.normalize_obs),
      config_(config),
      target_entropy_(config.target_entropy.value_or(0.98 * std::log(static_cast<double>(choices)))),
      init_(rng.split("init")),
      actor_(obs.width, choices, config.hidden, init_, dtype),
      critic_(obs.width, choices, config.hidden, init_, dtype),
      target_(obs.width, choices, config.hidden, init_, dtype),
      log_alpha_(scalar(std::log(config.initial_alpha), dtype).requires_grad_()),
      actor_optimizer_(actor_.parameters(), {.lr = config.actor_lr, .eps = config.adam_eps}),
      critic_optimizer_(critic_.parameters(), {.lr = config.critic_lr, .eps = config.adam_eps}),
      alpha_optimizer_({log_alpha_}, {.lr = config.alpha_lr, .eps = config.adam_eps}) {
  if (const double most = std::log(static_cast<double>(choices)); target_entropy_ > most) {
    throw ConfigError(fmt::format("target_entropy is {}, but a policy over {} choices has at most {:.4g}",
                                  target_entropy_, choices, most));
  }
  register_network("actor", actor_, actor_optimizer_);
  register_network("critic", critic_, critic_optimizer_);
  register_target("target", target_, critic_);
  register_temperature(log_alpha_, alpha_optimizer_);
}

Tensor DiscreteSac::critic_target(const Batch& batch) const {
  const NoGrad no_grad;
  const Tensor log_pi = log_softmax(actor_(batch.next_obs), -1);  // (B, |A|)
  const Tensor q = amin(target_(batch.next_obs), {0});            // (B, |A|)
  const Tensor value = sum(exp(log_pi) * (q - alpha() * log_pi), {-1}, true);
  return batch.reward + discounted(batch, config_.gamma, value);
}

DiscreteSac::CriticLoss DiscreteSac::critic_loss(const Batch& batch, const Tensor& y) const {
  const Tensor q = q_of(critic_(batch.obs), batch.action);  // (n, B, 1)
  return {sum(mean(weighted(batch, square(q - y)), {1, 2})), q};
}

DiscreteSac::ActorLoss DiscreteSac::actor_loss(const Tensor& obs) const {
  const Tensor log_pi = log_softmax(actor_(obs), -1), pi = exp(log_pi);  // (B, |A|)
  const Tensor q = [&] {
    const NoGrad no_grad;  // the critics do not depend on phi
    return amin(critic_(obs), {0});
  }();
  const Tensor entropy = -sum(pi * log_pi, {-1}, true);
  return {mean(sum(pi * (alpha() * log_pi - q), {-1})), entropy.detach()};
}

Tensor DiscreteSac::alpha_loss(const Tensor& entropy) const {
  return mean(exp(log_alpha_) * (entropy - target_entropy_));
}

Metrics DiscreteSac::update(const Batch& batch) {
  return guarded(batch, [&](const Batch& normalized) { return take_steps(normalized); });
}

Metrics DiscreteSac::take_steps(const Batch& batch) {
  const double alpha_before = alpha();

  const Tensor y = critic_target(batch);
  const CriticLoss critic = critic_loss(batch, y);
  check_finite("discrete SAC", {{"critic_loss", critic.loss.item()}});
  minimize(critic_optimizer_, critic.loss, config_.max_grad_norm);
  td_errors_ = td_errors(batch, critic.q, y);

  const ActorLoss actor = actor_loss(batch.obs);
  check_finite("discrete SAC", {{"critic_loss", critic.loss.item()}, {"actor_loss", actor.loss.item()}});
  minimize(actor_optimizer_, actor.loss, config_.max_grad_norm);

  double alpha_loss_value = 0;
  if (config_.learn_alpha) {
    const Tensor loss = alpha_loss(actor.entropy);
    alpha_loss_value = loss.item();
    minimize(alpha_optimizer_, loss, config_.max_grad_norm);
  }

  target_.polyak(critic_, config_.tau);

  const NoGrad no_grad;
  const Metrics metrics = {{"critic_loss", critic.loss.item()},
                           {"actor_loss", actor.loss.item()},
                           {"alpha_loss", alpha_loss_value},
                           {"alpha", alpha_before, "alpha"},
                           {"entropy", mean(actor.entropy).item(), "H"},
                           {"q", mean(critic.q).item()}};
  check_finite("discrete SAC", metrics);
  return metrics;
}

void DiscreteSac::act(std::span<const double> obs, std::span<const double> noise, ActMode mode,
                      std::span<double> action) const {
  const NoGrad no_grad;
  const Tensor logits = actor_(observations(obs));
  if (mode == ActMode::exploit) return copy_rows("actions", argmax(logits, -1), action);
  copy_rows("actions", draw_choices(softmax(logits, -1), to_rows("noise", noise, 1, dtype_)), action);
}

Inspection DiscreteSac::inspect(std::span<const double> obs, std::span<const double> noise) const {
  const NoGrad no_grad;
  const Tensor s = observations(obs), log_pi = log_softmax(actor_(s), -1);  // (B, |A|)
  const Tensor action = unsqueeze(draw_choices(exp(log_pi), to_rows("noise", noise, 1, dtype_)), 1);
  return {.action = action,
          .q = q_of(amin(critic_(s), {0}), action),
          .log_prob = q_of(log_pi, action),
          .alpha = alpha(),
          .target_entropy = config_.learn_alpha ? std::optional(target_entropy_) : std::nullopt};
}

std::optional<PolicyNetwork> DiscreteSac::policy_network() const {
  return PolicyNetwork{.obs = obs_transform(),
                       .layers = dense_layers("actor", actor_),
                       .head = PolicyHead::choice,
                       .temperature = 1};
}

std::optional<CriticNetworks> DiscreteSac::critic_networks() const {
  return CriticNetworks{
      .obs = obs_transform(), .takes_action = false, .critics = members_of("critic", critic_)};
}

double DiscreteSac::alpha() const { return std::exp(log_alpha_.item()); }

AlgorithmInfo discrete_sac_info() {
  using C = DiscreteSacConfig;
  ConfigKeys keys = joined(
      {actor_critic_keys<C>(),
       {
           key("alpha_lr", &C::alpha_lr, "Adam's step size for log alpha", kSmallest, 1),
           key("adam_eps", &C::adam_eps, "what Adam adds to the root that it divides by", kSmallest, 1),
           key("learn_alpha", &C::learn_alpha, "whether the temperature is learned"),
           key("initial_alpha", &C::initial_alpha, "the temperature at the start", kSmallest, 1e6),
           key("target_entropy", &C::target_entropy, "of the policy, in nats; null for 0.98 log |A|", 0, 1e6),
       }});
  return algorithm<DiscreteSac, C>({
      .name = "discrete_sac",
      .title = "Soft Actor-Critic for discrete actions (Christodoulou 2019)",
      .actions = ActionKind::discrete,
      .keys = std::move(keys),
      // 0.98 log 2 would keep CartPole's policy within about 0.42 and 0.58.
      .presets = {{"cartpole", R"({"hidden": [64, 64], "actor_lr": 1e-3, "critic_lr": 1e-3, "alpha_lr": 1e-3,
                                   "tau": 0.03, "target_entropy": 0.2})"},
                  // At a temperature of 1 a step's entropy, up to log 3, outweighs its reward of -1.
                  {"acrobot", R"({"hidden": [64, 64], "actor_lr": 1e-3, "critic_lr": 1e-3, "alpha_lr": 1e-3,
                                  "tau": 0.02, "initial_alpha": 0.1, "target_entropy": 0.3,
                                  "learning_starts": 3000})"}},
  });
}

}  // namespace saccade::rl
