// The environments against Gymnasium's recorded trajectories and constants.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <numbers>
#include <span>
#include <string>
#include <vector>

#include "base/rng.h"
#include "envs/env.h"
#include "envs/mountain_car_continuous.h"
#include "envs/pendulum.h"
#include "envs/registry.h"
#include "tests/env_helpers.h"
#include "tests/reference_data.h"

using saccade::Rng;
using namespace saccade::envs;
using namespace saccade::tests;

namespace {

const nlohmann::json& gym() {
  static const nlohmann::json file = reference("gym_classic.json");
  return file;
}

// Sets the bare environment's part of a state that may go on, with a time limit's count for one.
void seat(Env& env, const std::vector<double>& bare_state) {
  std::vector<double> state = env.state();
  REQUIRE(state.size() >= bare_state.size());
  std::copy(bare_state.begin(), bare_state.end(), state.begin());
  env.set_state(state);
}

std::vector<double> bare_state(const Env& env, std::size_t size) {
  std::vector<double> state = env.state();
  state.resize(size);
  return state;
}

// The arithmetic is Gymnasium's, in float64 and in the same order. Only sin, cos and pow are another
// library's, and differ by a unit or two in the last place: after one step by that much of a number near 1,
// or of the result if that is larger.
bool is_near(double ours, double theirs) {
  return std::abs(ours - theirs) <=
         4 * std::numeric_limits<double>::epsilon() * std::max(1.0, std::abs(theirs));
}

// What Gymnasium rounds to float32 must be a float32 here too, and the same one, save where that last float64
// unit tips the rounding over to the next.
bool is_near_float32(double ours, double theirs) {
  const bool is_float32 = ours == static_cast<double>(static_cast<float>(ours));
  const double ulp = std::abs(theirs) * static_cast<double>(std::numeric_limits<float>::epsilon());
  return is_float32 && std::abs(ours - theirs) <= ulp + std::numeric_limits<double>::epsilon();
}

void check_numbers(const std::string& what, const std::vector<double>& ours,
                   const std::vector<double>& theirs, const std::string& dtype) {
  REQUIRE(ours.size() == theirs.size());
  for (std::size_t i = 0; i < ours.size(); ++i) {
    INFO(fmt::format("{}[{}]: ours {}, Gymnasium's {}", what, i, ours[i], theirs[i]));
    CHECK((dtype == "float32" ? is_near_float32(ours[i], theirs[i]) : is_near(ours[i], theirs[i])));
  }
}

// One step at a time from the recorded states, but with a step count of the environment's own, so that
// `truncated` is checked too. A trajectory that goes on past its end goes on here in a new episode.
void run_trajectory(const nlohmann::json& trajectory) {
  const std::unique_ptr<Env> env = make(trajectory.at("env_id").get<std::string>());
  const std::string obs_dtype = trajectory.at("obs_dtype");
  std::vector<double> state = numbers(trajectory.at("init_state"));

  Rng rng(0);
  reset(*env, rng);
  seat(*env, state);
  check_numbers("init_obs", observation_of(*env), numbers(trajectory.at("init_obs")), obs_dtype);

  for (std::size_t t = 0; t < trajectory.at("actions").size(); ++t) {
    INFO("step " << t);
    seat(*env, state);
    const auto [transition, observation] = step(*env, numbers(trajectory.at("actions")[t]));
    state = numbers(trajectory.at("states")[t]);

    check_numbers("state", bare_state(*env, state.size()), state, trajectory.at("state_dtype_after_step"));
    check_numbers("obs", observation, numbers(trajectory.at("obs")[t]), obs_dtype);
    check_numbers("reward", {transition.reward}, {number(trajectory.at("rewards")[t])}, "float64");
    CHECK(transition.terminated == trajectory.at("terminated")[t].get<bool>());
    CHECK(transition.truncated == trajectory.at("truncated")[t].get<bool>());
    CHECK(observation == observation_of(*env));
    CHECK(is_inside(observation, env->spec().observation));

    if (over(transition)) reset(*env, rng);
  }
}

}  // namespace

TEST_CASE("every recorded trajectory of an environment we have is Gymnasium's, step for step", "[envs]") {
  const std::vector<std::string> known = ids();
  int run = 0, skipped = 0;
  for (const nlohmann::json& trajectory : gym().at("trajectories")) {
    const std::string id = trajectory.at("env_id");
    if (std::find(known.begin(), known.end(), id) == known.end()) {
      ++skipped;
      continue;
    }
    INFO(id << ", " << trajectory.at("name").get<std::string>());
    run_trajectory(trajectory);
    ++run;
  }
  INFO(run << " run, " << skipped << " skipped");
  CHECK(run >= 20);
}

TEST_CASE("the constants are Gymnasium's", "[envs]") {
  using P = Pendulum;
  using M = MountainCarContinuous;
  const std::map<std::string, std::map<std::string, double>> ours = {
      {"Pendulum-v1",
       {{"max_speed", P::kMaxSpeed},
        {"max_torque", P::kMaxTorque},
        {"dt", P::kTimeStep},
        {"g", P::kGravity},
        {"m", P::kMass},
        {"l", P::kLength},
        {"time_limit", P::kMaxEpisodeSteps}}},
      {"MountainCarContinuous-v0",
       {{"min_action", M::kMinAction},
        {"max_action", M::kMaxAction},
        {"min_position", M::kMinPosition},
        {"max_position", M::kMaxPosition},
        {"max_speed", M::kMaxSpeed},
        {"goal_position", M::kGoalPosition},
        {"goal_velocity", M::kGoalVelocity},
        {"power", M::kPower},
        {"gravity", M::kGravity},
        {"time_limit", M::kMaxEpisodeSteps}}},
  };
  for (const auto& [id, constants] : ours) {
    for (const auto& [name, theirs] : gym().at("constants").at(id).items()) {
      if (!theirs.is_number()) continue;  // prose
      INFO(id << ", " << name);
      REQUIRE(constants.count(name) == 1);
      CHECK(constants.at(name) == number(theirs));
    }
  }
}
