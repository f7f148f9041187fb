#include "rl/train.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"

namespace saccade::rl {

namespace {

constexpr double UpdateMetrics::*kMetrics[] = {&UpdateMetrics::critic_loss, &UpdateMetrics::actor_loss,
                                               &UpdateMetrics::alpha_loss,  &UpdateMetrics::alpha,
                                               &UpdateMetrics::entropy,     &UpdateMetrics::q};

void finish_episode(TrainState& state, const envs::Transition& last, const TrainCallbacks& callbacks) {
  Episode episode;
  episode.number = ++state.episodes;
  episode.length = state.episode_length;
  episode.ret = state.episode_return;
  episode.terminated = last.terminated;
  episode.updates = state.episode_updates;
  for (const auto metric : kMetrics) {
    episode.metrics.*metric =
        state.metric_sums.*metric / static_cast<double>(std::max<std::int64_t>(1, episode.updates));
  }
  state.in_episode = false;
  state.episode_return = 0;
  state.episode_length = state.episode_updates = 0;
  state.metric_sums = {};
  if (callbacks.on_episode) callbacks.on_episode(state, episode);
}

}  // namespace

TrainState::TrainState(const Rng& rng)
    : env_rng(rng.split("env")),
      action_rng(rng.split("action")),
      sample_rng(rng.split("sample")),
      noise_rng(rng.split("noise")) {}

ActionScale::ActionScale(const envs::Spec& spec) {
  if (spec.discrete_actions > 0) {
    throw ConfigError(fmt::format("{} has discrete actions; SAC here needs continuous ones", spec.id));
  }
  for (std::size_t i = 0; i < spec.action.low.size(); ++i) {
    const double low = spec.action.low[i], high = spec.action.high[i];
    if (!std::isfinite(low) || !std::isfinite(high) || low >= high) {
      throw ConfigError(
          fmt::format("{}: action[{}] ranges from {} to {}; SAC needs finite bounds", spec.id, i, low, high));
    }
    middle_.push_back((low + high) / 2);
    half_.push_back((high - low) / 2);
  }
}

void ActionScale::operator()(std::span<const double> action, std::span<double> scaled) const {
  for (std::size_t i = 0; i < middle_.size(); ++i) scaled[i] = middle_[i] + half_[i] * action[i];
}

void train(const Config& config, const EnvFactory& make_env, Sac& agent, ReplayBuffer& buffer,
           TrainState& state, const TrainCallbacks& callbacks) {
  const std::unique_ptr<envs::Env> env = make_env();
  const envs::Spec& spec = env->spec();
  const ActionScale scale(spec);
  std::vector<double> obs(static_cast<std::size_t>(spec.observation.size())), next_obs = obs;
  std::vector<double> action(static_cast<std::size_t>(spec.action.size())), scaled = action;
  UpdateMetrics metrics;
  const auto evaluate_if_due = [&] {
    if (!state.evaluation_due) return;
    const Rng rng =
        Rng(static_cast<std::uint64_t>(config.seed)).split(fmt::format("evaluation {}", state.step));
    const Evaluation done = evaluate(make_env, agent, config.eval_episodes, rng, callbacks.should_stop);
    if (static_cast<std::int64_t>(done.returns.size()) < config.eval_episodes) return;
    state.evaluation_due = false;
    callbacks.on_evaluation(state, done);
  };
  if (state.evaluation_due) {  // left over from a stop in the midst of it
    evaluate_if_due();
    if (state.evaluation_due) return;
    if (callbacks.on_checkpoint) callbacks.on_checkpoint(state);
  }
  if (state.in_episode) {
    env->set_state(state.env_state);
    env->observe(obs);
  }
  while (state.step < config.steps) {
    if (!state.in_episode) {
      env->reset(state.env_rng, obs);
      state.in_episode = true;
    }
    if (state.step < config.learning_starts) {
      state.action_rng.fill_uniform(std::span(action), -1, 1);
    } else {
      agent.act(obs, state.action_rng, action);
    }
    scale(action, scaled);
    const envs::Transition t = env->step(scaled, next_obs);
    if (t.diverged) {
      ++state.divergences;
    } else {
      buffer.add(obs, action, config.reward_scale * t.reward, next_obs, t.terminated);
    }
    std::swap(obs, next_obs);
    ++state.step;
    ++state.episode_length;
    state.episode_return += t.reward;

    for (std::int64_t i = 0; state.step > config.learning_starts && i < config.updates_per_step; ++i) {
      metrics = agent.update(buffer.sample(config.batch_size, state.sample_rng), state.noise_rng);
      ++state.updates;
      ++state.episode_updates;
      for (const auto metric : kMetrics) state.metric_sums.*metric += metrics.*metric;
    }
    if (t.terminated || t.truncated) finish_episode(state, t, callbacks);
    state.evaluation_due =
        callbacks.on_evaluation && config.eval_every > 0 && state.step % config.eval_every == 0;
    evaluate_if_due();
    if (callbacks.on_step) callbacks.on_step(state, metrics);
    const bool stop = callbacks.should_stop && callbacks.should_stop();
    const bool due = config.checkpoint_every > 0 && state.step % config.checkpoint_every == 0;
    if (stop || due || state.step == config.steps) {
      state.env_state = env->state();
      if (callbacks.on_checkpoint) callbacks.on_checkpoint(state);
    }
    if (stop) return;
  }
}

Evaluation evaluate(const EnvFactory& make_env, const Sac& agent, std::int64_t episodes, Rng rng,
                    const std::function<bool()>& should_stop) {
  const std::unique_ptr<envs::Env> env = make_env();
  const ActionScale scale(env->spec());
  std::vector<double> obs(static_cast<std::size_t>(env->spec().observation.size()));
  std::vector<double> action(static_cast<std::size_t>(env->spec().action.size())), scaled = action;
  Evaluation evaluation;
  for (std::int64_t i = 0; i < episodes; ++i) {
    env->reset(rng, obs);
    double ret = 0;
    std::int64_t length = 0;
    for (envs::Transition t; !t.terminated && !t.truncated; ++length) {
      if (should_stop && should_stop()) return evaluation;
      agent.act_deterministic(obs, action);
      scale(action, scaled);
      t = env->step(scaled, obs);
      ret += t.reward;
    }
    evaluation.returns.push_back(ret);
    evaluation.lengths.push_back(length);
  }
  return evaluation;
}

double Evaluation::mean() const {
  return std::accumulate(returns.begin(), returns.end(), 0.0) / static_cast<double>(returns.size());
}

double Evaluation::std() const {
  double sum = 0;
  for (const double r : returns) sum += (r - mean()) * (r - mean());
  return std::sqrt(sum / static_cast<double>(returns.size()));
}

double Evaluation::least() const { return *std::min_element(returns.begin(), returns.end()); }
double Evaluation::most() const { return *std::max_element(returns.begin(), returns.end()); }

}  // namespace saccade::rl
