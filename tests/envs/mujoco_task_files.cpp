// Task files as environments: against the built-in tasks, which are Gymnasium's, and as runs.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "envs/mujoco/env.h"
#include "envs/mujoco/file_task.h"
#include "envs/registry.h"
#include "envs/task_file/task_file.h"
#include "envs/trajectory.h"
#include "tests/support/catch.h"
#include "tests/support/command.h"
#include "tests/support/env_helpers.h"
#include "tests/support/reference_data.h"
#include "tests/support/task_files.h"

using namespace saccade;
using namespace saccade::envs;
using namespace saccade::tests;
using Catch::Contains;

namespace {

std::string written(const std::string& name) {
  return fmt::format("{}/tests/envs/tasks/{}.json", SACCADE_SOURCE_DIR, name);
}

// A folder with a model and the tasks that a test makes of it.
class Tasks {
 public:
  explicit Tasks(const std::string& model = kModel) { test::write_file(folder.path("robot.xml"), model); }
  std::string path(const Json& json, const std::string& name = "t.json") const {
    test::write_file(folder.path(name), json.dump(2));
    return folder.path(name);
  }
  std::unique_ptr<Env> make(const Json& json) const { return envs::make(path(json)); }
  std::string complaint_of(const Json& json) const {
    try {
      make(json);
    } catch (const FormatError& error) {
      return error.what();
    }
    return "";
  }

  test::TemporaryFolder folder;
};

double distance(const std::vector<double>& a, const std::vector<double>& b) {
  double worst = a.size() == b.size() ? 0 : INFINITY;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    worst = std::max(worst, std::abs(a[i] - b[i]) / std::max(1.0, std::abs(b[i])));
  return worst;
}

}  // namespace

TEST_CASE("Gymnasium's tasks, written as files, are the built-in ones bit for bit", "[task_file]") {
  struct Case {
    const char *file, *id;
    double tolerance;  // of rewards; of v5's Ant and poles the terms add up in another order
  };
  for (const Case& c :
       {Case{"half_cheetah_v4", "HalfCheetah-v4", 0}, Case{"hopper_v4", "Hopper-v4", 0},
        Case{"hopper_v5", "Hopper-v5", 0}, Case{"walker2d_v4", "Walker2d-v4", 0},
        Case{"swimmer_v4", "Swimmer-v4", 0}, Case{"inverted_pendulum_v4", "InvertedPendulum-v4", 0},
        Case{"inverted_pendulum_v5", "InvertedPendulum-v5", 0}, Case{"ant_v5", "Ant-v5", 1e-15},
        Case{"inverted_double_pendulum_v5", "InvertedDoublePendulum-v5", 1e-15}}) {
    INFO(c.id);
    const std::unique_ptr<Env> ours = make(written(c.file)), theirs = make(c.id);
    CHECK(ours->spec().max_episode_steps == theirs->spec().max_episode_steps);
    CHECK(bounds_of(ours->spec().action_space).low == bounds_of(theirs->spec().action_space).low);
    CHECK(bounds_of(ours->spec().action_space).high == bounds_of(theirs->spec().action_space).high);
    Rng actions(1), our_starts(2), their_starts(2);
    REQUIRE(reset(*ours, our_starts) == reset(*theirs, their_starts));
    int ends = 0;
    for (int i = 0; i < 500; ++i) {
      const std::vector<double> action = random_action(*theirs, actions);
      const Stepped a = step(*ours, action), b = step(*theirs, action);
      REQUIRE(a.observation == b.observation);
      REQUIRE(distance({a.transition.reward}, {b.transition.reward}) <= c.tolerance);
      REQUIRE(a.transition.terminated == b.transition.terminated);
      REQUIRE(a.transition.truncated == b.transition.truncated);
      for (const RewardTerm& term : b.transition.terms) {
        if (term.name == nullptr || c.tolerance > 0) continue;
        const auto same = [&](const RewardTerm& mine) {
          return mine.name != nullptr && std::string(mine.name) == term.name && mine.value == term.value;
        };
        CHECK(std::any_of(a.transition.terms.begin(), a.transition.terms.end(), same));
      }
      if (!b.transition.ends_episode()) continue;
      ++ends;
      REQUIRE(reset(*ours, our_starts) == reset(*theirs, their_starts));
    }
    const std::string id = c.id;
    CHECK((ends > 0) == (id != "HalfCheetah-v4" && id != "Swimmer-v4"));
  }
}

