// The environments against Gymnasium's recorded trajectories and constants.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "envs/classic/acrobot.h"
#include "envs/classic/cart_pole.h"
#include "envs/classic/mountain_car_continuous.h"
#include "envs/classic/pendulum.h"
#include "envs/env.h"
#include "envs/registry.h"
#include "envs/trajectory.h"
#include "tests/support/catch.h"
#include "tests/support/env_helpers.h"
#include "tests/support/reference_data.h"

using namespace saccade::envs;
using namespace saccade::tests;

namespace {

const nlohmann::json& gym() {
  static const nlohmann::json file = reference("gym_classic.json");
  return file;
}

// The arithmetic is Gymnasium's, in float64 and in the same order. Only sin, cos and pow are another
// library's, and differ by a unit or two in the last place: after one step by that much of a number near 1,
// or of the result if that is larger. Acrobot's step of four stages, at speeds of up to 28, makes more of it.
bool is_near(const std::string& id, double ours, double theirs) {
  const double units = id == "Acrobot-v1" ? 20 : 4;
  return std::abs(ours - theirs) <=
         units * std::numeric_limits<double>::epsilon() * std::max(1.0, std::abs(theirs));
}

// A number that Gymnasium rounds to float32 must be a float32 here too, and the same one, save where that
// last float64 unit tips the rounding over to the next.
bool is_near_float32(double ours, double theirs) {
  const bool is_float32 = ours == static_cast<double>(static_cast<float>(ours));
  const double ulp = std::abs(theirs) * static_cast<double>(std::numeric_limits<float>::epsilon());
  return is_float32 && std::abs(ours - theirs) <= ulp + std::numeric_limits<double>::epsilon();
}

bool is_same(const std::string& id, const saccade::envs::Compared& c) {
  // MountainCarContinuous keeps its state in float32.
  const bool is_float32 =
      c.quantity == "observation" || (c.quantity == "state" && id == "MountainCarContinuous-v0");
  if (c.quantity == "terminated" || c.quantity == "truncated") return c.ours == c.theirs;
  return is_float32 ? is_near_float32(c.ours, c.theirs) : is_near(id, c.ours, c.theirs);
}

// The step that ends the episode.
std::size_t ends_at(const saccade::envs::Trajectory& trajectory) {
  const auto& flags = trajectory.terminated;
  return static_cast<std::size_t>(std::find(flags.begin(), flags.end(), true) - flags.begin()) + 1;
}

}  // namespace

TEST_CASE("every recorded trajectory of a classic task is Gymnasium's, step for step", "[envs]") {
  std::size_t run = 0;
  for (const std::string id : {"Acrobot-v1", "CartPole-v1", "MountainCarContinuous-v0", "Pendulum-v1"}) {
    const Box bounds = std::get<Box>(make(id)->spec().observation_space);
    for (const auto& trajectory : saccade::envs::read_trajectories(reference_path("gym_classic.json"), id)) {
      ++run;
      saccade::envs::replay(id, trajectory, [&](const saccade::envs::Compared& c) {
        INFO(fmt::format("{}, {}, step {}, {}[{}]: ours {}, Gymnasium's {}", id, trajectory.name, c.step,
                         c.quantity, c.coordinate, c.ours, c.theirs));
        CHECK(is_same(id, c));
        // A recording that goes on past the end of its episode may leave them.
        if (c.quantity != "observation" || c.step > ends_at(trajectory)) return;
        CHECK(bounds.low[c.coordinate] <= c.ours);
        CHECK(c.ours <= bounds.high[c.coordinate]);
      });
    }
  }
  CHECK(run == gym().at("trajectories").size());
}

TEST_CASE("the constants are Gymnasium's", "[envs]") {
  using A = Acrobot;
  using C = CartPole;
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
      {"CartPole-v1",
       {{"gravity", C::kGravity},
        {"masscart", C::kCartMass},
        {"masspole", C::kPoleMass},
        {"total_mass", C::kTotalMass},
        {"length", C::kHalfLength},
        {"polemass_length", C::kPoleMassLength},
        {"force_mag", C::kForce},
        {"tau", C::kTimeStep},
        {"theta_threshold_radians", C::kMaxAngle},
        {"x_threshold", C::kMaxPosition},
        {"time_limit", C::kMaxEpisodeSteps}}},
      {"Acrobot-v1",
       {{"dt", A::kTimeStep},
        {"l1", A::kLength},
        {"l2", A::kLength},
        {"m1", A::kMass},
        {"m2", A::kMass},
        {"lc1", A::kMassCentre},
        {"lc2", A::kMassCentre},
        {"I1", A::kInertia},
        {"I2", A::kInertia},
        {"g", A::kGravity},
        {"max_vel_1", A::kMaxSpeed1},
        {"max_vel_2", A::kMaxSpeed2},
        {"time_limit", A::kMaxEpisodeSteps}}},
  };
  CHECK(numbers(gym().at("constants").at("Acrobot-v1").at("torques")) ==
        std::vector<double>(A::kTorques.begin(), A::kTorques.end()));
  CHECK(ours.size() == gym().at("constants").size());
  for (const auto& [id, constants] : ours) {
    for (const auto& [name, theirs] : gym().at("constants").at(id).items()) {
      if (!theirs.is_number()) continue;  // prose
      INFO(id << ", " << name);
      REQUIRE(constants.count(name) == 1);
      CHECK(constants.at(name) == number(theirs));
    }
  }
}
