#include "rl/training/train.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "rl/components/collector.h"

namespace saccade::rl {

namespace {

constexpr double UpdateMetrics::*kMetrics[] = {&UpdateMetrics::critic_loss, &UpdateMetrics::actor_loss,
                                               &UpdateMetrics::alpha_loss,  &UpdateMetrics::alpha,
                                               &UpdateMetrics::entropy,     &UpdateMetrics::q};

void finish_episode(TrainState& state, EnvCopy& copy, const envs::StepResult& last,
                    const TrainCallbacks& callbacks) {
  Episode episode;
  episode.number = ++state.episodes;
  episode.length = copy.episode_length;
  episode.ret = copy.episode_return;
  episode.terminated = last.terminated;
  episode.updates = copy.episode_updates;
  for (const auto metric : kMetrics) {
    episode.metrics.*metric =
        copy.metric_sums.*metric / static_cast<double>(std::max<std::int64_t>(1, episode.updates));
  }
  copy.in_episode = false;
  copy.episode_return = 0;
  copy.episode_length = copy.episode_updates = 0;
  copy.metric_sums = {};
  if (callbacks.on_episode) callbacks.on_episode(state, episode);
}

// Whether a multiple of `every` lies in (before, now]; of 0 there is none.
bool passed(std::int64_t every, std::int64_t before, std::int64_t now) {
  return every > 0 && now / every > before / every;
}

}  // namespace

TrainState::TrainState(const Rng& rng, std::int64_t envs)
    : action_rng(rng.split("action")), sample_rng(rng.split("sample")), noise_rng(rng.split("noise")) {
  for (std::int64_t i = 0; i < envs; ++i) {
    copies.emplace_back().rng = rng.split(i == 0 ? "env" : fmt::format("env {}", i));
  }
}

std::int64_t last_step(const Config& config) {
  return (config.steps + config.envs - 1) / config.envs * config.envs;
}

void train(const Config& config, const EnvFactory& make_env, Sac& agent, ReplayBuffer& buffer,
           TrainState& state, const TrainCallbacks& callbacks) {
  Collector rollout(config, make_env, state);
  UpdateMetrics metrics;
  const auto update = [&] {
    metrics = agent.update(buffer.sample(config.batch_size, state.sample_rng), state.noise_rng);
    ++state.updates;
    for (EnvCopy& copy : state.copies) {
      ++copy.episode_updates;
      for (const auto metric : kMetrics) copy.metric_sums.*metric += metrics.*metric;
    }
  };
  const auto evaluate_if_due = [&] {
    if (!state.evaluation_due) return;
    if (!callbacks.on_evaluation) {
      state.evaluation_due = false;
      return;
    }
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
  while (state.step < config.steps) {
    const std::int64_t before = state.step;
    rollout.step(agent, buffer, state);
    // The transitions of this round that came after learning_starts ask for updates.
    const std::int64_t learning =
        std::max<std::int64_t>(0, std::min(state.step - before, state.step - config.learning_starts));
    if (buffer.size() > 0) {  // none where every step so far has diverged
      for (std::int64_t i = 0; i < learning * config.updates_per_step; ++i) update();
    }
    for (std::size_t i = 0; i < state.copies.size(); ++i) {
      const envs::StepResult& t = rollout.transition(i);
      if (t.ends_episode()) finish_episode(state, state.copies[i], t, callbacks);
    }
    state.evaluation_due = callbacks.on_evaluation && passed(config.eval_every, before, state.step);
    evaluate_if_due();
    if (callbacks.on_step) callbacks.on_step(state, metrics);
    const bool stop = callbacks.should_stop && callbacks.should_stop();
    if (stop || passed(config.checkpoint_every, before, state.step) || state.step >= config.steps) {
      rollout.save(state);
      if (callbacks.on_checkpoint) callbacks.on_checkpoint(state);
    }
    if (stop) return;
  }
}

Evaluation run_episodes(envs::Env& env, const Act& act, std::int64_t episodes, Rng rng,
                        const std::function<bool()>& should_stop) {
  std::vector<double> obs(static_cast<std::size_t>(env.spec().observation.size()));
  std::vector<double> action(static_cast<std::size_t>(env.spec().action.size()));
  Evaluation evaluation;
  for (std::int64_t i = 0; i < episodes; ++i) {
    env.reset(rng, obs);
    double ret = 0;
    std::int64_t length = 0;
    for (envs::StepResult t; !t.ends_episode(); ++length) {
      if (should_stop && should_stop()) return evaluation;
      act(obs, action);
      t = env.step(action, obs);
      ret += t.reward;
      if (t.diverged) ++evaluation.divergences;
    }
    evaluation.returns.push_back(ret);
    evaluation.lengths.push_back(length);
  }
  return evaluation;
}

Evaluation evaluate(const EnvFactory& make_env, const Sac& agent, std::int64_t episodes, Rng rng,
                    const std::function<bool()>& should_stop) {
  const std::unique_ptr<envs::Env> env = make_env();
  const ActionScale scale(env->spec());
  const Act act = [&](std::span<const double> obs, std::span<double> action) {
    agent.act_deterministic(obs, action);
    scale(action, action);
  };
  return run_episodes(*env, act, episodes, std::move(rng), should_stop);
}

double Evaluation::mean() const {
  return std::accumulate(returns.begin(), returns.end(), 0.0) / static_cast<double>(returns.size());
}

double Evaluation::std() const {
  double sum = 0;
  for (const double r : returns) sum += (r - mean()) * (r - mean());
  return std::sqrt(sum / static_cast<double>(returns.size()));
}

double Evaluation::min() const { return *std::min_element(returns.begin(), returns.end()); }
double Evaluation::max() const { return *std::max_element(returns.begin(), returns.end()); }

}  // namespace saccade::rl
