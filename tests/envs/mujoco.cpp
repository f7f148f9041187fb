// The MuJoCo tasks: what the recordings do not show.
#include <fmt/format.h>
#include <mujoco/mujoco.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/rng.h"
#include "envs/mujoco/simulation.h"
#include "envs/mujoco/tasks.h"
#include "envs/registry.h"
#include "tests/support/catch.h"
#include "tests/support/command.h"
#include "tests/support/env_helpers.h"

using namespace saccade;
using namespace saccade::envs;
using namespace saccade::tests;
using Catch::Contains;

namespace {

// Whose qpos and qvel a task's state begins with, after the time.
Simulation simulation_of(const std::string& id) {
  if (id.starts_with("HalfCheetah")) return Simulation("half_cheetah");
  if (id.starts_with("InvertedDouble")) return Simulation("inverted_double_pendulum");
  if (id.starts_with("InvertedPendulum")) return Simulation("inverted_pendulum");
  std::string model = id.substr(0, id.find('-'));
  model[0] = static_cast<char>(model[0] - 'A' + 'a');
  return Simulation(model);
}

// How a coordinate of the initial state is spread about where the model puts it.
struct Noise {
  std::string id;
  double qpos;  // the half-width of a uniform draw
  double qvel;  // that, or a standard deviation
  bool normal;
};

void check_spread(std::vector<double> draws, double scale, bool normal) {
  const auto n = static_cast<double>(draws.size());
  double sum = 0, squares = 0;
  for (const double x : draws) sum += x;
  for (const double x : draws) squares += (x - sum / n) * (x - sum / n);
  const double deviation = normal ? scale : scale / std::sqrt(3.0);
  // Five standard errors of the mean; of the deviation, at most deviation / sqrt(2 n).
  CHECK(std::abs(sum / n) <= 5 * deviation / std::sqrt(n));
  CHECK(std::abs(std::sqrt(squares / n) - deviation) <= 5 * deviation / std::sqrt(2 * n));
  const auto [min, max] = std::minmax_element(draws.begin(), draws.end());
  if (normal) {
    CHECK(*max > 2.5 * scale);
    CHECK(*min < -2.5 * scale);
  } else {
    CHECK(*min >= -scale);
    CHECK(*max < scale);
    CHECK(*min <= -0.98 * scale);
    CHECK(*max >= 0.98 * scale);
  }
}

}  // namespace

TEST_CASE("a reset draws from the distribution of the facts", "[mujoco]") {
  const auto noise = GENERATE(
      Noise{"HalfCheetah-v5", 0.1, 0.1, true}, Noise{"Hopper-v5", 0.005, 0.005, false},
      Noise{"Walker2d-v5", 0.005, 0.005, false}, Noise{"Swimmer-v5", 0.1, 0.1, false},
      Noise{"Ant-v5", 0.1, 0.1, true}, Noise{"Humanoid-v5", 0.01, 0.01, false},
      Noise{"InvertedPendulum-v5", 0.01, 0.01, false}, Noise{"InvertedDoublePendulum-v5", 0.1, 0.1, true});
  INFO(noise.id);
  const Simulation model = simulation_of(noise.id);
  const std::size_t nq = model.qpos().size(), nv = model.qvel().size();
  const bool is_free = noise.id.starts_with("Ant") || noise.id.starts_with("Humanoid");
  const std::unique_ptr<Env> env = make(noise.id);
  Rng rng(0);
  std::vector<std::vector<double>> draws(nq + nv);
  for (int i = 0; i < 1000; ++i) {
    reset(*env, rng);
    const std::vector<double> state = env->state();
    for (std::size_t j = 0; j < nq; ++j) draws[j].push_back(state[1 + j] - model.model().qpos0[j]);
    for (std::size_t j = 0; j < nv; ++j) draws[nq + j].push_back(state[1 + nq + j]);
  }
  for (std::size_t j = 0; j < nq + nv; ++j) {
    INFO("coordinate " << j);
    if (is_free && 3 <= j && j < 7) continue;  // a quaternion, which MuJoCo puts back to length 1
    check_spread(draws[j], j < nq ? noise.qpos : noise.qvel, noise.normal && j >= nq);
  }
}

