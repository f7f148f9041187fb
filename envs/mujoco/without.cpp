// A build without MuJoCo.
#include <fmt/format.h>

#include "base/error.h"
#include "envs/mujoco/file_task.h"
#include "envs/mujoco/tasks.h"

namespace saccade::envs {

std::string mujoco_version() { return ""; }

namespace {

[[noreturn]] void refuse(const std::string& name) {
  throw ConfigError(
      fmt::format("{} needs MuJoCo, and this build has none: install libmujoco-dev and build again", name));
}

}  // namespace

std::unique_ptr<Env> make_mujoco(const std::string& id) { refuse(id); }

std::unique_ptr<Env> make_file_task(const std::shared_ptr<const TaskFile>& file) { refuse(file->source); }

}  // namespace saccade::envs