TEST_CASE("Gymnasium's recordings replay in task files", "[task_file]") {
  for (const auto& [file, recording] :
       {std::pair("half_cheetah_v4", "halfcheetah"), std::pair("hopper_v5", "hopper_v5"),
        std::pair("ant_v5", "ant_v5"), std::pair("reacher_v5", "reacher_v5"),
        std::pair("inverted_double_pendulum_v5", "inverteddoublependulum_v5")}) {
    INFO(file);
    const std::string id = canonical_id(written(file));
    const std::string path = reference_path(fmt::format("mujoco/{}.json", recording));
    std::size_t compared = 0;
    double worst = 0;
    for (const Trajectory& trajectory : read_trajectories(path, id)) {
      replay(id, trajectory, [&](const Compared& c) {
        ++compared;
        worst = std::max(worst, error_of(c));
      });
    }
    CHECK(compared > 1000);
    CHECK(worst <= 2.5e-13);  // as of the built-in ones
  }
}

TEST_CASE("every quantity is the one that MuJoCo has", "[task_file]") {
  const Tasks tasks;
  Json json = kTask;
  json["observation"] = Json::array();
  for (const Source& source : sources()) json["observation"].push_back({{source.name, "all"}});
  const std::unique_ptr<Env> env = tasks.make(json);
  const std::unique_ptr<Env> bare = make_file_task(find_task_file(canonical_id(tasks.folder.path("t.json"))));
  const Simulation& simulation = dynamic_cast<const MujocoEnv&>(*bare).simulation();
  const mjModel& m = simulation.model();
  const mjData& d = simulation.data();
  Rng rng(1);
  reset(*bare, rng);
  for (int i = 0; i < 60; ++i) step(*bare, random_action(*bare, rng));
  std::vector<double> expected;
  for (const auto& [numbers, size] : {std::pair<const double*, int>(d.qpos, m.nq),
                                      {d.qvel, m.nv},
                                      {d.qfrc_actuator, m.nv},
                                      {d.qfrc_constraint, m.nv},
                                      {d.ctrl, m.nu},
                                      {d.actuator_force, m.nu},
                                      {d.sensordata, m.nsensordata},
                                      {d.xpos, 3 * m.nbody},
                                      {d.xipos, 3 * m.nbody},
                                      {d.xquat, 4 * m.nbody},
                                      {d.subtree_com, 3 * m.nbody},
                                      {d.cvel, 6 * m.nbody},
                                      {d.cinert, 10 * m.nbody},
                                      {d.cfrc_ext, 6 * m.nbody},
                                      {d.site_xpos, 3 * m.nsite}}) {
    expected.insert(expected.end(), numbers, numbers + size);
  }
  CHECK(observation_of(*bare) == expected);
  CHECK(std::any_of(d.cfrc_ext, d.cfrc_ext + 6 * m.nbody,
                    [](double x) { return x != 0; }));  // the ball has landed
}

