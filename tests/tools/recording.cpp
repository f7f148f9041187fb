// Pictures of environments, and `saccade eval --record`.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>

#include "base/error.h"
#include "envs/registry.h"
#include "tests/support/catch.h"
#include "tests/support/command.h"
#include "tests/support/env_helpers.h"
#include "tests/support/pages.h"
#include "tools/pages/recording.h"

using namespace saccade;
using namespace saccade::envs;
using namespace saccade::test;
using namespace saccade::tests;
using Catch::Contains;
using Json = nlohmann::ordered_json;
using std::numbers::pi;

namespace {

// The shape's own z axis in the world.
Point axis_of(const Geom& shape) {
  const auto& [w, x, y, z] = shape.rotation;
  return {2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)};
}

// An end of a capsule: the one that its axis points to, or the other.
Point end_of(const Geom& shape, double side) {
  Point end = shape.position;
  for (std::size_t i = 0; i < 3; ++i) end[i] += side * shape.size[1] * axis_of(shape)[i];
  return end;
}

void check_near(const Point& a, const Point& b) {
  for (std::size_t i = 0; i < 3; ++i) CHECK(a[i] == Approx(b[i]).margin(1e-12));
}

Scene scene_at(const char* name, std::vector<double> state) {
  const std::unique_ptr<Env> env = make(name);
  state.push_back(1);  // step left of the time limit
  env->set_state(state);
  return env->scene();
}

// An environment that says nothing of its looks, or whose number of shapes changes.
class Bare : public Env {
 public:
  explicit Bare(bool restless = false) : restless_(restless) {}
  const Spec& spec() const override {
    static const Spec spec = {.id = "Bare-v0",
                              .observation_space = envs::Box{.low = {-10, -10}, .high = {10, 10}},
                              .action_space = envs::Box{.low = {-1}, .high = {1}},
                              .max_episode_steps = 5};
    return spec;
  }
  void reset(Rng&, std::span<double> observation) override {
    steps_ = 0;
    observe(observation);
  }
  StepResult step(std::span<const double>, std::span<double> observation) override {
    ++steps_;
    observe(observation);
    return {.reward = 0.5, .terminated = steps_ == 3};
  }
  std::vector<double> state() const override { return {steps_}; }
  void set_state(std::span<const double> state) override { steps_ = state[0]; }
  void observe(std::span<double> observation) const override {
    observation[0] = steps_;
    observation[1] = -steps_ / 3;
  }
  Scene scene() const override {
    Scene scene;
    if (restless_) scene.geoms.resize(1 + static_cast<std::size_t>(steps_));
    return scene;
  }

 private:
  bool restless_;
  double steps_ = 0;
};

// Random episodes, recorded.
pages::Recording recorded(std::unique_ptr<Env> env, int episodes, std::int64_t max_episodes = 3) {
  pages::Recording recording{.max_episodes = max_episodes};
  pages::RecordingEnv recorder(std::move(env), recording);
  Rng rng(3);
  for (int i = 0; i < episodes; ++i) {
    reset(recorder, rng);
    while (!step(recorder, random_action(recorder, rng)).transition.ends_episode()) continue;
  }
  return recording;
}

}  // namespace

TEST_CASE("a capsule reaches from one point to the other", "[recording]") {
  const Point from = {1, 2, 3};
  for (const Point& to : {Point{4, -2, 3.5}, Point{1, 2, 9}, Point{1, 2, -9}, Point{-8, 2, 3}}) {
    const Geom shape = capsule(from, to, 0.1, 1);
    check_near(end_of(shape, -1), from);
    check_near(end_of(shape, 1), to);
    double norm = 0;
    for (const double x : shape.rotation) norm += x * x;
    CHECK(norm == Approx(1));
  }
  CHECK(capsule(from, from, 0.1, 1).rotation == std::array<double, 4>{1, 0, 0, 0});
}

TEST_CASE("a box's tilt is counterclockwise, with x to the right and z up", "[recording]") {
  const Geom shape = box({0, 0, 0}, {1, 1, 1}, 0.3, 1);
  check_near(axis_of(shape), {-std::sin(0.3), 0, std::cos(0.3)});
}

