#include "tools/bench/random_walk.h"

#include "envs/registry.h"

namespace saccade::bench {

RandomWalk::RandomWalk(const std::string& id)
    : env_(envs::make(id)),
      action_size_(env_->spec().action.low.size()),
      obs_(static_cast<std::size_t>(env_->spec().observation.size())) {
  const envs::Spec& spec = env_->spec();
  Rng rng(2);
  for (std::size_t i = 0; i < kSteps; ++i) {
    for (std::size_t j = 0; j < action_size_; ++j) {
      actions_.push_back(spec.discrete_actions > 0 ? static_cast<double>(rng.below(
                                                         static_cast<std::uint64_t>(spec.discrete_actions)))
                                                   : rng.uniform(spec.action.low[j], spec.action.high[j]));
    }
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
