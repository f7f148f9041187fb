// The MuJoCo tasks of an arm: Reacher and Pusher.
#pragma once

#include <memory>
#include <string>

#include "envs/env.h"

namespace saccade::envs {

/// The task of this id, or null if it is neither.
std::unique_ptr<Env> make_arm(const std::string& id);

}  // namespace saccade::envs
