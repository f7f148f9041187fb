// Environments by their names.
#include "envs/registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "tests/support/catch.h"

using saccade::ConfigError;
using namespace saccade::envs;
using Catch::Contains;

TEST_CASE("a name is an id, in any case of letters, with or without its version", "[envs]") {
  for (const char* name : {"Pendulum-v1", "pendulum-V1", "Pendulum", "pendulum"}) {
    CHECK(canonical_id(name) == "Pendulum-v1");
    CHECK(make(name)->spec().id == "Pendulum-v1");
  }
  CHECK(canonical_id("mountaincarcontinuous") == "MountainCarContinuous-v0");
  const std::vector<std::string> all = ids();
  for (const char* id : {"Pendulum-v1", "MountainCarContinuous-v0", "CartPole-v1", "Acrobot-v1"})
    CHECK(std::count(all.begin(), all.end(), id) == 1);
}

TEST_CASE("a name that is not known is an error that helps", "[envs]") {
  CHECK_THROWS_AS(make("Pendulm-v1"), ConfigError);
  CHECK_THROWS_AS(canonical_id(""), ConfigError);
  for (const char* name : {"Pendulm-v1", "pendulm", "PENDULUM-v7", "pendulum-"}) {
    CHECK_THROWS_WITH(make(name), Contains(fmt::format("no environment is called \"{}\"", name)) &&
                                      Contains("did you mean Pendulum-v1?") &&
                                      !Contains("MountainCarContinuous-v0"));
  }
  CHECK_THROWS_WITH(make("mountain_car_continuous"), Contains("did you mean MountainCarContinuous-v0?"));
  CHECK_THROWS_WITH(make("chess"),
                    !Contains("did you mean") && Contains("Available: ") && Contains("Pendulum-v1"));
}

TEST_CASE("a task counts as solved at a threshold of its own", "[envs]") {
  const std::pair<const char*, double> thresholds[] = {
      {"Acrobot-v1", -100}, {"CartPole-v1", 475}, {"MountainCarContinuous-v0", 90}, {"Pendulum-v1", -200}};
  for (const auto& [id, threshold] : thresholds) {
    INFO(id);
    REQUIRE(make(id)->spec().reward_threshold.has_value());
    CHECK(*make(id)->spec().reward_threshold == threshold);
  }
}
