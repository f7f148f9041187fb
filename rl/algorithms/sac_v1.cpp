#include "rl/algorithms/sac_v1.h"

#include "autograd/modes.h"
#include "autograd/ops.h"
#include "rl/components/dense_layers.h"
#include "rl/components/rows.h"
#include "rl/components/targets.h"

namespace saccade::rl {

namespace {

std::vector<std::int64_t> value_sizes(std::int64_t obs_dim, std::vector<std::int64_t> hidden) {
  hidden.insert(hidden.begin(), obs_dim);
  hidden.push_back(1);
  return hidden;
}

}  // namespace

SacV1::SacV1(const SacV1Config& config, ObsSize obs, std::int64_t action_dim, const Rng& rng, DType dtype)
    : NetworkAgent(obs, dtype, config.normalize_obs),
      config_(config),
      action_dim_(action_dim),
      init_(rng.split("init")),
      actor_(obs.width, action_dim, config.hidden, LogStd::clamp, init_, dtype),
      critic_(obs.width, action_dim, config.hidden, init_, dtype),
      value_(value_sizes(obs.width, config.hidden), init_, {}, dtype),
      target_value_(value_sizes(obs.width, config.hidden), init_, {}, dtype),
      actor_optimizer_(actor_.parameters(), {.lr = config.actor_lr}),
      critic_optimizer_(critic_.parameters(), {.lr = config.critic_lr}),
      value_optimizer_(value_.parameters(), {.lr = config.value_lr}) {
  register_network("actor", actor_, actor_optimizer_);
  register_network("critic", critic_, critic_optimizer_);
  register_network("value", value_, value_optimizer_);
  register_target("target_value", target_value_, value_);
}

Tensor SacV1::value_target(const Tensor& obs, const Tensor& eps) const {
  const NoGrad no_grad;
  const nn::TanhNormal pi = actor_(obs);
  const nn::TanhNormal::Sample now = pi.rsample(eps);
  return amin(critic_(obs, now.action), {0}) - config_.alpha * pi.log_prob(now);
}

Tensor SacV1::value_loss(const Tensor& obs, const Tensor& v) const {
  return mean(square(value_(obs) - v)) / 2;
}

Tensor SacV1::critic_target(const Batch& batch) const {
  const NoGrad no_grad;
  return batch.reward + discounted(batch, config_.gamma, target_value_(batch.next_obs));
}

SacV1::CriticLoss SacV1::critic_loss(const Batch& batch, const Tensor& y) const {
  const Tensor q = critic_(batch.obs, batch.action);  // (2, B, 1)
  return {sum(mean(weighted(batch, square(q - y)), {1, 2})) / 2, q};
}

SacV1::ActorLoss SacV1::actor_loss(const Tensor& obs, const Tensor& eps) const {
  const nn::TanhNormal pi = actor_(obs);
  const nn::TanhNormal::Sample now = pi.rsample(eps);
  const Tensor log_prob = pi.log_prob(now);
  return {mean(config_.alpha * log_prob - amin(critic_(obs, now.action), {0})), log_prob};
}

Metrics SacV1::update(const Batch& batch, const Tensor& eps) {
  return guarded(batch, [&](const Batch& normalized) { return take_steps(normalized, eps); });
}

Metrics SacV1::take_steps(const Batch& batch, const Tensor& eps) {
  const Tensor value_error = value_loss(batch.obs, value_target(batch.obs, eps));
  check_finite("SAC v1", {{"value_loss", value_error.item()}});
  const Tensor y = critic_target(batch);
  const CriticLoss critic = critic_loss(batch, y);
  check_finite("SAC v1", {{"value_loss", value_error.item()}, {"critic_loss", critic.loss.item()}});
  minimize(value_optimizer_, value_error, config_.max_grad_norm);
  minimize(critic_optimizer_, critic.loss, config_.max_grad_norm);
  td_errors_ = td_errors(batch, critic.q, y);

  const ActorLoss actor = actor_loss(batch.obs, eps);
  check_finite("SAC v1", {{"critic_loss", critic.loss.item()}, {"actor_loss", actor.loss.item()}});
  minimize(actor_optimizer_, actor.loss, config_.max_grad_norm);

  target_value_.polyak(value_, config_.tau);

  const NoGrad no_grad;
  const Metrics metrics = {{"value_loss", value_error.item()},
                           {"critic_loss", critic.loss.item()},
                           {"actor_loss", actor.loss.item()},
                           {"entropy", -mean(actor.log_prob).item(), "H"},  // of the action in [-1, 1]
                           {"q", mean(critic.q).item(), "Q"}};
  check_finite("SAC v1", metrics);
  return metrics;
}

Metrics SacV1::update(const Batch& batch, Rng& rng) {
  return update(batch, randn({batch.obs.size(0), action_dim_}, rng, dtype_));
}

void SacV1::act(std::span<const double> obs, std::span<const double> noise, ActMode mode,
                std::span<double> action) const {
  const NoGrad no_grad;
  const nn::TanhNormal pi = actor_(observations(obs));
  act_by(pi, noise, mode, action);
}

Inspection SacV1::inspect(std::span<const double> obs, std::span<const double> noise) const {
  const NoGrad no_grad;
  const Tensor s = observations(obs);
  const nn::TanhNormal pi = actor_(s);
  const nn::TanhNormal::Sample now = pi.rsample(to_rows("noise", noise, action_dim_, dtype_));
  return {.action = now.action,
          .q = amin(critic_(s, now.action), {0}),
          .log_prob = pi.log_prob(now),
          .alpha = config_.alpha};
}

std::optional<PolicyNetwork> SacV1::policy_network() const {
  return policy_network_of(obs_transform(), actor_, LogStd::clamp);
}

std::optional<CriticNetworks> SacV1::critic_networks() const {
  return CriticNetworks{
      .obs = obs_transform(), .takes_action = true, .critics = members_of("critic", critic_)};
}

AlgorithmInfo sac_v1_info() {
  using C = SacV1Config;
  ConfigKeys keys =
      joined({actor_critic_keys<C>(),
              {
                  key("value_lr", &C::value_lr, "Adam's step size for the value network", kSmallest, 1),
                  key("alpha", &C::alpha, "the temperature, which stays", 0, 1e6),
              }});
  return algorithm<SacV1, C>({
      .name = "sac_v1",
      .title = "the first Soft Actor-Critic, with a value network (Haarnoja et al. 2018, ICML)",
      .actions = ActionKind::box,
      .keys = std::move(keys),
      .presets = {{"pendulum", R"({"hidden": [64, 64], "actor_lr": 1e-3, "critic_lr": 1e-3, "value_lr": 1e-3,
                                   "tau": 0.01})"}},
  });
}

}  // namespace saccade::rl