TEST_CASE("Reacher's target and Pusher's object start where the facts say", "[mujoco]") {
  Rng rng(1);
  const std::unique_ptr<Env> reacher = make("Reacher-v5"), pusher = make("Pusher-v5");
  double farthest = 0, nearest = 1, leftmost = 0, rightmost = -1;
  for (int i = 0; i < 1000; ++i) {
    reset(*reacher, rng);
    std::vector<double> state = reacher->state();  // time, qpos (4), qvel (4)
    const double distance = std::hypot(state[3], state[4]);
    CHECK(distance < 0.2);
    farthest = std::max(farthest, distance);
    for (const std::size_t joint : {1u, 2u}) CHECK(std::abs(state[joint]) <= 0.1);
    for (const std::size_t joint : {5u, 6u}) CHECK(std::abs(state[joint]) <= 0.005);
    CHECK(state[7] == 0);
    CHECK(state[8] == 0);

    reset(*pusher, rng);
    state = pusher->state();  // time, qpos (11), qvel (11)
    CHECK(std::count(state.begin() + 1, state.begin() + 8, 0.0) == 7);
    CHECK(std::hypot(state[8], state[9]) > 0.17);
    nearest = std::min(nearest, std::hypot(state[8], state[9]));
    leftmost = std::min(leftmost, state[8]);
    rightmost = std::max(rightmost, state[8]);
    CHECK(std::abs(state[9]) <= 0.2);
    CHECK(std::count(state.begin() + 10, state.begin() + 12, 0.0) == 2);
    for (std::size_t joint = 12; joint < 19; ++joint) CHECK(std::abs(state[joint]) <= 0.005);
    CHECK(std::count(state.begin() + 19, state.begin() + 23, 0.0) == 4);
  }
  CHECK(farthest > 0.198);
  CHECK(nearest < 0.175);
  CHECK(leftmost >= -0.3);
  CHECK(leftmost < -0.295);
  CHECK(rightmost <= 0);
  CHECK(rightmost > -0.02);
}

TEST_CASE("a simulation that diverges ends the episode with finite numbers, and is forgotten", "[mujoco]") {
  for (const std::string& id : mujoco_ids()) {
    INFO(id);
    const std::unique_ptr<Env> env = make(id);
    const std::unique_ptr<Env> fresh = make(id);
    Rng rng(2);
    reset(*env, rng);
    std::vector<double> state = env->state();
    const Simulation model = simulation_of(id);
    for (std::size_t i = 0; i < model.qvel().size(); ++i) state[1 + model.qpos().size() + i] = 1e11;
    env->set_state(state);
    const Stepped bad = step(*env, std::vector<double>(envs::size_of(env->spec().action_space)));
    CHECK(bad.transition.diverged);
    CHECK(bad.transition.ends_episode());
    CHECK_FALSE(bad.transition.terminated);
    CHECK(bad.transition.reward == 0);
    CHECK(std::all_of(bad.observation.begin(), bad.observation.end(),
                      [](double x) { return std::isfinite(x); }));
    CHECK(bad.observation == observation_of(*env));
    CHECK_THROWS_WITH(step(*env, std::vector<double>(envs::size_of(env->spec().action_space))),
                      Contains("call reset()"));

    Rng first(3), second(3);
    CHECK(reset(*env, first) == reset(*fresh, second));
    for (int t = 0; t < 5; ++t) {
      const std::vector<double> action = random_action(*env, first);
      const Stepped ours = step(*env, action), theirs = step(*fresh, action);
      CHECK(ours.observation == theirs.observation);
      CHECK(ours.transition.reward == theirs.transition.reward);
      CHECK_FALSE(ours.transition.diverged);
      if (ours.transition.ends_episode()) break;
    }
  }
  CHECK_FALSE(std::filesystem::exists("MUJOCO_LOG.TXT"));
}

TEST_CASE("a control that MuJoCo calls bad counts as a divergence", "[mujoco]") {
  const test::TemporaryFolder folder;
  const Setting setting("SACCADE_MUJOCO_MODELS", folder.path());
  test::write_file(
      folder.path("cart.xml"),
      "<mujoco><worldbody><body><joint name='x' type='slide'/><geom size='0.1'/></body></worldbody>"
      "<actuator><motor joint='x'/></actuator></mujoco>");  // no range to clip to
  Simulation simulation("cart");
  CHECK(simulation.advance(std::vector<double>{1}, 2, false));
  CHECK_FALSE(simulation.advance(std::vector<double>{1e11}, 2, false));
  CHECK(simulation.advance(std::vector<double>{1}, 2, false));
}

TEST_CASE("the beginning of a state is enough to start an episode from", "[mujoco]") {
  const std::unique_ptr<Env> env = make("Walker2d-v4"), copy = make("Walker2d-v4");
  Rng rng(5);
  const std::vector<double> observation = reset(*env, rng);
  std::vector<double> beginning = env->state();
  beginning.resize(1 + 9 + 9);
  beginning.push_back(1000);  // steps left
  copy->set_state(beginning);
  CHECK(observation_of(*copy) == observation);
  CHECK(copy->state() == env->state());
}

