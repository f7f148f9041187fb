// A build without MuJoCo.
#include <fmt/format.h>

#include "base/error.h"
#include "envs/mujoco/tasks.h"

namespace saccade::envs {

std::string mujoco_version() { return ""; }

std::unique_ptr<Env> make_mujoco(const std::string& id) {
  throw ConfigError(
      fmt::format("{} needs MuJoCo, and this build has none: install libmujoco-dev and build again", id));
}

}  // namespace saccade::envs
