// Any text as a file of trajectories: it is replayed or refused by an Error.
#include "envs/trajectory.h"

#include "base/error.h"
#include "tests/fuzz/fuzz.h"

using namespace saccade;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string path = fuzz::write_scratch("trajectories.json", fuzz::text_of(data, size));
  for (const char* id : {"Pendulum-v1", "CartPole-v1", "Acrobot-v1"}) {
    try {
      for (const envs::Trajectory& trajectory : envs::read_trajectories(path, id)) {
        envs::replay(id, trajectory, [](const envs::Compared& compared) { envs::error_of(compared); });
      }
    } catch (const Error&) {
    }
  }
  return 0;
}
