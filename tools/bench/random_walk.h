// An environment under random actions, for timing.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/rng.h"
#include "envs/env.h"

namespace saccade::bench {

/// kSteps steps that are drawn once, in episodes that begin anew as they end. After the last one the walk
/// begins again, with the same first episode: every round is the same.
class RandomWalk {
 public:
  static constexpr std::size_t kSteps = 1024;

  explicit RandomWalk(const std::string& id);

  /// Whether step() will begin an episode first, and that beginning by itself.
  bool at_start() const { return at_start_; }
  void reset();

  std::span<const double> action() const { return {actions_.data() + next_ * action_size_, action_size_}; }
  void step();

  const envs::Env& env() const { return *env_; }

 private:
  std::unique_ptr<envs::Env> env_;
  Rng rng_{1};
  std::size_t action_size_, next_ = 0;
  std::vector<double> actions_, obs_;
  bool at_start_ = true;
};

}  // namespace saccade::bench
