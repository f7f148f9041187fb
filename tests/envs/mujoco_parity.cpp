// The MuJoCo tasks against the facts and trajectories of Gymnasium's.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <string>
#include <vector>

#include "envs/mujoco/env.h"
#include "envs/mujoco/tasks.h"
#include "envs/registry.h"
#include "envs/trajectory.h"
#include "tests/support/catch.h"
#include "tests/support/reference_data.h"

using namespace saccade;
using namespace saccade::tests;

namespace {

// "mujoco/ant_v5.json" for "Ant-v5", "mujoco/ant.json" for "Ant-v4".
std::string file_of(const std::string& id) {
  std::string name = id.substr(0, id.find('-'));
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return fmt::format("mujoco/{}{}.json", name, id.ends_with("-v5") ? "_v5" : "");
}

// The same library on the same inputs: all that may differ is the rounding of the last digit of a sum or of a
// sine, which the physics of a step then carries on.
constexpr double kTolerance = 2.5e-13;

}  // namespace

TEST_CASE("sizes, action ranges, time limits and thresholds are those of the facts", "[mujoco]") {
  for (const std::string& id : envs::mujoco_ids()) {
    INFO(id);
    const nlohmann::json facts = reference(file_of(id)).at("facts");
    CHECK(facts.at("id") == id);
    const envs::Spec spec = envs::make(id)->spec();
    CHECK(spec.id == id);
    CHECK(envs::size_of(spec.observation_space) == facts.at("obs_dim"));
    CHECK(envs::size_of(spec.action_space) == facts.at("act_dim"));
    CHECK(envs::bounds_of(spec.action_space).low == numbers(facts.at("action_low")));
    CHECK(envs::bounds_of(spec.action_space).high == numbers(facts.at("action_high")));
    CHECK(spec.max_episode_steps == facts.at("max_episode_steps"));
    const nlohmann::json threshold = spec.reward_threshold ? nlohmann::json(*spec.reward_threshold) : nullptr;
    CHECK(threshold == facts.at("reward_threshold"));
    CHECK(std::holds_alternative<envs::Box>(spec.action_space));
  }
}

TEST_CASE("every recorded trajectory of a MuJoCo task is Gymnasium's, step for step", "[mujoco]") {
  for (const std::string& id : envs::mujoco_ids()) {
    const std::vector<envs::Trajectory> trajectories =
        envs::read_trajectories(reference_path(file_of(id)), id);
    CHECK(trajectories.size() == reference(file_of(id)).at("trajectories").size());
    for (const envs::Trajectory& trajectory : trajectories) {
      envs::Compared worst;
      double worst_error = 0;
      envs::replay(id, trajectory, [&](const envs::Compared& compared) {
        if (envs::error_of(compared) <= worst_error) return;
        worst = compared;
        worst_error = envs::error_of(compared);
      });
      INFO(fmt::format("{}, {}, step {}, {}[{}]: ours {}, Gymnasium's {}", id, trajectory.name, worst.step,
                       worst.quantity, worst.coordinate, worst.ours, worst.theirs));
      CHECK(worst_error <= kTolerance);
    }
  }
}
