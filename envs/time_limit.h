// An environment whose episodes are cut short after a number of steps.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "envs/env.h"

namespace saccade::envs {

/// Truncates at the wrapped environment's spec().max_episode_steps, or where `limit` says; termination is
/// left to that environment, and both may happen in one step. A step outside an episode, that is before
/// reset() or after the end, is an Error. State: that of the wrapped environment, then the number of steps
/// left in the episode, 0 outside one.
class TimeLimit final : public Env {
 public:
  /// Throws ConfigError where neither the spec nor `limit` gives one.
  explicit TimeLimit(std::unique_ptr<Env> env, std::int64_t limit = 0);

  const Spec& spec() const override { return spec_; }
  void reset(Rng& rng, std::span<double> observation) override;
  StepResult step(std::span<const double> action, std::span<double> observation) override;
  std::vector<double> state() const override;
  void set_state(std::span<const double> state) override;
  void observe(std::span<double> observation) const override { env_->observe(observation); }
  Scene scene() const override { return env_->scene(); }
  const TransitionTable* transitions() const override { return env_->transitions(); }

 private:
  std::unique_ptr<Env> env_;
  Spec spec_;
  std::int64_t steps_left_ = 0;
};

}  // namespace saccade::envs