TEST_CASE("models of one's own come from a folder, and what is wrong with one is said", "[mujoco]") {
  const test::TemporaryFolder folder;
  const Setting setting("SACCADE_MUJOCO_MODELS", folder.path());
  CHECK_THROWS_AS(make("Ant-v5"), FormatError);
  CHECK_THROWS_WITH(make("Ant-v5"), Contains(folder.path("ant.xml")) && Contains("there is no such file"));

  test::write_file(folder.path("ant.xml"), "<mujoco><worldbody><body></worldbody></mujoco>");
  CHECK_THROWS_AS(make("Ant-v5"), FormatError);
  CHECK_THROWS_WITH(make("Ant-v5"), Contains("ant.xml"));

  const auto model = [](const std::string& name) {
    return "<mujoco><worldbody><body name='" + name +
           "'><joint name='a' type='slide'/><joint name='b' type='slide' axis='1 0 0'/><joint name='c'/>"
           "<geom size='0.1'/></body></worldbody><actuator>"
           "<motor joint='a' ctrllimited='true' ctrlrange='-1 1'/></actuator></mujoco>";
  };
  test::write_file(folder.path("ant.xml"), model("torso"));
  CHECK_THROWS_WITH(
      make("Ant-v5"),
      "ant.xml: it has 3 coordinates, 3 velocities and 1 motors, but Ant-v5 expects a free joint first");
  test::write_file(folder.path("reacher.xml"), model("fingertip"));
  CHECK_THROWS_WITH(make("Reacher-v5"), "reacher.xml: it has no body called \"target\"");

  // Another body of the same kind makes a task of other sizes.
  test::write_file(folder.path("hopper.xml"), model("torso"));
  const std::unique_ptr<Env> slider = make("Hopper-v5");
  CHECK(envs::size_of(slider->spec().observation_space) == 2 + 3);
  CHECK(envs::size_of(slider->spec().action_space) == 1);
  Rng rng(8);
  reset(*slider, rng);
  CHECK_NOTHROW(step(*slider, {0.5}));
}

TEST_CASE("what MuJoCo calls a fatal error is an Error, and the next reset goes on", "[mujoco]") {
  const test::TemporaryFolder folder;
  const std::unique_ptr<Env> env = make("HalfCheetah-v5");
  {
    // A model that fails to compile must leave the handlers as they were.
    const Setting setting("SACCADE_MUJOCO_MODELS", folder.path());
    test::write_file(folder.path("hopper.xml"), "<mujoco><nonsense/></mujoco>");
    CHECK_THROWS_AS(make("Hopper-v5"), FormatError);
  }
  CHECK_THROWS_AS(mju_error("of the test"), Error);
  CHECK_THROWS_WITH(mju_error("of the test"), Contains("MuJoCo: of the test"));

  // From within mj_step().
  Simulation simulation("hopper");
  const std::vector<double> control(3);
  mjOption& option = const_cast<mjModel&>(simulation.model()).opt;
  const int integrator = option.integrator;
  option.integrator = 99;
  CHECK_THROWS_AS(simulation.advance(control, 4, false), Error);
  option.integrator = integrator;
  simulation.reset();
  CHECK(simulation.advance(control, 4, false));
  Rng rng(6);
  reset(*env, rng);
  CHECK_NOTHROW(step(*env, std::vector<double>(6)));
}

TEST_CASE("a libmujoco other than that of the headers is refused", "[mujoco]") {
  CHECK_NOTHROW(check_mujoco_version(222, 222));
  CHECK_THROWS_AS(check_mujoco_version(222, 323), ConfigError);
  CHECK_THROWS_WITH(check_mujoco_version(222, 323),
                    "libmujoco 3.2.3 was loaded, but this program was built for 2.2.2; install that one, or "
                    "build again");
}

TEST_CASE("environments of several threads do not disturb each other", "[mujoco]") {
  const auto play = [](std::vector<double>& observation) {
    const std::unique_ptr<Env> env = make("Hopper-v5");
    Rng rng(7);
    observation = reset(*env, rng);
    for (int t = 0; t < 10; ++t) observation = step(*env, random_action(*env, rng)).observation;
  };
  std::vector<double> alone;
  play(alone);
  std::vector<std::vector<double>> together(4);
  std::vector<std::thread> threads;
  for (std::vector<double>& observation : together) threads.emplace_back([&] { play(observation); });
  for (std::thread& thread : threads) thread.join();
  for (const std::vector<double>& observation : together) CHECK(observation == alone);
}
