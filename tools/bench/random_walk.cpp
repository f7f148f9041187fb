#include "tools/bench/random_walk.h"

#include "envs/registry.h"

namespace saccade::bench {

RandomWalk::RandomWalk(const std::string& id)
    : env_(envs::make(id)),
      action_size_(envs::size_of(env_->spec().action_space)),
      obs_(envs::size_of(env_->spec().observation_space)) {
  const envs::Spec& spec = env_->spec();
  Rng rng(2);
  for (std::size_t i = 0; i < kSteps; ++i) {
    actions_.resize(actions_.size() + action_size_);
    envs::sample(spec.action_space, rng, std::span(actions_).last(action_size_));
  }
}

void RandomWalk::reset() {
  if (next_ == 0) rng_ = Rng(1);
  env_->reset(rng_, obs_);
  at_start_ = false;
}

void RandomWalk::step() {
  if (at_start_) reset();
  const envs::StepResult t = env_->step(action(), obs_);
  next_ = (next_ + 1) % kSteps;
  at_start_ = t.ends_episode() || next_ == 0;
}

}  // namespace saccade::bench
