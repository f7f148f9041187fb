#include "rl/components/collector.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <variant>

#include "base/error.h"
#include "nn/team.h"

namespace saccade::rl {

namespace {

// [-1, 1] in n equal parts, one a choice.
double choice_at(double x, std::int64_t n) {
  const auto parts = static_cast<double>(n);
  return std::min(std::floor((x + 1) / 2 * parts), parts - 1);
}

}  // namespace

Collector::Collector(const OffPolicyConfig& config, VectorEnv& envs, const Agent& agent,
                     const TrainState& state)
    : config_(config),
      envs_(envs),
      scale_(envs_.spec()),
      obs_(envs_.size(), envs::size_of(envs_.spec().observation_space)),
      next_obs_(obs_),
      action_(envs_.size(), envs::size_of(envs_.spec().action_space)),
      scaled_(action_),
      noise_(envs_.size(), static_cast<std::size_t>(agent.noise_size())),
      exploration_(make_noise(config, envs_.size(), noise_.width)),
      n_step_(config.n_step, agent.discount(), envs_.size(), obs_.width, action_.width),
      results_(envs_.size()) {
  if (state.copies.size() != envs_.size()) {
    throw ConfigError(fmt::format("envs is {}, but the state given is one of {} copies of the environment",
                                  envs_.size(), state.copies.size()));
  }
  exploration_->set_state(state.exploration);
  n_step_.set_state(state.n_step);
  for (std::size_t i = 0; i < envs_.size(); ++i) {
    if (state.copies[i].in_episode) envs_.set_state(i, state.copies[i].state, obs_[i]);
  }
}

void Collector::step(Agent& agent, ReplayBuffer& buffer, TrainState& state) {
  begin_episodes(state);
  choose_actions(agent, state);
  for (std::size_t i = 0; i < envs_.size(); ++i) scale_(action_[i], scaled_[i]);
  envs_.step(scaled_.all, next_obs_.all, results_);
  for (std::size_t i = 0; i < envs_.size(); ++i) {
    if (envs_.began(i)) continue;
    const envs::StepResult& result = results_[i];
    if (!std::isfinite(result.reward) && !result.diverged) {
      throw Error(fmt::format("{}: the reward of step {} is {}, expected a finite number", envs_.spec().id,
                              state.step, result.reward));
    }
    if (result.diverged) {
      ++state.divergences;
    } else if (nn::team() == nullptr) {
      agent.observe(obs_[i]);  // in a team, each takes in what all have observed: training/meeting.h
    }
    const std::span<const NStep::Transition> complete =
        result.diverged ? n_step_.cut(i, obs_[i])
                        : n_step_.step(i, obs_[i], action_[i], config_.reward_scale * result.reward,
                                       next_obs_[i], result.terminated, result.ends_episode());
    for (const NStep::Transition& t : complete) {
      buffer.add(t.obs, t.action, t.reward, t.next_obs, t.terminated, t.discount);
    }
    ++state.copies[i].episode_length;
    state.copies[i].episode_return += result.reward;
  }
  std::swap(obs_, next_obs_);
  state.step += static_cast<std::int64_t>(envs_.size()) * nn::team_size();
}

void Collector::save(TrainState& state) const {
  for (std::size_t i = 0; i < envs_.size(); ++i) state.copies[i].state = envs_.state(i);
  state.exploration = exploration_->state();
  state.n_step = n_step_.state();
}

void Collector::begin_episodes(TrainState& state) {
  for (std::size_t i = 0; i < envs_.size(); ++i) {
    if (state.copies[i].in_episode) continue;
    envs_.reset(i, state.copies[i].rng, obs_[i]);
    exploration_->begin_episode(i);
    state.copies[i].in_episode = true;
  }
}

void Collector::choose_actions(const Agent& agent, TrainState& state) {
  if (state.step < config_.learning_starts) {
    exploration_->next_uniform(state.action_rng, action_.all);  // in [-1, 1]
    if (const auto* space = std::get_if<envs::Discrete>(&envs_.spec().action_space)) {
      for (double& a : action_.all) a = choice_at(a, space->n);
    }
    return;
  }
  exploration_->next(state.action_rng, noise_.all);
  agent.act(obs_.all, noise_.all, ActMode::explore, action_.all);
}

}  // namespace saccade::rl
