#include "rl/tabular/q_learning.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"
#include "rl/tabular/solve.h"

namespace saccade::rl {

QLearning::QLearning(std::int64_t states, std::int64_t actions, const QLearningConfig& config)
    : config_(config), actions_(actions) {
  const auto check = [](const char* name, double value, bool fits, const char* expected) {
    if (!fits) throw ConfigError(fmt::format("{} is {}; expected {}", name, value, expected));
  };
  check("gamma", config.gamma, 0 <= config.gamma && config.gamma < 1, "a number from 0 to below 1");
  check("alpha", config.alpha, 0 <= config.alpha && std::isfinite(config.alpha),
        "a finite number that is at least 0");
  check("epsilon", config.epsilon, 0 <= config.epsilon && config.epsilon <= 1, "a number from 0 to 1");
  if (states < 1 || actions < 1) {
    throw ConfigError(
        fmt::format("{} states and {} actions were given; expected one of each at least", states, actions));
  }
  q_.assign(entry(states, 0), 0);
  visits_.assign(entry(states, 0), 0);
}

void QLearning::update(std::int64_t state, std::int64_t action, double reward, std::int64_t next,
                       bool terminated) {
  double& q = q_[entry(state, action)];
  const auto n = static_cast<double>(++visits_[entry(state, action)]);
  const double eta = 1 / (1 + (1 - config_.gamma) * n);
  const double y = reward + (terminated ? 0 : config_.gamma * value(next));
  q += eta * (y - q);
}

std::int64_t QLearning::act(std::int64_t state, Rng& rng) const {
  if (rng.uniform() < config_.epsilon)
    return static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(actions_)));
  const std::span<const double> q = q_of(state);
  if (config_.alpha == 0) return std::max_element(q.begin(), q.end()) - q.begin();
  const double v = value(state);
  double left = rng.uniform();
  std::int64_t a = 0;
  for (; a + 1 < actions_; ++a) {
    left -= std::exp((q[static_cast<std::size_t>(a)] - v) / config_.alpha);
    if (left < 0) break;
  }
  return a;
}

std::span<const double> QLearning::q_of(std::int64_t state) const {
  return std::span(q_).subspan(entry(state, 0), static_cast<std::size_t>(actions_));
}

double QLearning::value(std::int64_t state) const { return soft_value(q_of(state), config_.alpha); }

std::int64_t QLearning::visits(std::int64_t state, std::int64_t action) const {
  return visits_[entry(state, action)];
}

void learn(QLearning& agent, envs::Env& env, std::int64_t steps, Rng& rng) {
  const envs::Spec& spec = env.spec();
  if (!std::holds_alternative<envs::Discrete>(spec.observation_space) ||
      !std::holds_alternative<envs::Discrete>(spec.action_space)) {
    throw ConfigError(fmt::format(
        "{} has continuous observations or actions; Q-learning in a table needs discrete ones", spec.id));
  }
  std::array<double, 1> observation{}, action{};
  envs::StepResult result{.terminated = true};
  for (std::int64_t t = 0; t < steps; ++t) {
    if (result.ends_episode()) env.reset(rng, observation);
    const auto state = static_cast<std::int64_t>(observation[0]);
    const std::int64_t choice = agent.act(state, rng);
    action[0] = static_cast<double>(choice);
    result = env.step(action, observation);
    agent.update(state, choice, result.reward, static_cast<std::int64_t>(observation[0]), result.terminated);
  }
}

}  // namespace saccade::rl
