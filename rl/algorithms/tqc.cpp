#include "rl/algorithms/tqc.h"

#include <fmt/format.h>

#include <cmath>

#include "autograd/modes.h"
#include "autograd/ops.h"
#include "base/error.h"
#include "rl/components/dense_layers.h"
#include "rl/components/rows.h"
#include "rl/components/targets.h"

namespace saccade::rl {

namespace {

// (j - 1/2) / m for j = 1 ... m, (m, 1)
Tensor levels(std::int64_t m, DType dtype) {
  return (unsqueeze(arange(m, dtype), 1) + 0.5) / static_cast<double>(m);
}

}  // namespace

Tqc::Tqc(const TqcConfig& config, ObsSize obs, std::int64_t action_dim, const Rng& rng, DType dtype)
    : NetworkAgent(obs, dtype, config.normalize_obs),
      config_(config),
      action_dim_(action_dim),
      target_entropy_(config.target_entropy.value_or(-static_cast<double>(action_dim))),
      quantile_levels_(levels(config.quantiles, dtype)),
      init_(rng.split("init")),
      actor_(obs.width, action_dim, config.hidden, LogStd::clamp, init_, dtype),
      critic_(obs.width, action_dim, config.hidden, init_, dtype,
              {.n = config.critics, .outputs = config.quantiles}),
      target_(obs.width, action_dim, config.hidden, init_, dtype,
              {.n = config.critics, .outputs = config.quantiles}),
      log_alpha_(scalar(std::log(config.initial_alpha), dtype).requires_grad_()),
      actor_optimizer_(actor_.parameters(), {.lr = config.actor_lr}),
      critic_optimizer_(critic_.parameters(), {.lr = config.critic_lr}),
      alpha_optimizer_({log_alpha_}, {.lr = config.alpha_lr}) {
  if (config.drop_per_critic >= config.quantiles) {
    throw ConfigError(
        fmt::format("drop_per_critic is {}, which leaves none of {} quantiles; expected at most {}",
                    config.drop_per_critic, config.quantiles, config.quantiles - 1));
  }
  register_network("actor", actor_, actor_optimizer_);
  register_network("critic", critic_, critic_optimizer_);
  register_target("target", target_, critic_);
  register_temperature(log_alpha_, alpha_optimizer_);
}

Tensor Tqc::critic_target(const Batch& batch, const Tensor& eps_next) const {
  const NoGrad no_grad;
  const nn::TanhNormal pi = actor_(batch.next_obs);
  const nn::TanhNormal::Sample next = pi.rsample(eps_next);
  const Tensor z = target_(batch.next_obs, next.action);              // (n, B, m)
  const Tensor pool = sort(flatten(permute(z, {1, 0, 2}), 1)).first;  // (B, n m)
  const Tensor kept = slice(pool, 1, 0, config_.critics * (config_.quantiles - config_.drop_per_critic));
  return batch.reward + discounted(batch, config_.gamma, kept - alpha() * pi.log_prob(next));
}

Tqc::CriticLoss Tqc::critic_loss(const Batch& batch, const Tensor& y) const {
  const Tensor z = critic_(batch.obs, batch.action);  // (n, B, m)
  const Shape pairs = {config_.critics, y.size(0), config_.quantiles, y.size(1)};
  const Tensor own = expand(unsqueeze(z, -1), pairs), other = expand(unsqueeze(y, 1), pairs);
  const Tensor weight = abs(to(quantile_levels_, z.dtype()) - gt(own.detach(), other));
  const Tensor each = weight * huber_loss(own, other, Reduction::none);
  return {config_.critic_loss_factor * sum(mean(weighted(batch, mean(each, {3})), {1, 2})), z};
}

Tqc::ActorLoss Tqc::actor_loss(const Tensor& obs, const Tensor& eps) const {
  const nn::TanhNormal pi = actor_(obs);
  const nn::TanhNormal::Sample now = pi.rsample(eps);
  const Tensor log_prob = pi.log_prob(now);
  const Tensor q = mean(mean(critic_(obs, now.action), {2}, true), {0});  // (B, 1)
  return {mean(alpha() * log_prob - q), log_prob};
}

Tensor Tqc::alpha_loss(const Tensor& log_prob) const {
  return -mean(exp(log_alpha_) * (log_prob.detach() + target_entropy_));
}

Metrics Tqc::update(const Batch& batch, const Tensor& eps_next, const Tensor& eps) {
  return guarded(batch, [&](const Batch& normalized) { return take_steps(normalized, eps_next, eps); });
}

Metrics Tqc::take_steps(const Batch& batch, const Tensor& eps_next, const Tensor& eps) {
  const double alpha_before = alpha();

  const Tensor y = critic_target(batch, eps_next);
  const CriticLoss critic = critic_loss(batch, y);
  check_finite("TQC", {{"critic_loss", critic.loss.item()}});
  minimize(critic_optimizer_, critic.loss, config_.max_grad_norm);
  td_errors_ = td_errors(batch, mean(critic.z, {2}, true), mean(y, {1}, true));

  const ActorLoss actor = actor_loss(batch.obs, eps);
  check_finite("TQC", {{"critic_loss", critic.loss.item()}, {"actor_loss", actor.loss.item()}});
  minimize(actor_optimizer_, actor.loss, config_.max_grad_norm);

  const Tensor temperature = alpha_loss(actor.log_prob);
  minimize(alpha_optimizer_, temperature, config_.max_grad_norm);

  target_.polyak(critic_, config_.tau);

  const NoGrad no_grad;
  const Metrics metrics = {{"critic_loss", critic.loss.item()},
                           {"actor_loss", actor.loss.item()},
                           {"alpha_loss", temperature.item()},
                           {"alpha", alpha_before, "alpha"},
                           {"entropy", -mean(actor.log_prob).item(), "H"},  // of the action in [-1, 1]
                           {"q", mean(critic.z).item()}};
  check_finite("TQC", metrics);
  return metrics;
}

Metrics Tqc::update(const Batch& batch, Rng& rng) {
  const Shape shape = {batch.obs.size(0), action_dim_};
  const Tensor eps_next = randn(shape, rng, dtype_);
  const Tensor eps = randn(shape, rng, dtype_);
  return update(batch, eps_next, eps);
}

void Tqc::act(std::span<const double> obs, std::span<const double> noise, ActMode mode,
              std::span<double> action) const {
  const NoGrad no_grad;
  const nn::TanhNormal pi = actor_(observations(obs));
  act_by(pi, noise, mode, action);
}

Inspection Tqc::inspect(std::span<const double> obs, std::span<const double> noise) const {
  const NoGrad no_grad;
  const Tensor s = observations(obs);
  const nn::TanhNormal pi = actor_(s);
  const nn::TanhNormal::Sample now = pi.rsample(to_rows("noise", noise, action_dim_, dtype_));
  return {.action = now.action,
          .q = mean(mean(critic_(s, now.action), {2}, true), {0}),
          .log_prob = pi.log_prob(now),
          .alpha = alpha(),
          .target_entropy = target_entropy_};
}

std::optional<PolicyNetwork> Tqc::policy_network() const {
  return policy_network_of(obs_transform(), actor_, LogStd::clamp);
}

std::optional<CriticNetworks> Tqc::critic_networks() const {
  return CriticNetworks{
      .obs = obs_transform(), .takes_action = true, .critics = members_of("critic", critic_)};
}

double Tqc::alpha() const { return std::exp(log_alpha_.item()); }

AlgorithmInfo tqc_info() {
  using C = TqcConfig;
  ConfigKeys keys = joined(
      {actor_critic_keys<C>(),
       temperature_keys<C>(),
       {
           key("critics", &C::critics, "how many critics", 1, 100),
           key("quantiles", &C::quantiles, "of the return, that each critic gives", 1, 1000),
           key("drop_per_critic", &C::drop_per_critic,
               "how many of those, times critics, the target leaves out, the largest of all", 0, 999),
           key("critic_loss_factor", &C::critic_loss_factor, "of the sum over critics", kSmallest, 1e6),
       }});
  return algorithm<Tqc, C>({
      .name = "tqc",
      .title = "Truncated Quantile Critics (Kuznetsov et al. 2020)",
      .actions = ActionKind::box,
      .keys = std::move(keys),
      .presets = {{"pendulum",
                   R"({"hidden": [64, 64], "actor_lr": 1e-3, "critic_lr": 1e-3, "alpha_lr": 1e-3})"}},
  });
}

}  // namespace saccade::rl