TEST_CASE("the classic tasks' moving parts are where their states say", "[recording]") {
  const double a = 0.4, b = -1.1;
  const Scene pendulum = scene_at("Pendulum-v1", {a, 0});
  check_near(end_of(pendulum.geoms.at(0), 1), {-std::sin(a), 0, std::cos(a)});

  // Its torque is an arc, up to a quarter of a turn, whose last bead is the largest.
  const std::unique_ptr<Env> pushed = make("Pendulum-v1");
  Rng rng(1);
  reset(*pushed, rng);
  CHECK(pushed->scene().geoms.back().position == Point{0, 0, 0.35});
  step(*pushed, {-1});
  check_near(pushed->scene().geoms.back().position, {0.35 * std::sin(pi / 4), 0, 0.35 * std::cos(pi / 4)});
  step(*pushed, {5});
  check_near(pushed->scene().geoms.back().position, {-0.35, 0, 0});

  const Scene cart_pole = scene_at("CartPole-v1", {1.5, 0, a, 0});
  CHECK(cart_pole.geoms.at(3).position[0] == 1.5);
  check_near(end_of(cart_pole.geoms.at(4), 1), {1.5 + std::sin(a), 0, std::cos(a)});

  const Scene acrobot = scene_at("Acrobot-v1", {a, b, 0, 0});
  const Point middle = {std::sin(a), 0, -std::cos(a)};
  check_near(end_of(acrobot.geoms.at(1), 1), middle);
  check_near(end_of(acrobot.geoms.at(2), -1), middle);
  check_near(end_of(acrobot.geoms.at(2), 1), {middle[0] + std::sin(a + b), 0, middle[2] - std::cos(a + b)});
  // The episode ends as the free end passes the line.
  CHECK(end_of(acrobot.geoms.at(0), 1)[2] == Approx(1));

  // In the valley the road is level; at the goal it rises by atan(1.35 cos 1.35), and the car with it.
  const auto car_axis = [](double position) {
    const Scene scene = scene_at("MountainCarContinuous-v0", {position, 0});
    return axis_of(*std::find_if(scene.geoms.rbegin(), scene.geoms.rend(),
                                 [](const Geom& shape) { return shape.kind == GeomKind::box; }));
  };
  check_near(car_axis(-pi / 6), {0, 0, 1});
  const double slope = std::atan(1.35 * std::cos(1.35));
  check_near(car_axis(0.45), {-std::sin(slope), 0, std::cos(slope)});
}

