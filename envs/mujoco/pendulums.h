// The MuJoCo tasks of balancing poles on a cart: InvertedPendulum and InvertedDoublePendulum.
#pragma once

#include <memory>
#include <string>

#include "envs/env.h"

namespace saccade::envs {

/// The task of this id, or null if it is neither.
std::unique_ptr<Env> make_pole(const std::string& id);

}  // namespace saccade::envs
