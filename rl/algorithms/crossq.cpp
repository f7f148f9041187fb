#include "rl/algorithms/crossq.h"

#include <cmath>

#include "autograd/modes.h"
#include "autograd/ops.h"
#include "rl/components/actor_critic.h"
#include "rl/components/dense_layers.h"
#include "rl/components/rows.h"
#include "rl/components/targets.h"

namespace saccade::rl {

namespace {

std::vector<std::int64_t> sizes(std::int64_t in, std::vector<std::int64_t> hidden, std::int64_t widening,
                                std::int64_t out) {
  for (std::int64_t& width : hidden) width *= widening;
  hidden.insert(hidden.begin(), in);
  hidden.push_back(out);
  return hidden;
}

nn::BatchNormOptions norm(const CrossQConfig& config, std::int64_t ensemble) {
  return {.eps = config.norm_eps,
          .momentum = config.norm_momentum,
          .renorm_after = config.renorm_after,
          .ensemble = ensemble};
}

// The policy's outputs are the mean and log sigma side by side.
nn::TanhNormal distribution(const Tensor& out) {
  const std::int64_t n = out.size(-1) / 2;
  return {slice(out, -1, 0, n), clamp(slice(out, -1, n, 2 * n), -20, 2)};
}

}  // namespace

CrossQ::CrossQ(const CrossQConfig& config, ObsSize obs, std::int64_t action_dim, const Rng& rng, DType dtype)
    : NetworkAgent(obs, dtype, config.normalize_obs),
      config_(config),
      action_dim_(action_dim),
      target_entropy_(config.target_entropy.value_or(-static_cast<double>(action_dim))),
      init_(rng.split("init")),
      actor_(sizes(obs.width, config.hidden, 1, 2 * action_dim), init_, norm(config, 0), dtype),
      critic_(sizes(obs.width + action_dim, config.hidden, config.critic_widening, 1), init_, norm(config, 2),
              dtype),
      log_alpha_(scalar(std::log(config.initial_alpha), dtype).requires_grad_()),
      actor_optimizer_(actor_.parameters(), {.lr = config.actor_lr, .beta1 = config.adam_beta1}),
      critic_optimizer_(critic_.parameters(), {.lr = config.critic_lr, .beta1 = config.adam_beta1}),
      alpha_optimizer_({log_alpha_}, {.lr = config.alpha_lr}) {
  register_network("actor", actor_, actor_optimizer_, actor_.named_state());
  register_network("critic", critic_, critic_optimizer_, critic_.named_state());
  register_temperature(log_alpha_, alpha_optimizer_);
}

nn::TanhNormal CrossQ::policy(const Tensor& obs) const { return distribution(actor_(obs)); }

CrossQ::CriticLoss CrossQ::critic_loss(const Batch& batch, const Tensor& eps_next) const {
  Tensor next_action, next_log_prob;
  {
    const NoGrad no_grad;
    const nn::TanhNormal pi = policy(batch.next_obs);
    const nn::TanhNormal::Sample next = pi.rsample(eps_next);
    next_action = next.action;
    next_log_prob = pi.log_prob(next);
  }
  CriticLoss result;
  const std::int64_t n = batch.obs.size(0);
  const Tensor both = cat({cat({batch.obs, batch.action}, 1), cat({batch.next_obs, next_action}, 1)}, 0);
  const Tensor q = critic_(both, result.seen);  // (2, 2 B, 1)
  const Tensor next_q = amin(slice(q, 1, n, 2 * n).detach(), {0});
  result.y = batch.reward + discounted(batch, config_.gamma, next_q - alpha() * next_log_prob);
  result.q = slice(q, 1, 0, n);
  result.loss = sum(mean(weighted(batch, square(result.q - result.y)), {1, 2})) / 2;
  return result;
}

CrossQ::ActorLoss CrossQ::actor_loss(const Tensor& obs, const Tensor& eps) const {
  ActorLoss result;
  const nn::TanhNormal pi = distribution(actor_(obs, result.seen));
  const nn::TanhNormal::Sample now = pi.rsample(eps);
  result.log_prob = pi.log_prob(now);
  result.loss = mean(alpha() * result.log_prob - amin(critic_(cat({obs, now.action}, 1)), {0}));
  return result;
}

Tensor CrossQ::alpha_loss(const Tensor& log_prob) const {
  return -mean(log_alpha_ * (log_prob.detach() + target_entropy_));
}

Metrics CrossQ::update(const Batch& batch, const Tensor& eps_next, const Tensor& eps) {
  return guarded(batch, [&](const Batch& normalized) { return take_steps(normalized, eps_next, eps); });
}

Metrics CrossQ::take_steps(const Batch& batch, const Tensor& eps_next, const Tensor& eps) {
  const double alpha_before = alpha();

  const CriticLoss critic = critic_loss(batch, eps_next);
  check_finite("CrossQ", {{"critic_loss", critic.loss.item()}});
  minimize(critic_optimizer_, critic.loss, config_.max_grad_norm);
  critic_.follow(critic.seen);
  td_errors_ = td_errors(batch, critic.q, critic.y);

  std::optional<double> actor_loss_value, alpha_loss_value, entropy;
  if (critic_optimizer_.steps() % config_.policy_delay == 0) {
    const ActorLoss actor = actor_loss(batch.obs, eps);
    actor_loss_value = actor.loss.item();
    check_finite("CrossQ", {{"critic_loss", critic.loss.item()}, {"actor_loss", actor_loss_value}});
    minimize(actor_optimizer_, actor.loss, config_.max_grad_norm);
    actor_.follow(actor.seen);

    const Tensor loss = alpha_loss(actor.log_prob);
    alpha_loss_value = loss.item();
    minimize(alpha_optimizer_, loss, config_.max_grad_norm);
    const NoGrad no_grad;
    entropy = -mean(actor.log_prob).item();  // of the action in [-1, 1]
  }

  const NoGrad no_grad;
  const Metrics metrics = {{"critic_loss", critic.loss.item()}, {"actor_loss", actor_loss_value},
                           {"alpha_loss", alpha_loss_value},    {"alpha", alpha_before, "alpha"},
                           {"entropy", entropy, "H"},           {"q", mean(critic.q).item()}};
  check_finite("CrossQ", metrics);
  return metrics;
}

Metrics CrossQ::update(const Batch& batch, Rng& rng) {
  const Shape shape = {batch.obs.size(0), action_dim_};
  const Tensor eps_next = randn(shape, rng, dtype_);
  const Tensor eps = randn(shape, rng, dtype_);
  return update(batch, eps_next, eps);
}

void CrossQ::act(std::span<const double> obs, std::span<const double> noise, ActMode mode,
                 std::span<double> action) const {
  const NoGrad no_grad;
  const nn::TanhNormal pi = policy(observations(obs));
  act_by(pi, noise, mode, action);
}

Inspection CrossQ::inspect(std::span<const double> obs, std::span<const double> noise) const {
  const NoGrad no_grad;
  const Tensor s = observations(obs);
  const nn::TanhNormal pi = policy(s);
  const nn::TanhNormal::Sample now = pi.rsample(to_rows("noise", noise, action_dim_, dtype_));
  return {.action = now.action,
          .q = amin(critic_(cat({s, now.action}, 1)), {0}),
          .log_prob = pi.log_prob(now),
          .alpha = alpha(),
          .target_entropy = target_entropy_};
}

std::optional<PolicyNetwork> CrossQ::policy_network() const {
  return PolicyNetwork{
      .obs = obs_transform(), .layers = dense_layers("actor", actor_), .head = PolicyHead::gaussian};
}

std::optional<CriticNetworks> CrossQ::critic_networks() const {
  return CriticNetworks{
      .obs = obs_transform(), .takes_action = true, .critics = members_of("critic", critic_)};
}

double CrossQ::alpha() const { return std::exp(log_alpha_.item()); }

AlgorithmInfo crossq_info() {
  using C = CrossQConfig;
  ConfigKeys keys = joined(
      {temperature_keys<C>(),
       {
           key("hidden", &C::hidden, "widths of the policy's hidden layers", 1, 1e5),
           key("critic_widening", &C::critic_widening, "how many times as wide the critics' are", 1, 100),
           key("gamma", &C::gamma, "discount", 0, 1),
           key("actor_lr", &C::actor_lr, "Adam's step size for the policy", kSmallest, 1),
           key("critic_lr", &C::critic_lr, "Adam's step size for the critics", kSmallest, 1),
           key("adam_beta1", &C::adam_beta1, "Adam's beta1 for policy and critics", 0, 0.999),
           key("max_grad_norm", &C::max_grad_norm,
               "larger gradients are scaled down to it; null for as they are", kSmallest, 1e12),
           key("policy_delay", &C::policy_delay,
               "updates of the critics for one of the policy and temperature", 1, 1000),
           key("norm_momentum", &C::norm_momentum, "the share of running statistics that stays at each pass",
               0, 1),
           key("norm_eps", &C::norm_eps, "added to variances", kSmallest, 1),
           key("renorm_after", &C::renorm_after, "training passes of plain batch normalisation", 0,
               kLargestCount),
           key("normalize_obs", &C::normalize_obs,
               "whether the networks see observations less their running mean, in running standard "
               "deviations"),
       }});
  return algorithm<CrossQ, C>({
      .name = "crossq",
      .title = "CrossQ (Bhatt et al. 2024)",
      .actions = ActionKind::box,
      .keys = std::move(keys),
      .presets = {{"pendulum", R"({"hidden": [64, 64], "critic_widening": 2, "renorm_after": 2000})"}},
  });
}

}  // namespace saccade::rl