TEST_CASE("names, parts and functions of quantities", "[task_file]") {
  const Tasks tasks;
  const auto observed = [&](const std::string& pieces) {
    const std::unique_ptr<Env> env = tasks.make(with("/observation", pieces));
    std::vector<double> state = env->state();  // time, then qpos: x, hinge, the ball's seven; then qvel
    for (std::size_t i = 1; i <= 17; ++i) state[i] = 0.1 * static_cast<double>(i);
    state.resize(1 + 9 + 8);
    state.push_back(500);  // steps left
    env->set_state(state);
    return observation_of(*env);
  };
  CHECK(observed(R"([{"qpos": "hinge"}, {"qpos": "x"}])") == std::vector<double>{0.2, 0.1});
  CHECK(observed(R"([{"qpos": ["hinge", "x"]}])") == std::vector<double>{0.2, 0.1});
  CHECK(observed(R"([{"qpos": "free", "take": 2}])") == std::vector<double>{0.1 * 3, 0.1 * 4});
  CHECK(observed(R"([{"qvel": "free", "skip": 4}])") == std::vector<double>{0.1 * 16, 0.1 * 17});
  CHECK(observed(R"([{"qvel": "all", "skip": 1, "take": 1}])") == std::vector<double>{0.1 * 11});
  CHECK(observed(R"([{"qpos": "hinge", "apply": "sin"}, {"qpos": "hinge", "apply": "cos"}])") ==
        std::vector<double>{std::sin(0.2), std::cos(0.2)});
  CHECK(observed(R"([{"qpos": "x", "minus": 1.1, "apply": "abs"}, {"qpos": "x", "minus": "hinge"}])") ==
        std::vector<double>{std::abs(0.1 - 1.1), 0.1 - 0.2});
  CHECK(observed(R"([{"qpos": ["x", "hinge"], "clip": [0.15, null], "apply": "square"}])") ==
        std::vector<double>{0.15 * 0.15, 0.2 * 0.2});
  const std::vector<double> gap = observed(R"([{"xpos": "ball", "minus": "trunk"},
      {"xpos": "ball", "minus": "trunk", "apply": "norm"}, {"xpos": "ball", "minus": "trunk", "axes": "xz"},
      {"xpos": ["ball", "trunk"], "axes": "z"}])");
  REQUIRE(gap.size() == 8);
  CHECK(gap[0] == 0.1 * 3 - 0.1);
  CHECK(gap[3] == Approx(std::hypot(gap[0], gap[1], gap[2])));
  CHECK(gap[4] == gap[0]);
  CHECK(gap[5] == gap[2]);
  CHECK(gap[6] == 0.1 * 5);
  CHECK(gap[7] == 0.3);
}

TEST_CASE("rewards pay by weight, rate and when", "[task_file]") {
  const Tasks tasks;
  Json json = with("/termination", R"([{"qpos": "x", "healthy": [null, 0.05]}])");
  json["reward"] = Json::parse(R"({
    "speed": {"qpos": "x", "rate": true, "weight": 3},
    "effort": {"ctrl": "push", "apply": "square", "weight": -0.5},
    "alive": {"weight": 2, "when": "healthy"},
    "fall": {"weight": -7, "when": "terminated"},
    "each": 0.25})");
  const std::unique_ptr<Env> env = tasks.make(json);
  Rng rng(1);
  std::vector<double> before = reset(*env, rng);
  bool over = false;
  int steps = 0;
  for (; !over; ++steps) {
    const Stepped s = step(*env, {1.5, 0});
    over = s.transition.terminated;
    CHECK(over == (s.observation[0] > 0.05));
    const double expected[] = {3 * ((s.observation[0] - before[0]) / 0.02), -0.5 * 2.25, over ? 0.0 : 2.0,
                               over ? -7.0 : 0.0, 0.25};
    double sum = 0;
    for (std::size_t i = 0; i < 5; ++i) {
      CHECK(s.transition.terms.at(i).value == expected[i]);
      sum += expected[i];
    }
    CHECK(s.transition.reward == sum);
    CHECK(std::string(s.transition.terms[3].name) == "fall");
    CHECK(s.transition.terms[5].name == nullptr);
    before = s.observation;
  }
  CHECK(steps > 3);
}

TEST_CASE("starts: a keyframe, and noise where it is asked for", "[task_file]") {
  const Tasks tasks;
  Json json = with("/reset", R"({"keyframe": "up",
      "noise": [{"qpos": "x", "uniform": [1, 2]}, {"qvel": "hinge", "normal": 0.5}, {"qvel": "x", "uniform": 0.1}]})");
  json["observation"] = Json::parse(R"([{"qpos": ["x", "hinge"]}, {"qvel": ["x", "hinge"]}])");
  const std::unique_ptr<Env> env = tasks.make(json);
  Rng rng(1);
  double sum = 0, squares = 0, lowest = 9, highest = -9, slowest = 9;
  constexpr int kStarts = 2000;
  for (int i = 0; i < kStarts; ++i) {
    const std::vector<double> start = reset(*env, rng);
    CHECK(start[1] == -1.5);
    lowest = std::min(lowest, start[0]);
    highest = std::max(highest, start[0]);
    slowest = std::min(slowest, start[2]);
    sum += start[3] - 2;
    squares += (start[3] - 2) * (start[3] - 2);
  }
  CHECK((1.5 <= lowest && lowest < 1.51 && 2.49 < highest && highest < 2.5));
  CHECK((-0.1 <= slowest && slowest < -0.09));
  CHECK(std::abs(sum / kStarts) < 0.05);
  CHECK(std::sqrt(squares / kStarts) == Approx(0.5).epsilon(0.06));
  // What diverges leaves the place where episodes start.
  std::vector<double> state = env->state();
  state[10] = 1e9;
  env->set_state(state);
  const Stepped s = step(*env, {0, 0});
  CHECK(s.transition.diverged);
  CHECK(s.transition.reward == 0);
  CHECK(s.observation == std::vector<double>{0.5, -1.5, 0, 2});
}

