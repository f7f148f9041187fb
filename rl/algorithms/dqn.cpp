#include "rl/algorithms/dqn.h"

#include <algorithm>

#include "autograd/modes.h"
#include "autograd/ops.h"
#include "rl/components/choices.h"
#include "rl/components/dense_layers.h"
#include "rl/components/rows.h"
#include "rl/components/targets.h"

namespace saccade::rl {

Dqn::Dqn(const DqnConfig& config, ObsSize obs, std::int64_t choices, const Rng& rng, DType dtype)
    : NetworkAgent(obs, dtype, config.normalize_obs),
      config_(config),
      choices_(choices),
      init_(rng.split("init")),
      critic_(obs.width, choices, config.hidden, init_, dtype, 0),
      target_(obs.width, choices, config.hidden, init_, dtype, 0),
      optimizer_(critic_.parameters(), {.lr = config.critic_lr}) {
  register_network("critic", critic_, optimizer_);
  register_target("target", target_, critic_);
}

Tensor Dqn::next_action(const Tensor& next_obs) const {
  return argmax(config_.double_q ? critic_(next_obs) : target_(next_obs), -1, true);
}

Tensor Dqn::critic_target(const Batch& batch) const {
  const NoGrad no_grad;
  const Tensor q = q_of(target_(batch.next_obs), next_action(batch.next_obs));
  return batch.reward + discounted(batch, config_.gamma, q);
}

Dqn::CriticLoss Dqn::critic_loss(const Batch& batch, const Tensor& y) const {
  const Tensor q = q_of(critic_(batch.obs), batch.action);  // (B, 1)
  const Tensor each = config_.loss == QLoss::huber ? huber_loss(q, y, Reduction::none) : square(q - y);
  return {mean(weighted(batch, each)), q};
}

Tensor Dqn::epsilon_greedy(const Tensor& q) const {
  const Tensor greedy = one_hot(argmax(q, -1), choices_, dtype_);
  return (1 - epsilon()) * greedy + epsilon() / static_cast<double>(choices_);
}

double Dqn::epsilon() const {
  const double done = static_cast<double>(optimizer_.steps()) / static_cast<double>(config_.epsilon_updates);
  return config_.epsilon_start + std::min(1.0, done) * (config_.epsilon_end - config_.epsilon_start);
}

Metrics Dqn::update(const Batch& batch) {
  return guarded(batch, [&](const Batch& normalized) { return take_step(normalized); });
}

Metrics Dqn::take_step(const Batch& batch) {
  const double epsilon_before = epsilon();
  const Tensor y = critic_target(batch);
  const CriticLoss critic = critic_loss(batch, y);
  const NoGrad no_grad;
  const Metrics metrics = {{"critic_loss", critic.loss.item()},
                           {"epsilon", epsilon_before, "epsilon"},
                           {"q", mean(critic.q).item(), "Q"}};
  check_finite("DQN", metrics);
  minimize(optimizer_, critic.loss, config_.max_grad_norm);
  td_errors_ = td_errors(batch, unsqueeze(critic.q, 0), y);
  if (optimizer_.steps() % config_.target_every == 0) target_.polyak(critic_, config_.tau);
  return metrics;
}

void Dqn::act(std::span<const double> obs, std::span<const double> noise, ActMode mode,
              std::span<double> action) const {
  const NoGrad no_grad;
  const Tensor q = critic_(observations(obs));  // (B, |A|)
  if (mode == ActMode::exploit) return copy_rows("actions", argmax(q, -1), action);
  copy_rows("actions", draw_choices(epsilon_greedy(q), to_rows("noise", noise, 1, dtype_)), action);
}

Inspection Dqn::inspect(std::span<const double> obs, std::span<const double>) const {
  const NoGrad no_grad;
  const Tensor q = critic_(observations(obs));  // (B, |A|)
  return {.action = argmax(q, -1, true), .q = amax(q, {-1}, true)};
}

std::optional<PolicyNetwork> Dqn::policy_network() const {
  return PolicyNetwork{
      .obs = obs_transform(), .layers = dense_layers("critic", critic_), .head = PolicyHead::choice};
}

std::optional<CriticNetworks> Dqn::critic_networks() const {
  return CriticNetworks{
      .obs = obs_transform(), .takes_action = false, .critics = members_of("critic", critic_)};
}

AlgorithmInfo dqn_info() {
  using C = DqnConfig;
  ConfigKeys keys = joined(
      {q_learning_keys<C>(),
       {
           key("double", &C::double_q, "whether the critic itself, not its target, chooses the next action"),
           key("loss", &C::loss,
               "of Q's error e: huber is e^2 / 2 to |e| = 1 and |e| - 1/2 beyond, squared is e^2",
               {"huber", "squared"}),
           key("target_every", &C::target_every, "updates between those of the target network", 1,
               kLargestCount),
           key("epsilon_start", &C::epsilon_start, "share of random actions, at first", 0, 1),
           key("epsilon_end", &C::epsilon_end, "the same, in the end", 0, 1),
           key("epsilon_updates", &C::epsilon_updates, "updates over which it goes from one to the other", 1,
               kLargestCount),
       }});
  return algorithm<Dqn, C>({
      .name = "dqn",
      .title = "Deep Q-learning (Mnih et al. 2015; van Hasselt et al. 2016)",
      .actions = ActionKind::discrete,
      .keys = std::move(keys),
      // With Huber's loss, which bounds the gradient of large errors, these settings do not solve CartPole.
      .presets = {{"cartpole", R"({"hidden": [64, 64], "critic_lr": 1e-3, "loss": "squared",
                                   "target_every": 1, "tau": 0.01, "epsilon_end": 0.1,
                                   "epsilon_updates": 5000})"},
                  {"acrobot", R"({"hidden": [64, 64], "critic_lr": 1e-3, "loss": "squared",
                                  "target_every": 1, "tau": 0.01, "epsilon_updates": 5000})"}},
  });
}

}  // namespace saccade::rl
