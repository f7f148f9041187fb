// From an agent's actions to the environment's.
#pragma once

#include <span>
#include <vector>

#include "envs/env.h"

namespace saccade::rl {

/// Stretches [-1, 1] to the box of actions, affinely; the choice of a discrete action stays as it is.
class ActionScale {
 public:
  /// ConfigError for a box that is not bounded.
  explicit ActionScale(const envs::Spec& spec);
  void operator()(std::span<const double> action, std::span<double> scaled) const;

 private:
  std::vector<double> middle_, half_;
};

}  // namespace saccade::rl
