#include "rl/algorithms/sac.h"

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

CriticOptions critic_options(const SacConfig& config) {
  if (config.target_critics > config.critics) {
    throw ConfigError(fmt::format("target_critics is {}, expected at most critics, {}", config.target_critics,
                                  config.critics));
  }
  return {.n = config.critics, .layer_norm = config.layer_norm, .dropout = config.dropout};
}

}  // namespace

Sac::Sac(const SacConfig& config, ObsSize obs, std::int64_t action_dim, const Rng& rng, DType dtype)
    : NetworkAgent(obs, dtype, config.normalize_obs),
      config_(config),
      action_dim_(action_dim),
      target_entropy_(config.target_entropy.value_or(-static_cast<double>(action_dim))),
      init_(rng.split("init")),
      actor_(obs.width, action_dim, config.hidden, config.log_std, init_, dtype, config.gsde_log_std),
      critic_(obs.width, action_dim, config.hidden, init_, dtype, critic_options(config)),
      target_(obs.width, action_dim, config.hidden, init_, dtype, critic_options(config)),
      log_alpha_(scalar(std::log(config.initial_alpha), dtype).requires_grad_()),
      actor_optimizer_(actor_.parameters(), {.lr = config.actor_lr}),
      critic_optimizer_(critic_.parameters(), {.lr = config.critic_lr}),
      alpha_optimizer_({log_alpha_}, {.lr = config.alpha_lr}) {
  register_network("actor", actor_, actor_optimizer_);
  register_network("critic", critic_, critic_optimizer_);
  register_target("target", target_, critic_);
  register_temperature(log_alpha_, alpha_optimizer_);
}

Tensor Sac::critic_target(const Batch& batch, const Draws& draws) const {
  const NoGrad no_grad;
  const nn::TanhNormal pi = actor_(batch.next_obs);
  const nn::TanhNormal::Sample next = pi.rsample(draws.eps_next);
  const Tensor all = target_(batch.next_obs, next.action, draws.target_masks);                    // (n, B, 1)
  const Tensor q = amin(draws.subset.defined() ? index_select(all, 0, draws.subset) : all, {0});  // (B, 1)
  const Tensor value = q - alpha() * pi.log_prob(next, config_.log_prob);
  return batch.reward + discounted(batch, config_.gamma, value);
}

Sac::CriticLoss Sac::critic_loss(const Batch& batch, const Tensor& y, const TensorList& masks) const {
  const Tensor q = critic_(batch.obs, batch.action, masks);  // (n, B, 1)
  return {config_.critic_loss_factor * sum(mean(weighted(batch, square(q - y)), {1, 2})), q};
}

Sac::ActorLoss Sac::actor_loss(const Tensor& obs, const Tensor& eps, const TensorList& masks) const {
  const nn::TanhNormal pi = actor_(obs);
  const nn::TanhNormal::Sample now = pi.rsample(eps);
  const Tensor log_prob = pi.log_prob(now, config_.log_prob);
  const Tensor all = critic_(obs, now.action, masks);  // (n, B, 1)
  const Tensor q = config_.policy_q == PolicyQ::min ? amin(all, {0}) : mean(all, {0});
  return {mean(alpha() * log_prob - q), log_prob};
}

Tensor Sac::alpha_loss(const Tensor& log_prob) const {
  const Tensor weight = config_.alpha_loss == AlphaLoss::alpha ? exp(log_alpha_) : log_alpha_;
  return -mean(weight * (log_prob.detach() + target_entropy_));
}

Metrics Sac::update(const Batch& batch, const Draws& draws) {
  return guarded(batch, [&](const Batch& normalized) { return take_steps(normalized, draws); });
}

