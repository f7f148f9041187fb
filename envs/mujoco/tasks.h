// The MuJoCo tasks by id. A build without MuJoCo knows them too, but has none of them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "envs/env.h"

namespace saccade::envs {

/// The version of the libmujoco that runs, such as "2.2.2", or "" in a build without it.
std::string mujoco_version();

/// "HalfCheetah-v4" and so on, whether or not this build has them.
std::vector<std::string> mujoco_ids();

/// The task of one of these ids, without a time limit. Throws ConfigError in a build without MuJoCo.
std::unique_ptr<Env> make_mujoco(const std::string& id);

}  // namespace saccade::envs
