#include "envs/time_limit.h"

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "base/error.h"
#include "envs/checks.h"

namespace saccade::envs {

TimeLimit::TimeLimit(std::unique_ptr<Env> env, std::int64_t limit)
    : env_(std::move(env)), spec_(env_->spec()) {
  if (limit != 0) spec_.max_episode_steps = limit;
  if (spec().max_episode_steps > 0) return;
  throw ConfigError(fmt::format("{}: max_episode_steps is {}, but a time limit of at least 1 is expected",
                                spec().id, spec().max_episode_steps));
}

void TimeLimit::reset(Rng& rng, std::span<double> observation) {
  env_->reset(rng, observation);
  steps_left_ = spec().max_episode_steps;
}

StepResult TimeLimit::step(std::span<const double> action, std::span<double> observation) {
  if (steps_left_ == 0) {
    throw Error(fmt::format("{}: step() outside an episode: call reset() first, and again after each end",
                            spec().id));
  }
  StepResult result = env_->step(action, observation);
  --steps_left_;
  if (steps_left_ == 0) result.truncated = true;
  if (result.ends_episode()) steps_left_ = 0;
  return result;
}

std::vector<double> TimeLimit::state() const {
  std::vector<double> state = env_->state();
  state.push_back(static_cast<double>(steps_left_));
  return state;
}

void TimeLimit::set_state(std::span<const double> state) {
  if (state.empty()) check_state(spec(), state, env_->state().size() + 1);
  const double steps_left = state.back();
  const std::int64_t limit = spec().max_episode_steps;
  if (steps_left < 0 || steps_left > static_cast<double>(limit) || steps_left != std::floor(steps_left)) {
    throw Error(
        fmt::format("{}: a state with {} steps left was given, but a whole number from 0 to {} is expected",
                    spec().id, steps_left, limit));
  }
  env_->set_state(state.first(state.size() - 1));
  steps_left_ = static_cast<std::int64_t>(steps_left);
}

}  // namespace saccade::envs