Metrics Sac::take_steps(const Batch& batch, const Draws& draws) {
  const double alpha_before = alpha();

  const Tensor y = critic_target(batch, draws);
  const CriticLoss critic = critic_loss(batch, y, draws.masks);
  check_finite("SAC", {{"critic_loss", critic.loss.item()}});
  minimize(critic_optimizer_, critic.loss, config_.max_grad_norm);
  td_errors_ = td_errors(batch, critic.q, y);

  std::optional<double> actor_loss_value, alpha_loss_value, entropy;
  if (critic_optimizer_.steps() % config_.policy_delay == 0) {
    const ActorLoss actor = actor_loss(batch.obs, draws.eps, draws.policy_masks);
    actor_loss_value = actor.loss.item();
    check_finite("SAC", {{"critic_loss", critic.loss.item()}, {"actor_loss", actor_loss_value}});
    minimize(actor_optimizer_, actor.loss, config_.max_grad_norm);

    alpha_loss_value = 0;
    if (config_.learn_alpha) {
      const Tensor loss = alpha_loss(actor.log_prob);
      alpha_loss_value = loss.item();
      minimize(alpha_optimizer_, loss, config_.max_grad_norm);
    }
    const NoGrad no_grad;
    entropy = -mean(actor.log_prob).item();  // of the action in [-1, 1]
  }

  target_.polyak(critic_, config_.tau);

  const NoGrad no_grad;
  const Metrics metrics = {{"critic_loss", critic.loss.item()}, {"actor_loss", actor_loss_value},
                           {"alpha_loss", alpha_loss_value},    {"alpha", alpha_before, "alpha"},
                           {"entropy", entropy, "H"},           {"q", mean(critic.q).item()}};
  check_finite("SAC", metrics);
  return metrics;
}

Metrics Sac::update(const Batch& batch, Rng& rng) {
  const std::int64_t n = batch.obs.size(0);
  Draws draws;
  draws.eps_next = randn({n, action_dim_}, rng, dtype_);
  draws.eps = randn({n, action_dim_}, rng, dtype_);
  if (config_.target_critics > 0) draws.subset = draw_subset(config_.target_critics, config_.critics, rng);
  draws.target_masks = target_.draw_masks(n, rng);
  draws.masks = critic_.draw_masks(n, rng);
  draws.policy_masks = critic_.draw_masks(n, rng);
  return update(batch, draws);
}

void Sac::act(std::span<const double> obs, std::span<const double> noise, ActMode mode,
              std::span<double> action) const {
  const NoGrad no_grad;
  const Tensor x = observations(obs);
  if (mode == ActMode::exploit) return copy_rows("actions", actor_(x).mode(), action);
  copy_rows("actions", actor_.explore(x, to_rows("noise", noise, noise_size(), dtype_)), action);
}

Inspection Sac::inspect(std::span<const double> obs, std::span<const double> noise) const {
  const NoGrad no_grad;
  const Tensor s = observations(obs), z = to_rows("noise", noise, noise_size(), dtype_);
  const nn::TanhNormal pi = actor_(s);
  const Tensor action = actor_.explore(s, z);
  const Tensor log_prob =
      config_.log_std == LogStd::gsde ? pi.log_prob_of_action(action) : pi.log_prob(pi.rsample(z));
  return {.action = action,
          .q = amin(critic_(s, action), {0}),
          .log_prob = log_prob,
          .alpha = alpha(),
          .target_entropy = config_.learn_alpha ? std::optional(target_entropy_) : std::nullopt};
}

std::optional<PolicyNetwork> Sac::policy_network() const {
  return policy_network_of(obs_transform(), actor_, config_.log_std);
}

std::optional<CriticNetworks> Sac::critic_networks() const {
  return CriticNetworks{
      .obs = obs_transform(), .takes_action = true, .critics = members_of("critic", critic_)};
}

double Sac::alpha() const { return std::exp(log_alpha_.item()); }

