#include "rl/algorithms/sac.h"

#include <cmath>

#include "autograd/grad.h"
#include "autograd/modes.h"
#include "autograd/ops.h"
#include "rl/components/rows.h"

namespace saccade::rl {

Sac::Sac(const SacConfig& config, std::int64_t obs_dim, std::int64_t action_dim, const Rng& rng, DType dtype)
    : config_(config),
      dtype_(dtype),
      obs_dim_(obs_dim),
      action_dim_(action_dim),
      target_entropy_(config.target_entropy.value_or(-static_cast<double>(action_dim))),
      init_(rng.split("init")),
      actor_(obs_dim, action_dim, config.hidden, config.log_std, init_, dtype),
      critic_(obs_dim, action_dim, config.hidden, init_, dtype),
      target_(obs_dim, action_dim, config.hidden, init_, dtype),
      log_alpha_(scalar(std::log(config.initial_alpha), dtype).requires_grad_()),
      actor_optimizer_(actor_.parameters(), {.lr = config.actor_lr}),
      critic_optimizer_(critic_.parameters(), {.lr = config.critic_lr}),
      alpha_optimizer_({log_alpha_}, {.lr = config.alpha_lr}),
      normalizer_(config.normalize_obs, obs_dim, dtype) {
  target_.copy_parameters(critic_);
  // Side by side in memory from the start, so that following the critics is one pass over each.
  critic_.flat();
  target_.flat();
}

Tensor Sac::critic_target(const Batch& batch, const Tensor& eps_next) const {
  const NoGrad no_grad;
  const nn::TanhNormal pi = actor_(batch.next_obs);
  const nn::TanhNormal::Sample next = pi.rsample(eps_next);
  const Tensor q = amin(target_(batch.next_obs, next.action), {0});  // (B, 1)
  const Tensor value = q - alpha() * pi.log_prob(next, config_.log_prob);
  return batch.reward + config_.gamma * (1 - batch.terminated) * value;
}

Sac::CriticLoss Sac::critic_loss(const Batch& batch, const Tensor& y) const {
  const Tensor q = critic_(batch.obs, batch.action);  // (n, B, 1)
  return {config_.critic_loss_factor * sum(mean(square(q - y), {1, 2})), q};
}

Sac::ActorLoss Sac::actor_loss(const Tensor& obs, const Tensor& eps) const {
  const nn::TanhNormal pi = actor_(obs);
  const nn::TanhNormal::Sample now = pi.rsample(eps);
  const Tensor log_prob = pi.log_prob(now, config_.log_prob);
  return {mean(alpha() * log_prob - amin(critic_(obs, now.action), {0})), log_prob};
}

Tensor Sac::alpha_loss(const Tensor& log_prob) const {
  const Tensor weight = config_.alpha_loss == AlphaLoss::alpha ? exp(log_alpha_) : log_alpha_;
  return -mean(weight * (log_prob.detach() + target_entropy_));
}

Metrics Sac::update(const Batch& batch, const Tensor& eps_next, const Tensor& eps) {
  return guard_(*this, batch, [&] { return take_steps(batch, eps_next, eps); });
}

Metrics Sac::take_steps(const Batch& given, const Tensor& eps_next, const Tensor& eps) {
  const Batch batch = normalizer_(given);
  const double alpha_before = alpha();

  const Tensor y = critic_target(batch, eps_next);
  const CriticLoss critic = critic_loss(batch, y);
  check_finite("SAC", {{"critic_loss", critic.loss.item()}});
  critic_optimizer_.step(grad(critic.loss, critic_.parameters()));

  const ActorLoss actor = actor_loss(batch.obs, eps);
  check_finite("SAC", {{"critic_loss", critic.loss.item()}, {"actor_loss", actor.loss.item()}});
  actor_optimizer_.step(grad(actor.loss, actor_.parameters()));

  double alpha_loss_value = 0;
  if (config_.learn_alpha) {
    const Tensor loss = alpha_loss(actor.log_prob);
    alpha_loss_value = loss.item();
    alpha_optimizer_.step({grad(loss, log_alpha_)});
  }

  target_.polyak(critic_, config_.tau);

  const NoGrad no_grad;
  const Metrics metrics = {{"critic_loss", critic.loss.item()},
                           {"actor_loss", actor.loss.item()},
                           {"alpha_loss", alpha_loss_value},
                           {"alpha", alpha_before, "alpha"},
                           {"entropy", -mean(actor.log_prob).item(), "H"},  // of the action in [-1, 1]
                           {"q", mean(critic.q).item()}};
  check_finite("SAC", metrics);
  return metrics;
}

Metrics Sac::update(const Batch& batch, Rng& rng) {
  const Shape shape = {batch.obs.size(0), action_dim_};
  const Tensor eps_next = randn(shape, rng, dtype_);
  const Tensor eps = randn(shape, rng, dtype_);
  return update(batch, eps_next, eps);
}

void Sac::act(std::span<const double> obs, std::span<const double> noise, ActMode mode,
              std::span<double> action) const {
  const NoGrad no_grad;
  const nn::TanhNormal pi = actor_(normalizer_(to_rows("observations", obs, obs_dim_, dtype_)));
  if (mode == ActMode::exploit) return copy_rows("actions", pi.mode(), action);
  copy_rows("actions", pi.rsample(to_rows("noise", noise, action_dim_, dtype_)).action, action);
}

double Sac::alpha() const { return std::exp(log_alpha_.item()); }

nn::NamedTensors Sac::named_weights() const {
  nn::NamedTensors weights;
  nn::append(weights, "actor.", actor_.named_parameters());
  nn::append(weights, "critic.", critic_.named_parameters());
  nn::append(weights, "target.", target_.named_parameters());
  weights.push_back({"log_alpha", log_alpha_});
  nn::append(weights, "obs.", normalizer_.named_state());
  return weights;
}

nn::NamedTensors Sac::named_optimizer_state() const {
  nn::NamedTensors state;
  nn::append(state, "actor.", actor_optimizer_.named_state());
  nn::append(state, "critic.", critic_optimizer_.named_state());
  nn::append(state, "alpha.", alpha_optimizer_.named_state());
  return state;
}

void Sac::load(const nn::NamedTensors& weights, const nn::NamedTensors& optimizer_state) {
  load_agent(*this, weights, optimizer_state,
             {{"actor.", &actor_optimizer_}, {"critic.", &critic_optimizer_}, {"alpha.", &alpha_optimizer_}});
  normalizer_.refresh();
  guard_.look_at(*this);
}

void Sac::load_weights(const nn::NamedTensors& weights) {
  nn::copy_by_name("weights", weights, named_weights());
  normalizer_.refresh();
  guard_.look_at(*this);
}

AlgorithmInfo sac_info() {
  using C = SacConfig;
  ConfigKeys keys = actor_critic_keys<C>();
  for (const ConfigKey& own : {
           key("alpha_lr", &C::alpha_lr, "Adam's step size for log alpha", kSmallest, 1),
           key("learn_alpha", &C::learn_alpha, "whether the temperature is learned"),
           key("initial_alpha", &C::initial_alpha, "the temperature at the start", kSmallest, 1e6),
           key("target_entropy", &C::target_entropy, "of the policy on [-1, 1] actions; null for -dim(A)",
               -1e6, 1e6),
           key("alpha_loss", &C::alpha_loss, "through alpha as in the paper, or on log alpha",
               {"alpha", "log_alpha"}),
           key("log_std", &C::log_std, "clamped to [-20, 2], or tanh-rescaled to [-5, 2]", {"clamp", "tanh"}),
           key("log_prob", &C::log_prob, "the exact tanh correction, or log(1 - a^2 + 1e-6)",
               {"stable", "eps1e-6"}),
           key("critic_loss_factor", &C::critic_loss_factor, "of MSE1 + MSE2", kSmallest, 1e6),
       }) {
    keys.push_back(own);
  }
  const char* const small = R"({"hidden": [64, 64], "actor_lr": 1e-3, "critic_lr": 1e-3, "alpha_lr": 1e-3})";
  return algorithm<Sac, C>({
      .name = "sac",
      .title = "Soft Actor-Critic (Haarnoja et al. 2018)",
      .actions = ActionKind::box,
      .keys = std::move(keys),
      .presets = {{"pendulum", small},
                  {"mountain-car", small},
                  {"swimmer", R"({"hidden": [64, 64], "actor_lr": 1e-3, "critic_lr": 1e-3, "alpha_lr": 1e-3,
                                  "gamma": 0.999})"},
                  // Half the sum of the critics' losses, and the temperature's loss on log alpha.
                  {"pendulum-sb3", R"({"critic_loss_factor": 0.5, "alpha_loss": "log_alpha"})"}},
  });
}

}  // namespace saccade::rl
