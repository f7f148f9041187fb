// The floor of a MuJoCo task's step.
#pragma once

#include <string>

#include "tools/bench/work.h"

namespace saccade::bench {

/// The physics of env_step() in a bare loop over libmujoco: the same actions from the same starts, mj_step as
/// often as the task has it, and mj_rnePostConstraint where the task needs contact forces.
Work physics_step(const std::string& id);

}  // namespace saccade::bench