namespace {

ConfigKeys sac_keys() {
  using C = SacConfig;
  return joined(
      {actor_critic_keys<C>(),
       temperature_keys<C>(),
       {
           key("learn_alpha", &C::learn_alpha, "whether the temperature is learned"),
           key("alpha_loss", &C::alpha_loss, "through alpha as in the paper, or on log alpha",
               {"alpha", "log_alpha"}),
           key("log_std", &C::log_std,
               "clamped to [-20, 2]; tanh-rescaled to [-5, 2]; or gsde, by the state's features: "
               "state-dependent exploration, best with exploration=held",
               {"clamp", "tanh", "gsde"}),
           key("gsde_log_std", &C::gsde_log_std, "what the logarithm of gSDE's sigmas begins as", -20, 2),
           key("log_prob", &C::log_prob, "the exact tanh correction, or log(1 - a^2 + 1e-6)",
               {"stable", "eps1e-6"}),
           key("critic_loss_factor", &C::critic_loss_factor, "of MSE1 + MSE2", kSmallest, 1e6),
           key("critics", &C::critics, "how many critics", 1, 100),
           key("target_critics", &C::target_critics,
               "how many of them, drawn in each update, give the target their minimum; 0 for all", 0, 100),
           key("policy_q", &C::policy_q, "the policy climbs the critics' minimum, or their mean",
               {"min", "mean"}),
           key("policy_delay", &C::policy_delay,
               "updates of the critics for one of the policy and temperature", 1, 1000),
           key("layer_norm", &C::layer_norm, "whether the critics' hidden layers are normalised"),
           key("dropout", &C::dropout, "the share of the critics' hidden units that each update leaves out",
               0, 0.99),
       }});
}

constexpr const char* kSmall =
    R"({"hidden": [64, 64], "actor_lr": 1e-3, "critic_lr": 1e-3, "alpha_lr": 1e-3})";

}  // namespace

AlgorithmInfo sac_info() {
  return algorithm<Sac, SacConfig>({
      .name = "sac",
      .title = "Soft Actor-Critic (Haarnoja et al. 2018)",
      .actions = ActionKind::box,
      .keys = sac_keys(),
      .presets = {{"pendulum", kSmall},
                  {"mountain-car", kSmall},
                  {"swimmer", R"({"hidden": [64, 64], "actor_lr": 1e-3, "critic_lr": 1e-3, "alpha_lr": 1e-3,
                                  "gamma": 0.999})"},
                  // Half the sum of the critics' losses, and the temperature's loss on log alpha.
                  {"pendulum-sb3", R"({"critic_loss_factor": 0.5, "alpha_loss": "log_alpha"})"}},
  });
}

AlgorithmInfo redq_info() {
  return algorithm<Sac, SacConfig>({
      .name = "redq",
      .title = "Randomized Ensembled Double Q-Learning (Chen et al. 2021)",
      .actions = ActionKind::box,
      .keys = sac_keys(),
      .defaults = R"({"critics": 10, "target_critics": 2, "policy_q": "mean", "policy_delay": 20,
                      "updates_per_step": 20})",
      .presets = {{"pendulum", R"({"hidden": [64, 64], "actor_lr": 1e-3, "critic_lr": 1e-3, "alpha_lr": 1e-3,
                                   "critics": 5, "updates_per_step": 4, "policy_delay": 4})"}},
  });
}

AlgorithmInfo droq_info() {
  return algorithm<Sac, SacConfig>({
      .name = "droq",
      .title = "Dropout Q-Functions (Hiraoka et al. 2022)",
      .actions = ActionKind::box,
      .keys = sac_keys(),
      .defaults = R"({"layer_norm": true, "dropout": 0.01, "policy_q": "mean", "policy_delay": 20,
                      "updates_per_step": 20})",
      .presets = {{"pendulum", R"({"hidden": [64, 64], "actor_lr": 1e-3, "critic_lr": 1e-3, "alpha_lr": 1e-3,
                                   "updates_per_step": 4, "policy_delay": 4})"}},
  });
}

}  // namespace saccade::rl
