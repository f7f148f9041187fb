// A build without MuJoCo knows its tasks, and says why it has none.
#include <string>

#include "base/error.h"
#include "envs/mujoco/tasks.h"
#include "envs/registry.h"
#include "tests/support/catch.h"

using namespace saccade;

TEST_CASE("a task that this build lacks is an error that says what to install", "[envs]") {
  CHECK(envs::unavailable_ids().size() == 20);
  CHECK(envs::mujoco_version().empty());
  CHECK(envs::canonical_id("halfcheetah") == "HalfCheetah-v5");
  CHECK_THROWS_AS(envs::make("HalfCheetah-v4"), ConfigError);
  CHECK_THROWS_WITH(
      envs::make("HalfCheetah-v4"),
      "HalfCheetah-v4 needs MuJoCo, and this build has none: install libmujoco-dev and build again");
}

TEST_CASE("a task file in a build without MuJoCo is an error of one line", "[envs]") {
  const std::string path = SACCADE_SOURCE_DIR "/tests/envs/tasks/half_cheetah_v4.json";
  CHECK(envs::is_known(path));
  CHECK_THROWS_WITH(envs::make(path),
                    path + " needs MuJoCo, and this build has none: install libmujoco-dev and build again");
}