TEST_CASE("a task file's state is all that it takes to go on bit for bit", "[task_file]") {
  const Tasks tasks;
  Json json = kTask;
  json["observation"] = Json::array();
  for (const Source& source : sources()) json["observation"].push_back({{source.name, "all"}});
  json["reward"] =
      Json::parse(R"({"a": {"sensordata": "felt", "rate": true}, "b": {"xquat": "ball", "rate": true},
                                   "c": {"subtree_com": "ball", "axes": "z", "rate": true}})");
  const std::unique_ptr<Env> first = tasks.make(json), second = tasks.make(json);
  Rng rng(3);
  reset(*first, rng);
  reset(*second, rng);
  for (int i = 0; i < 40; ++i) step(*first, random_action(*first, rng));
  second->set_state(first->state());
  CHECK(second->state() == first->state());
  CHECK(observation_of(*second) == observation_of(*first));
  for (int i = 0; i < 40; ++i) {
    const std::vector<double> action = random_action(*first, rng);
    const Stepped a = step(*first, action), b = step(*second, action);
    REQUIRE(a.observation == b.observation);
    REQUIRE(a.transition.reward == b.transition.reward);
  }
}

TEST_CASE("what a model does not have is an error that lists what it has", "[task_file]") {
  const Tasks tasks;
  CHECK(tasks.complaint_of(kTask).empty());
  CHECK_THAT(
      tasks.complaint_of(with("/reward/forward/xpos", "\"trnk\"")),
      Contains(
          "t.json: reward.forward.xpos is \"trnk\", but the model has no body of that name; did you mean "
          "\"trunk\"? There are world, trunk, arm, ball"));
  CHECK_THAT(
      tasks.complaint_of(with("/reward/forward/minus", "\"nose\"")),
      Contains("t.json: reward.forward.minus is \"nose\", but the model has no body of that name; there are "
               "world, trunk"));
  CHECK_THAT(
      tasks.complaint_of(with("/observation", R"([{"qpos": "x"}, {"qvel": ["x", "elbow"]}])")),
      Contains("t.json: observation[1].qvel is \"elbow\", but the model has no joint of that name; there "
               "are x, hinge"));
  CHECK_THAT(tasks.complaint_of(with("/observation", R"([{"ctrl": "pull"}])")),
             Contains("no actuator of that name"));
  CHECK_THAT(tasks.complaint_of(with("/observation", R"([{"sensordata": "ange"}])")),
             Contains("no sensor of that name; did you mean \"angle\"?"));
  CHECK_THAT(tasks.complaint_of(with("/observation", R"([{"site_xpos": "foot"}])")),
             Contains("no site of that name; there is hand"));
  CHECK_THAT(tasks.complaint_of(with("/observation", R"([{"qpos": "all", "skip": 9}])")),
             Contains("t.json: observation[0] skips 9, but there are only 9 numbers"));
  CHECK_THAT(tasks.complaint_of(with("/observation", R"([{"qpos": "all", "skip": 8, "take": 2}])")),
             Contains("t.json: observation[0] skips 8 and takes 2, but there are only 9 numbers"));
  CHECK_THAT(
      tasks.complaint_of(with("/observation", R"([{"qpos": ["x", "free"], "minus": "hinge"}])")),
      Contains(
          "t.json: observation[0].minus is \"hinge\" of 1 numbers, to be taken from 8; expected as many"));
  CHECK_THAT(
      tasks.complaint_of(with("/reset/keyframe", "\"down\"")),
      Contains(
          "t.json: reset.keyframe is \"down\", but the model has no keyframe of that name; there is up"));
  CHECK_THAT(tasks.complaint_of(with("/termination", R"([{"qpos": "y", "healthy": [0, 1]}])")),
             Contains("t.json: termination[0].qpos is \"y\", but"));
  Json many = kTask;
  many["observation"] = Json::array();
  for (int i = 0; i < 300; ++i) many["observation"].push_back({{"cinert", "all"}});
  CHECK_THAT(tasks.complaint_of(many),
             Contains("t.json: observation has 12000 numbers; expected at most 10000"));

  const auto of_model = [](const std::string& model) { return Tasks(model).complaint_of(kTask); };
  CHECK_THAT(of_model("<mujoco><worldbody><body><geom type='foo'/></body></worldbody></mujoco>"),
             Contains("t.json: robot.xml: XML Error: invalid keyword: 'foo'; Element 'geom', line 1"));
  CHECK_THAT(of_model("<mujoco><worldbody>"), Contains("t.json: robot.xml: XML parse error"));
  CHECK_THAT(of_model(""), Contains("t.json: robot.xml: robot.xml is empty"));
  CHECK_THAT(of_model("<mujoco><asset><mesh name='m' file='gone.stl'/></asset></mujoco>"),
             Contains("t.json: robot.xml: ") && Contains("gone.stl"));
  CHECK_THAT(
      of_model("<mujoco><worldbody><body><joint name='x'/><geom size='1'/></body></worldbody></mujoco>"),
      Contains("t.json: robot.xml: it has 1 coordinates, 1 velocities and 0 motors"));
  CHECK_THAT(of_model("<mujoco><worldbody><body><joint name='x'/><geom size='1'/></body></worldbody>"
                      "<actuator><motor name='go' joint='x'/></actuator></mujoco>"),
             Contains("t.json: robot.xml: motor 0 (go) has no ctrlrange"));
  std::string noisy = kModel;
  noisy.replace(noisy.find("/><worldbody>"), 2, "><flag sensornoise='enable'/></option>");
  CHECK_THAT(of_model(noisy), Contains("t.json: robot.xml: it asks for sensornoise"));
}

