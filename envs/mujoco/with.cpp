// A build with MuJoCo.
#include <mujoco/mujoco.h>

#include "envs/mujoco/arms.h"
#include "envs/mujoco/locomotion.h"
#include "envs/mujoco/pendulums.h"
#include "envs/mujoco/tasks.h"

namespace saccade::envs {

std::string mujoco_version() { return mj_versionString(); }

std::unique_ptr<Env> make_mujoco(const std::string& id) {
  for (const auto make : {make_locomotion, make_arm, make_pole}) {
    if (std::unique_ptr<Env> env = make(id)) return env;
  }
  return nullptr;
}

}  // namespace saccade::envs
