#include "rl/algorithms/sac.h"

#include <fmt/format.h>

#include <cmath>

#include "autograd/grad.h"
#include "autograd/ops.h"
#include "base/error.h"

namespace saccade::rl {

Sac::Sac(const Config& config, std::int64_t obs_dim, std::int64_t action_dim, const Rng& rng, DType dtype)
    : config_(config),
      dtype_(dtype),
      obs_dim_(obs_dim),
      action_dim_(action_dim),
      target_entropy_(config.target_entropy.value_or(-static_cast<double>(action_dim))),
      form_(config.log_prob == "stable" ? nn::LogProbForm::stable : nn::LogProbForm::eps1e6),
      init_(rng.split("init")),
      actor_(obs_dim, action_dim, config.hidden, config.log_std == "clamp" ? LogStd::clamp : LogStd::tanh,
             init_, dtype),
      critic_(obs_dim, action_dim, config.hidden, init_, dtype),
      target_(obs_dim, action_dim, config.hidden, init_, dtype),
      log_alpha_(scalar(std::log(config.initial_alpha), dtype).requires_grad_()),
      actor_optimizer_(actor_.parameters(), {.lr = config.actor_lr}),
      critic_optimizer_(critic_.parameters(), {.lr = config.critic_lr}),
      alpha_optimizer_({log_alpha_}, {.lr = config.alpha_lr}) {
  target_.copy_parameters(critic_);
  // Side by side in memory from the start, so that following the critics is one pass over each.
  critic_.flat();
  target_.flat();
  if (config.normalize_obs) obs_rms_.emplace(obs_dim, dtype);
}

Tensor Sac::critic_target(const Batch& batch, const Tensor& eps_next) const {
  const NoGrad no_grad;
  const nn::TanhNormal pi = actor_(batch.next_obs);
  const nn::TanhNormal::Sample next = pi.rsample(eps_next);
  const Tensor q = amin(target_(batch.next_obs, next.action), {0});  // (B, 1)
  const Tensor value = q - alpha() * pi.log_prob(next, form_);
  return batch.reward + config_.gamma * (1 - batch.terminated) * value;
}

Sac::CriticLoss Sac::critic_loss(const Batch& batch, const Tensor& y) const {
  const Tensor q = critic_(batch.obs, batch.action);  // (n, B, 1)
  return {config_.critic_loss_factor * sum(mean(square(q - y), {1, 2})), q};
}

Sac::ActorLoss Sac::actor_loss(const Tensor& obs, const Tensor& eps) const {
  const nn::TanhNormal pi = actor_(obs);
  const nn::TanhNormal::Sample now = pi.rsample(eps);
  const Tensor log_prob = pi.log_prob(now, form_);
  return {mean(alpha() * log_prob - amin(critic_(obs, now.action), {0})), log_prob};
}

Tensor Sac::alpha_loss(const Tensor& log_prob) const {
  const Tensor weight = config_.alpha_loss == "alpha" ? exp(log_alpha_) : log_alpha_;
  return -mean(weight * (log_prob.detach() + target_entropy_));
}

void Sac::observe(std::span<const double> obs) {
  if (obs_rms_) obs_rms_->add(obs);
}

UpdateMetrics Sac::update(const Batch& given, const Tensor& eps_next, const Tensor& eps) {
  Batch batch = given;
  if (obs_rms_) {
    batch.obs = obs_rms_->normalized(given.obs);
    batch.next_obs = obs_rms_->normalized(given.next_obs);
  }
  UpdateMetrics metrics;
  metrics.alpha = alpha();

  const Tensor y = critic_target(batch, eps_next);
  const CriticLoss critic = critic_loss(batch, y);
  critic_optimizer_.step(grad(critic.loss, critic_.parameters()));

  const ActorLoss actor = actor_loss(batch.obs, eps);
  actor_optimizer_.step(grad(actor.loss, actor_.parameters()));

  if (config_.learn_alpha) {
    const Tensor loss = alpha_loss(actor.log_prob);
    metrics.alpha_loss = loss.item();
    alpha_optimizer_.step({grad(loss, log_alpha_)});
  }

  target_.polyak(critic_, config_.tau);

  metrics.critic_loss = critic.loss.item();
  metrics.actor_loss = actor.loss.item();
  const NoGrad no_grad;
  metrics.entropy = -mean(actor.log_prob).item();
  metrics.q = mean(critic.q).item();
  if (!std::isfinite(metrics.critic_loss) || !std::isfinite(metrics.actor_loss) ||
      !std::isfinite(metrics.alpha_loss)) {
    throw Error(
        fmt::format("SAC has diverged: critic loss {}, actor loss {}, alpha loss {}, alpha {}; try a smaller "
                    "learning rate or reward_scale",
                    metrics.critic_loss, metrics.actor_loss, metrics.alpha_loss, metrics.alpha));
  }
  return metrics;
}

UpdateMetrics Sac::update(const Batch& batch, Rng& rng) {
  const Shape shape = {batch.obs.size(0), action_dim_};
  const Tensor eps_next = randn(shape, rng, dtype_);
  const Tensor eps = randn(shape, rng, dtype_);
  return update(batch, eps_next, eps);
}

Tensor Sac::to_rows(std::span<const double> values, std::int64_t width) const {
  const auto size = static_cast<std::int64_t>(values.size());
  if (size == 0 || size % width != 0) {
    throw ShapeError(fmt::format("act: {} numbers given, expected a multiple of {}", size, width));
  }
  return from_values(values, {size / width, width}, dtype_);
}

nn::TanhNormal Sac::policy(std::span<const double> obs) const {
  const Tensor rows = to_rows(obs, obs_dim_);
  return actor_(obs_rms_ ? obs_rms_->normalized(rows) : rows);
}

namespace {

void copy_out(const Tensor& rows, std::span<double> out) {
  if (rows.numel() != static_cast<std::int64_t>(out.size())) {
    throw ShapeError(fmt::format("act: room for actions of size {} given, the policy's have {}", out.size(),
                                 rows.numel()));
  }
  visit(rows.dtype(), [&]<class T>() {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<double>(rows.data<T>()[i]);
  });
}

void append(nn::NamedTensors& to, const std::string& prefix, const nn::NamedTensors& from) {
  for (const nn::NamedTensor& t : from) to.push_back({prefix + t.name, t.tensor});
}

nn::NamedTensors with_prefix(const nn::NamedTensors& all, const std::string& prefix) {
  nn::NamedTensors found;
  for (const nn::NamedTensor& t : all) {
    if (t.name.starts_with(prefix)) found.push_back({t.name.substr(prefix.size()), t.tensor});
  }
  return found;
}

}  // namespace

void Sac::act(std::span<const double> obs, Rng& rng, std::span<double> action) const {
  const NoGrad no_grad;
  const nn::TanhNormal pi = policy(obs);
  copy_out(pi.rsample(randn(pi.normal().mean().shape(), rng, dtype_)).action, action);
}

void Sac::act(std::span<const double> obs, std::span<const double> eps, std::span<double> action) const {
  const NoGrad no_grad;
  copy_out(policy(obs).rsample(to_rows(eps, action_dim_)).action, action);
}

void Sac::act_deterministic(std::span<const double> obs, std::span<double> action) const {
  const NoGrad no_grad;
  copy_out(policy(obs).mode(), action);
}

double Sac::alpha() const { return std::exp(log_alpha_.item()); }

nn::NamedTensors Sac::named_weights() const {
  nn::NamedTensors weights;
  append(weights, "actor.", actor_.named_parameters());
  append(weights, "critic.", critic_.named_parameters());
  append(weights, "target.", target_.named_parameters());
  weights.push_back({"log_alpha", log_alpha_});
  if (obs_rms_) append(weights, "obs.", obs_rms_->named_state());
  return weights;
}

nn::NamedTensors Sac::named_optimizer_state() const {
  nn::NamedTensors state;
  append(state, "actor.", actor_optimizer_.named_state());
  append(state, "critic.", critic_optimizer_.named_state());
  append(state, "alpha.", alpha_optimizer_.named_state());
  return state;
}

void Sac::load(const nn::NamedTensors& weights, const nn::NamedTensors& optimizer_state) {
  load_weights(weights);
  actor_optimizer_.load_state(with_prefix(optimizer_state, "actor."));
  critic_optimizer_.load_state(with_prefix(optimizer_state, "critic."));
  alpha_optimizer_.load_state(with_prefix(optimizer_state, "alpha."));
}

void Sac::load_weights(const nn::NamedTensors& weights) {
  nn::copy_by_name("weights", weights, named_weights());
  if (obs_rms_) obs_rms_->refresh();
}

}  // namespace saccade::rl
