#include "envs/mujoco/tasks.h"

namespace saccade::envs {

std::vector<std::string> mujoco_ids() {
  std::vector<std::string> ids;
  for (const char* name : {"Ant", "HalfCheetah", "Hopper", "Humanoid", "InvertedDoublePendulum",
                           "InvertedPendulum", "Pusher", "Reacher", "Swimmer", "Walker2d"}) {
    for (const char* version : {"-v4", "-v5"}) ids.push_back(std::string(name) + version);
  }
  return ids;
}

}  // namespace saccade::envs