namespace {

// Those of Gymnasium; of others a scene is not asked.
bool has_scene(const std::string& id) {
  for (const char* name : {"Pendulum", "MountainCar", "CartPole", "Acrobot", "HalfCheetah", "Hopper",
                           "Walker2d", "Ant", "Humanoid", "Swimmer", "Reacher", "Pusher", "Inverted"}) {
    if (id.starts_with(name)) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("every environment's scene is finite, keeps its shapes, and changes as it is stepped",
          "[recording]") {
  for (const std::string& id : ids()) {
    if (id.starts_with("Counter") || id.starts_with("Bare")) continue;  // of other tests
    INFO(id);
    const std::unique_ptr<Env> env = make(id);
    Rng rng(1);
    reset(*env, rng);
    const std::vector<double> state = env->state();
    const Scene start = env->scene();
    CHECK(env->state() == state);
    if (start.geoms.empty() && !has_scene(id)) continue;  // recordings show curves
    REQUIRE(start.geoms.size() > 1);
    CHECK(start.radius > 0);
    CHECK(start.step_seconds > 0);
    step(*env, random_action(*env, rng));
    const Scene after = env->scene();
    REQUIRE(after.geoms.size() == start.geoms.size());
    bool moved = false;
    for (std::size_t i = 0; i < after.geoms.size(); ++i) {
      const Geom &was = start.geoms[i], &is = after.geoms[i];
      CHECK(is.kind == was.kind);
      CHECK(is.colour == was.colour);
      CHECK((is.size[0] > 0) == (is.kind != GeomKind::plane));
      moved |= is.position != was.position;
      for (const double x : is.position) CHECK(std::isfinite(x));
      for (const double x : is.rotation) CHECK(std::isfinite(x));
    }
    CHECK(moved);
  }
}

TEST_CASE("a recording holds every frame of the first episodes", "[recording]") {
  const pages::Recording recording = recorded(make("Pendulum-v1"), 3, 2);
  const Json json = Json::parse(to_json(recording).dump());
  REQUIRE(json.at("episodes").size() == 2);
  CHECK(json.at("flat") == true);
  const Json &rod = json.at("shapes").at(0), &hinge = json.at("shapes").at(1);
  CHECK_FALSE(rod.contains("pose"));
  CHECK(hinge.at("pose").size() == 7);
  for (const Json& episode : json.at("episodes")) {
    CHECK(episode.at("ends") == "truncated");
    CHECK(episode.at("poses").size() == 201);
    CHECK(episode.at("targets").size() == 201);
    CHECK(episode.at("rewards").size() == 200);
    CHECK(episode.at("actions").size() == 200);
    CHECK_FALSE(episode.contains("observations"));
  }
  // The rod's middle is half a rod from the hinge, at the observed angle, after every step.
  const pages::Recording::Episode& second = recording.episodes.at(1);
  for (std::size_t k = 0; k < second.observations.size(); ++k) {
    const Json& pose = json["episodes"][1]["poses"][k];
    REQUIRE(pose.size() == 7 * 9);  // the rod, and beads of the torque
    CHECK(pose[0].get<double>() == Approx(-second.observations[k][1] / 2).margin(1e-4));
    CHECK(pose[2].get<double>() == Approx(second.observations[k][0] / 2).margin(1e-4));
  }
  CHECK_FALSE(json["episodes"][1].contains("q"));
  const Json& terms = json["episodes"][1]["terms"];
  CHECK(terms.size() == 3);
  for (std::size_t k = 0; k < second.results.size(); ++k) {
    const double reward = json["episodes"][1]["rewards"][k];
    CHECK(reward == Approx(second.results[k].reward).epsilon(1e-4));
    CHECK(terms.at("angle")[k].get<double>() + terms.at("velocity")[k].get<double>() +
              terms.at("torque")[k].get<double>() ==
          Approx(reward).margin(1e-3));
    CHECK(terms.at("torque")[k].get<double>() ==
          Approx(-0.001 * second.actions[k][0] * second.actions[k][0]).margin(1e-6));
    CHECK(json["episodes"][1]["actions"][k][0].get<double>() == Approx(second.actions[k][0]).epsilon(1e-4));
  }
}

TEST_CASE("an environment without a scene has its observations recorded", "[recording]") {
  const Json json = to_json(recorded(std::make_unique<Bare>(), 1));
  CHECK(json.at("shapes").empty());
  const Json& episode = json.at("episodes").at(0);
  CHECK(episode.at("ends") == "terminated");
  CHECK(episode.at("observations") ==
        Json::parse("[[0.0, 0.0], [1.0, -0.33333], [2.0, -0.66667], [3.0, -1.0]]"));
  CHECK(episode.at("rewards") == Json::parse("[0.5, 0.5, 0.5]"));
  CHECK(episode.at("terms").empty());
  CHECK_FALSE(episode.contains("poses"));
}

TEST_CASE("a scene whose geoms change is an error that says so", "[recording]") {
  CHECK_THROWS_WITH(to_json(recorded(std::make_unique<Bare>(true), 1)),
                    Contains("Bare-v0: scene()") && Contains("1 geoms at the start and then 2"));
}

TEST_CASE("eval --random --record writes one page that loads nothing else", "[recording]") {
  const TemporaryFolder folder;
  const Output output =
      run_command(folder, "eval --random cartpole --episodes 5 --seed 4 --record page.html");
  INFO(output.err);
  REQUIRE(output.exit_code == 0);
  CHECK_THAT(output.out, Contains("random actions: ") && Contains("5 episodes of CartPole-v1") &&
                             Contains("The first 3 episodes to watch: page.html"));
  CHECK(snapshot(folder.path()).size() == 1);
  const std::string page = read_file(folder.path("page.html"));
  check_page(page, "recording");
  const Json data = page_data(page);
  CHECK(data.at("env") == "CartPole-v1");
  CHECK(data.at("title") == "random actions");
  CHECK(data.at("policy") == "No policy: every action is as likely as any other");
  CHECK(data.at("action").at("choices") == 2);
  CHECK(data.at("episodes").size() == 3);

  const Output again = run_command(
      folder, "eval --random cartpole --episodes 5 --seed 4 --record page.html --record-episodes 1 --json");
  const Json evaluation = Json::parse(again.out);
  for (const char* name : {"episodes", "mean", "std", "min", "max"}) {  // of all five
    CHECK(data.at("evaluation").at(name) == evaluation.at(name));
  }
  CHECK(evaluation.at("episodes") == 5);
  CHECK(page_data(read_file(folder.path("page.html"))).at("episodes").size() == 1);
  for (std::size_t i = 0; i < 3; ++i) {
    const Json& episode = data.at("episodes").at(i);
    CHECK(evaluation.at("lengths").at(i) == episode.at("rewards").size());
    CHECK(episode.at("ends") == "terminated");
  }
}

TEST_CASE("recording a run changes none of its numbers", "[recording]") {
  const TemporaryFolder folder;
  REQUIRE(
      run_command(folder,
                  "train pendulum --run run --threads 1 --quiet --set 'hidden=[16,16]' --set batch_size=16 "
                  "--set learning_starts=50 --steps 250 --set final_eval_episodes=4 --set eval_every=0")
          .exit_code == 0);
  const Output plain = run_command(folder, "eval run --json");
  const Output recording = run_command(folder, "eval run --json --record page.html");
  CHECK(recording.exit_code == 0);
  CHECK(plain.out == recording.out);
  const Json summary = Json::parse(read_file(folder.path("run/summary.json")));
  CHECK(Json::parse(plain.out).at("mean") == summary.at("final_evaluation").at("mean"));
  const Json data = page_data(read_file(folder.path("page.html")));
  CHECK(data.at("title") == "run");
  CHECK_THAT(data.at("policy").get<std::string>(), Contains("Deterministic policy"));
  REQUIRE(data.at("episodes").size() == 3);
  double ret = 0;
  for (const Json& reward : data.at("episodes").at(0).at("rewards")) ret += reward.get<double>();
  for (const char* name : {"q", "entropy"}) CHECK(data.at("episodes").at(0).at(name).size() == 201);
  CHECK(ret == Approx(Json::parse(plain.out).at("returns").at(0).get<double>()).epsilon(1e-4));
}

TEST_CASE("what eval cannot record is one clear line, before any episode", "[recording]") {
  const TemporaryFolder folder;
  const auto refuses = [&](const std::string& arguments, int exit_code,
                           const std::vector<std::string>& words) {
    INFO(arguments);
    const Output output = run_command(folder, "eval " + arguments);
    CHECK(output.exit_code == exit_code);
    CHECK(output.out.empty());
    CHECK(output.err.rfind("saccade: error: ", 0) == 0);
    CHECK(std::count(output.err.begin(), output.err.end(), '\n') == 1);
    for (const std::string& word : words) CHECK_THAT(output.err, Contains(word));
  };
  for (const std::string path : {"absent/page.html", ".", "/dev/null", "/proc/page.html"}) {
    refuses("--random pendulum --episodes 1000000 --record " + path, 1, {path, "cannot be written"});
  }
  refuses("", 2, {"RUN is required", "--random"});
  refuses("run --random pendulum", 2, {"--random", "RUN"});
  refuses("--random pendulm", 2, {"\"pendulm\"", "did you mean Pendulum-v1?"});
  refuses("--random pendulum --record-episodes 2", 2, {"--record-episodes", "--record"});
  refuses("--random pendulum --record page.html --record-episodes 0", 2, {"--record-episodes", "'0'"});
  refuses("--random pendulum --record ''", 2, {"--record", "empty"});
  refuses("absent --record page.html", 1, {"absent", "no such run"});
  CHECK(snapshot(folder.path()).empty());
}

TEST_CASE("a page replaces its own kind, and nothing else unless it is forced to", "[recording]") {
  const TemporaryFolder folder;
  const std::string record = "eval --random Pendulum-v1 --episodes 1 --record page.html";
  CHECK(run_command(folder, record).exit_code == 0);
  CHECK(run_command(folder, record).exit_code == 0);  // its own
  CHECK(run_command(folder, "gradcheck --filter cumsum --html checks.html").exit_code == 0);
  const std::string checks = read_file(folder.path("checks.html"));
  for (const std::string& text : {checks, std::string("<title>Saccade: eye movements - my thesis</title>")}) {
    write_file(folder.path("page.html"), text);
    const Output refused = run_command(folder, record);
    CHECK(refused.exit_code == 2);
    CHECK_THAT(refused.err, Contains("page.html") && Contains("no page called \"Saccade: a recording\"") &&
                                Contains("--force"));
    CHECK(read_file(folder.path("page.html")) == text);
  }
  CHECK(run_command(folder, record + " --force").exit_code == 0);
  CHECK_THAT(read_file(folder.path("page.html")), Contains("<title>Saccade: a recording</title>"));
}
