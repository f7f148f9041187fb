#include "rl/components/collector.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"
#include "rl/components/exploration_noise.h"
#include "rl/training/train.h"

namespace saccade::rl {

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

Collector::Collector(const Config& config, const EnvFactory& make_env, const TrainState& state)
    : config_(config),
      envs_(make_env, config.envs),
      scale_(envs_.spec()),
      obs_(envs_.size(), envs_.spec().observation.size()),
      next_obs_(obs_),
      action_(envs_.size(), envs_.spec().action.size()),
      scaled_(action_),
      noise_(action_),
      transitions_(envs_.size()) {
  if (state.copies.size() != envs_.size()) {
    throw ConfigError(fmt::format("envs is {}, but the state given is one of {} copies of the environment",
                                  config.envs, state.copies.size()));
  }
  for (std::size_t i = 0; i < envs_.size(); ++i) {
    if (!state.copies[i].in_episode) continue;
    envs_[i].set_state(state.copies[i].state);
    envs_[i].observe(obs_[i]);
  }
}

void Collector::step(Sac& agent, ReplayBuffer& buffer, TrainState& state) {
  begin_episodes(state);
  choose_actions(agent, state);
  envs_.for_each([&](std::size_t i) {
    scale_(action_[i], scaled_[i]);
    transitions_[i] = envs_[i].step(scaled_[i], next_obs_[i]);
  });
  for (std::size_t i = 0; i < envs_.size(); ++i) {
    const envs::StepResult& t = transitions_[i];
    if (t.diverged) {
      ++state.divergences;
    } else {
      agent.observe(obs_[i]);
      buffer.add(obs_[i], action_[i], config_.reward_scale * t.reward, next_obs_[i], t.terminated);
    }
    ++state.copies[i].episode_length;
    state.copies[i].episode_return += t.reward;
  }
  std::swap(obs_, next_obs_);
  state.step += config_.envs;
}

void Collector::save(TrainState& state) {
  for (std::size_t i = 0; i < envs_.size(); ++i) state.copies[i].state = envs_[i].state();
}

void Collector::begin_episodes(TrainState& state) {
  for (std::size_t i = 0; i < envs_.size(); ++i) {
    if (state.copies[i].in_episode) continue;
    envs_[i].reset(state.copies[i].rng, obs_[i]);
    state.copies[i].in_episode = true;
  }
}

void Collector::choose_actions(const Sac& agent, TrainState& state) {
  const bool random = state.step < config_.learning_starts;
  if (config_.exploration == "gaussian") {
    if (random) {
      state.action_rng.fill_uniform(std::span(action_.all), -1, 1);
    } else {
      agent.act(obs_.all, state.action_rng, action_.all);
    }
    return;
  }
  pink_noise(state.exploration, state.action_rng, noise_.all);
  if (random) {  // uniform, each by itself: x is standard normal, and 2 Phi(x) - 1 = erf(x / sqrt 2)
    std::transform(noise_.all.begin(), noise_.all.end(), action_.all.begin(),
                   [](double x) { return std::erf(x / std::numbers::sqrt2); });
  } else {
    agent.act(obs_.all, noise_.all, action_.all);
  }
}

}  // namespace saccade::rl
