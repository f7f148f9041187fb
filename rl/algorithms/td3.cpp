#include "rl/algorithms/td3.h"

#include <optional>

#include "autograd/modes.h"
#include "autograd/ops.h"
#include "rl/components/dense_layers.h"
#include "rl/components/rows.h"
#include "rl/components/targets.h"

namespace saccade::rl {

Td3::Td3(const Td3Config& config, ObsSize obs, std::int64_t action_dim, const Rng& rng, DType dtype)
    : NetworkAgent(obs, dtype, config.normalize_obs),
      config_(config),
      action_dim_(action_dim),
      init_(rng.split("init")),
      actor_(obs.width, action_dim, config.hidden, init_, dtype),
      target_actor_(obs.width, action_dim, config.hidden, init_, dtype),
      critic_(obs.width, action_dim, config.hidden, init_, dtype, {.n = config.critics}),
      target_critic_(obs.width, action_dim, config.hidden, init_, dtype, {.n = config.critics}),
      actor_optimizer_(actor_.parameters(), {.lr = config.actor_lr}),
      critic_optimizer_(critic_.parameters(), {.lr = config.critic_lr}) {
  register_network("actor", actor_, actor_optimizer_);
  register_network("critic", critic_, critic_optimizer_);
  register_target("target_actor", target_actor_, actor_);
  register_target("target_critic", target_critic_, critic_);
}

Tensor Td3::target_action(const Tensor& next_obs, const Tensor& z) const {
  const double c = config_.target_noise_clip;
  return clamp(target_actor_(next_obs) + clamp(config_.target_noise * z, -c, c), -1, 1);
}

Tensor Td3::critic_target(const Batch& batch, const Tensor& z) const {
  const NoGrad no_grad;
  const Tensor q = amin(target_critic_(batch.next_obs, target_action(batch.next_obs, z)), {0});  // (B, 1)
  return batch.reward + discounted(batch, config_.gamma, q);
}

Td3::CriticLoss Td3::critic_loss(const Batch& batch, const Tensor& y) const {
  const Tensor q = critic_(batch.obs, batch.action);  // (n, B, 1)
  return {sum(mean(weighted(batch, square(q - y)), {1, 2})), q};
}

Tensor Td3::actor_loss(const Tensor& obs) const { return -mean(select(critic_(obs, actor_(obs)), 0, 0)); }

Metrics Td3::update(const Batch& batch, const Tensor& z) {
  return guarded(batch, [&](const Batch& normalized) { return take_steps(normalized, z); });
}

Metrics Td3::take_steps(const Batch& batch, const Tensor& z) {
  const Tensor y = critic_target(batch, z);
  const CriticLoss critic = critic_loss(batch, y);
  check_finite("TD3", {{"critic_loss", critic.loss.item()}});
  minimize(critic_optimizer_, critic.loss, config_.max_grad_norm);
  td_errors_ = td_errors(batch, critic.q, y);

  std::optional<double> actor_loss_value;
  if (critic_optimizer_.steps() % config_.policy_delay == 0) {
    const Tensor loss = actor_loss(batch.obs);
    actor_loss_value = loss.item();
    check_finite("TD3", {{"critic_loss", critic.loss.item()}, {"actor_loss", actor_loss_value}});
    minimize(actor_optimizer_, loss, config_.max_grad_norm);
    target_actor_.polyak(actor_, config_.tau);
    target_critic_.polyak(critic_, config_.tau);
  }

  const NoGrad no_grad;
  const Metrics metrics = {{"critic_loss", critic.loss.item()},
                           {"actor_loss", actor_loss_value},
                           {"q", mean(critic.q).item(), "Q"}};
  check_finite("TD3", metrics);
  return metrics;
}

Metrics Td3::update(const Batch& batch, Rng& rng) {
  return update(batch, randn({batch.obs.size(0), action_dim_}, rng, dtype_));
}

void Td3::act(std::span<const double> obs, std::span<const double> noise, ActMode mode,
              std::span<double> action) const {
  const NoGrad no_grad;
  const Tensor mu = actor_(observations(obs));
  if (mode == ActMode::exploit) return copy_rows("actions", mu, action);
  const Tensor z = to_rows("noise", noise, action_dim_, dtype_);
  copy_rows("actions", clamp(mu + config_.exploration_noise * z, -1, 1), action);
}

Inspection Td3::inspect(std::span<const double> obs, std::span<const double>) const {
  const NoGrad no_grad;
  const Tensor s = observations(obs), action = actor_(s);
  return {.action = action, .q = amin(critic_(s, action), {0})};
}

std::optional<PolicyNetwork> Td3::policy_network() const {
  return PolicyNetwork{
      .obs = obs_transform(), .layers = dense_layers("actor", actor_), .head = PolicyHead::deterministic};
}

std::optional<CriticNetworks> Td3::critic_networks() const {
  return CriticNetworks{
      .obs = obs_transform(), .takes_action = true, .critics = members_of("critic", critic_)};
}

namespace {

ConfigKeys td3_keys() {
  using C = Td3Config;
  return joined(
      {actor_critic_keys<C>(),
       {
           key("critics", &C::critics, "how many critics; the smallest of their targets counts", 1, 100),
           key("policy_delay", &C::policy_delay, "updates of the critics for one of the policy", 1, 1000),
           key("target_noise", &C::target_noise, "standard deviation of the noise on target actions", 0, 10),
           key("target_noise_clip", &C::target_noise_clip, "bound of that noise", 0, 10),
           key("exploration_noise", &C::exploration_noise,
               "factor on the noise that is added to actions in [-1, 1]", 0, 10),
       }});
}

}  // namespace

AlgorithmInfo td3_info() {
  return algorithm<Td3, Td3Config>({
      .name = "td3",
      .title = "Twin Delayed DDPG (Fujimoto et al. 2018)",
      .actions = ActionKind::box,
      .keys = td3_keys(),
      .presets = {{"pendulum", R"({"hidden": [64, 64], "actor_lr": 1e-3, "critic_lr": 1e-3, "tau": 0.02,
                                   "exploration_noise": 0.2})"}},
  });
}

AlgorithmInfo ddpg_info() {
  return algorithm<Td3, Td3Config>({
      .name = "ddpg",
      .title = "Deep Deterministic Policy Gradient (Lillicrap et al. 2016)",
      .actions = ActionKind::box,
      .keys = td3_keys(),
      .defaults = R"({"critics": 1, "policy_delay": 1, "target_noise": 0, "exploration": "ou",
                      "exploration_noise": 0.38})",
      .presets = {{"pendulum", R"({"hidden": [64, 64], "actor_lr": 1e-3, "critic_lr": 1e-3})"}},
  });
}

}  // namespace saccade::rl
