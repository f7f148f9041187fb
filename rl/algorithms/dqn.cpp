#include "rl/algorithms/dqn.h"

#include <algorithm>

#include "autograd/modes.h"
#include "autograd/ops.h"
#include "rl/components/choices.h"
#include "rl/components/minimize.h"
#include "rl/components/rows.h"
#include "rl/components/targets.h"

namespace saccade::rl {

Dqn::Dqn(const DqnConfig& config, std::int64_t obs_dim, std::int64_t choices, const Rng& rng, DType dtype)
    : config_(config),
      dtype_(dtype),
      obs_dim_(obs_dim),
      choices_(choices),
      init_(rng.split("init")),
      critic_(obs_dim, choices, config.hidden, init_, dtype, 0),
      target_(obs_dim, choices, config.hidden, init_, dtype, 0),
      optimizer_(critic_.parameters(), {.lr = config.critic_lr}),
      normalizer_(config.normalize_obs, obs_dim, dtype) {
  target_.copy_parameters(critic_);
  // Side by side in memory from the start, so that following is one pass over each.
  critic_.flat();
  target_.flat();
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
  return guard_(*this, batch, [&] { return take_step(batch); });
}

Metrics Dqn::take_step(const Batch& given) {
  const Batch batch = normalizer_(given);
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
  const Tensor q = critic_(normalizer_(to_rows("observations", obs, obs_dim_, dtype_)));  // (B, |A|)
  if (mode == ActMode::exploit) return copy_rows("actions", argmax(q, -1), action);
  copy_rows("actions", draw_choices(epsilon_greedy(q), to_rows("noise", noise, 1, dtype_)), action);
}

nn::NamedTensors Dqn::named_weights() const {
  nn::NamedTensors weights;
  nn::append(weights, "critic.", critic_.named_parameters());
  nn::append(weights, "target.", target_.named_parameters());
  nn::append(weights, "obs.", normalizer_.named_state());
  return weights;
}

nn::NamedTensors Dqn::named_optimizer_state() const {
  nn::NamedTensors state;
  nn::append(state, "critic.", optimizer_.named_state());
  return state;
}

void Dqn::load(const nn::NamedTensors& weights, const nn::NamedTensors& optimizer_state) {
  load_agent(*this, weights, optimizer_state, {{"critic.", &optimizer_}});
  normalizer_.refresh();
  guard_.look_at(*this);
}

void Dqn::load_weights(const nn::NamedTensors& weights) {
  nn::copy_by_name("weights", weights, named_weights());
  normalizer_.refresh();
  guard_.look_at(*this);
}

AlgorithmInfo dqn_info() {
  using C = DqnConfig;
  ConfigKeys keys = q_learning_keys<C>();
  for (const ConfigKey& own : {
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
       }) {
    keys.push_back(own);
  }
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
