// What an environment does from a seed: the same here as in Python, whose tests read the same file.
#include <algorithm>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "envs/registry.h"
#include "tests/support/catch.h"
#include "tests/support/reference_data.h"

using namespace saccade;
using namespace saccade::tests;

TEST_CASE("episodes from a seed are those recorded", "[envs]") {
  const nlohmann::json file = reference("env_seeds.json");
  const std::vector<std::string> available = envs::ids();
  for (const nlohmann::json& recording : file.at("recordings")) {
    const std::string id = recording.at("id");
    CAPTURE(id);
    if (std::find(available.begin(), available.end(), id) == available.end()) continue;
    const std::unique_ptr<envs::Env> env = envs::make(id);
    Rng rng(recording.at("seed").get<std::uint64_t>());
    std::vector<double> obs(envs::size_of(env->spec().observation_space));
    const auto check = [&](const nlohmann::json& expected) {
      const auto numbers = expected.get<std::vector<double>>();
      REQUIRE(numbers.size() == obs.size());
      for (std::size_t i = 0; i < obs.size(); ++i) {
        CAPTURE(i);
        CHECK(std::abs(obs[i] - numbers[i]) <= 1e-9 * std::max(1.0, std::abs(numbers[i])));
      }
    };
    env->reset(rng, obs);
    check(recording.at("first_obs"));
    for (std::size_t t = 0; t < recording.at("actions").size(); ++t) {
      CAPTURE(t);
      const auto action = recording.at("actions")[t].get<std::vector<double>>();
      const envs::StepResult result = env->step(action, obs);
      const double expected = recording.at("rewards")[t];
      CHECK(std::abs(result.reward - expected) <= 1e-9 * std::max(1.0, std::abs(expected)));
      check(recording.at("obs")[t]);
      CHECK(result.ends_episode() == recording.at("ends")[t].get<bool>());
      if (!result.ends_episode()) continue;
      env->reset(rng, obs);
      check(recording.at("next_first_obs"));
      break;
    }
  }
}

TEST_CASE("an environment without its time limit goes on", "[envs]") {
  const std::unique_ptr<envs::Env> env = envs::make_untimed("pendulum");
  Rng rng(1);
  std::vector<double> obs(3);
  const std::vector<double> action = {0};
  env->reset(rng, obs);
  for (int t = 0; t < 1000; ++t) REQUIRE_FALSE(env->step(action, obs).ends_episode());
}