TEST_CASE("a model's own files travel with a run, and nothing is read in their place", "[task_file]") {
  const std::string obj = "v 0 0 0\nv 0.1 0 0\nv 0 0.1 0\nv 0 0 0.1\nf 1 3 2\nf 1 2 4\nf 2 3 4\nf 3 1 4\n";
  const std::string model =
      "<mujoco><compiler meshdir='parts'/><asset><mesh name='m' file='m.obj'/></asset><worldbody>"
      "<body name='trunk'><joint name='x' type='slide' axis='1 0 0'/><joint name='hinge' axis='0 1 0'/>"
      "<geom type='mesh' mesh='m'/></body></worldbody>"
      "<actuator><motor joint='x' ctrllimited='true' ctrlrange='-1 1'/></actuator></mujoco>";
  std::string packed;
  {
    const Tasks tasks(model);
    std::filesystem::create_directories(tasks.folder.path("parts"));
    test::write_file(tasks.folder.path("parts/m.obj"), obj);
    packed = find_task_file(canonical_id(tasks.path(kTask)))->packed;
  }
  const test::TemporaryFolder elsewhere;
  Json json = Json::parse(packed);
  json["name"] = "moved";  // another id, which is not compiled yet
  test::write_file(elsewhere.path("task.json"), json.dump());
  CHECK_NOTHROW(envs::make(elsewhere.path("task.json")));
  // Without the mesh it is missed, though there is one on disk.
  json["name"] = "torn";
  json["files"].erase("parts/m.obj");
  std::filesystem::create_directories(elsewhere.path("parts"));
  test::write_file(elsewhere.path("parts/m.obj"), obj);
  test::write_file(elsewhere.path("torn.json"), json.dump());
  CHECK_THROWS_WITH(envs::make(elsewhere.path("torn.json")),
                    Contains("torn.json: robot.xml: ") && Contains("m.obj"));
}

TEST_CASE("two files of one name in different folders are no mix-up", "[task_file]") {
  const Tasks tasks("<mujoco><include file='a/p.xml'/><include file='b/p.xml'/></mujoco>");
  for (const char* folder : {"a", "b"}) {
    std::filesystem::create_directories(tasks.folder.path(folder));
    test::write_file(tasks.folder.path(std::string(folder) + "/p.xml"), "<mujoco/>");
  }
  const std::string complaint = tasks.complaint_of(kTask);
#if mjVERSION_HEADER < 300
  CHECK_THAT(complaint,
             Contains("t.json: robot.xml: two of its files are called p.xml, in different folders"));
#endif
}
