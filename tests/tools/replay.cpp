// `saccade replay`: what it says of a recording, and of a file that is none.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <tuple>
#include <vector>

#include "envs/mujoco/tasks.h"
#include "envs/trajectory.h"
#include "tests/support/catch.h"
#include "tests/support/command.h"
#include "tests/support/reference_data.h"
#include "tools/cli/text.h"

using namespace saccade;
using namespace saccade::test;
using Catch::Contains;
using Catch::EndsWith;
using Json = nlohmann::ordered_json;

namespace {

// The file that tests/reference/README.md shows.
std::string example_text() {
  const std::string readme = read_file(SACCADE_SOURCE_DIR "/tests/reference/README.md");
  const std::string begin = "```json\n";
  const std::size_t start = readme.find(begin) + begin.size();
  return readme.substr(start, readme.find("```", start) - start);
}

// The same with one thing changed, written as text.
std::string changed(const char* pointer, const Json& value) {
  Json file = Json::parse(example_text());
  file.at("trajectories").at(0).at(Json::json_pointer(pointer)) = value;
  return file.dump();
}

std::string without(const char* key) {
  Json file = Json::parse(example_text());
  REQUIRE(file.at("trajectories").at(0).erase(key) == 1);
  return file.dump();
}

Output replay_text(const std::string& text, const std::string& arguments = "") {
  const TemporaryFolder folder;
  write_file(folder.path("a.json"), text);
  return run_command(folder, "replay Pendulum-v1 a.json " + arguments);
}

// One line on stderr, which is `message`, and nothing on stdout.
void check_refused(const Output& output, const std::string& message) {
  CHECK(output.exit_code == 1);
  CHECK(output.out.empty());
  CHECK(output.err == "saccade: error: " + message + "\n");
}

}  // namespace

TEST_CASE("the trajectory file that the description shows is replayed", "[replay]") {
  const Output output = replay_text(example_text());
  CHECK(output.err.empty());
  CHECK(output.exit_code == 0);
  CHECK_THAT(output.out, Contains("1 trajectory of Pendulum-v1, 2 steps in all"));
  CHECK_THAT(output.out, Contains("No error is above 1e-9."));
}

TEST_CASE("replay fails when anything that was recorded differs, and names it", "[replay]") {
  const std::vector<std::tuple<const char*, Json, std::string, std::string, std::string>> changes = {
      {"/init_obs/1", 0.5, "observation", "observation[1]: 0", ", recorded 0.5"},
      {"/obs/1/2", 0.5, "observation", "observation[2]: 0.31124958395957947", ", recorded 0.5"},
      {"/states/1/0", 0.5, "state", "state[0]: 0.03056247890648", ", recorded 0.5"},
      {"/rewards/0", -1.5, "reward", "reward: -0.004", ", recorded -1.5"},
      {"/rewards/0", "-Infinity", "reward", "reward: -0.004", ", recorded -inf"},
      {"/terminated/1", true, "terminated", "terminated: 0", ", recorded 1"},
      {"/truncated/0", true, "truncated", "truncated: 0", ", recorded 1"}};
  for (const auto& [pointer, value, quantity, ours, recorded] : changes) {
    const Output output = replay_text(changed(pointer, value));
    INFO(pointer << "\n" << output.out);
    CHECK(output.exit_code == 1);
    CHECK(output.err.empty());
    CHECK_THAT(output.out, Contains("\nFAILED: errors above 1e-9 in " + quantity + "\n  " + ours));
    CHECK_THAT(output.out, EndsWith(recorded + "\n"));
  }
  // The state of the first step is also where the second starts.
  const Output output = replay_text(changed("/states/0/1", 1));
  CHECK(output.exit_code == 1);
  CHECK_THAT(output.out, Contains("FAILED: errors above 1e-9 in observation, reward, state\n"));
}

TEST_CASE("replay passes what is within the tolerance", "[replay]") {
  const std::string file = changed("/rewards/0", 0.496);  // off by 0.5
  CHECK(replay_text(file, "--tolerance 0.51").exit_code == 0);
  const Output output = replay_text(file, "--tolerance 0.49");
  CHECK(output.exit_code == 1);
  CHECK_THAT(output.out, Contains("FAILED: errors above 0.49 in reward\n"));
  CHECK(replay_text(changed("/rewards/0", -0.004 + 5e-10)).exit_code == 0);
  CHECK(replay_text(changed("/rewards/0", -0.004 + 5e-9)).exit_code == 1);
  // A flag is not off by a number.
  CHECK(replay_text(changed("/terminated/1", true), "--tolerance 1000").exit_code == 1);
  for (const std::string tolerance : {"x", "-1", "nan", "inf", "1e999", "1e-9x"}) {
    const Output wrong = replay_text(example_text(), "--tolerance " + tolerance);
    INFO(tolerance);
    CHECK(wrong.exit_code == 2);
    CHECK(wrong.out.empty());
    CHECK(wrong.err == fmt::format("saccade: error: --tolerance: '{}' given; expected a finite number that "
                                   "is at least 0\n",
                                   tolerance));
  }
}

TEST_CASE("replay names the trajectory of a worst error, within 80 columns", "[replay]") {
  Json file = Json::parse(example_text());
  Json other = file.at("trajectories").at(0);
  const std::string name = "off-nominal initial state, held random";
  other["name"] = name;
  other["obs"][1][2] = 0.5;
  file["trajectories"].push_back(other);
  const Output output = replay_text(file.dump());
  INFO(output.out);
  CHECK_THAT(output.out, Contains("2 trajectories of Pendulum-v1, 4 steps in all"));
  CHECK_THAT(output.out, Contains("\nobservation      18     0.19     2     2  " + name + "\n"));
  CHECK_THAT(output.out, Contains("\ntruncated         4        0\n"));
  CHECK(widest(output.out) <= 80);

  std::string dots;
  for (int i = 0; i < 40; ++i) dots += "ö";
  file["trajectories"][1]["name"] = dots;
  const Output cut = replay_text(file.dump());
  INFO(cut.out);
  CHECK_THAT(cut.out, Contains("  " + dots.substr(0, 70) + "...\n"));
  CHECK(widest(cut.out) == 80);
}

TEST_CASE("numbers that JSON lacks are texts in a trajectory file", "[replay]") {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const auto reward = [](const Json& value) {
    const TemporaryFolder folder;
    write_file(folder.path("a.json"), changed("/rewards/1", value));
    return envs::read_trajectories(folder.path("a.json"), "Pendulum-v1").at(0).rewards.at(1);
  };
  CHECK(reward("Infinity") == infinity);
  CHECK(reward("inf") == infinity);
  CHECK(reward("-Infinity") == -infinity);
  CHECK(reward("-inf") == -infinity);
  CHECK(std::isnan(reward("NaN")));
  CHECK(reward(3) == 3);

  const double nan = reward("NaN");
  CHECK(envs::error_of({"reward", 1, 0, nan, nan}) == 0);
  CHECK(envs::error_of({"reward", 1, 0, infinity, infinity}) == 0);
  CHECK(envs::error_of({"reward", 1, 0, infinity, -infinity}) == infinity);
  CHECK(envs::error_of({"reward", 1, 0, nan, 1}) == infinity);
  CHECK(envs::error_of({"reward", 1, 0, 1, nan}) == infinity);
  CHECK(envs::error_of({"reward", 1, 0, 0.5, 0.25}) == 0.25);
  CHECK(envs::error_of({"reward", 1, 0, 5, 4}) == 0.25);
  CHECK(envs::error_of({"truncated", 1, 0, 0, 1}) == infinity);
}

TEST_CASE("what is no trajectory file is one line that names it", "[replay]") {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder.path("folder"));
  check_refused(run_command(folder, "replay pendulum folder"), "folder: cannot be read: it is a folder");
  check_refused(run_command(folder, "replay pendulum absent.json"),
                "absent.json: cannot be read: No such file or directory");
  check_refused(replay_text("{\"trajectories\": [\n  {\"name\": 1,\n  }\n]}"),
                "a.json: is not valid JSON (line 3, column 3)");
  check_refused(replay_text("[NaN]"), "a.json: is not valid JSON (line 1, column 2)");
  check_refused(replay_text(""), "a.json: is not valid JSON (line 1, column 1)");
  check_refused(replay_text("{\"trajectories\": [1e999]}"), "a.json: holds a number too large for a double");
  for (const std::string text : {"[1]", "{}", "{\"trajectories\": 1}"}) {
    check_refused(replay_text(text),
                  "a.json: is no file of trajectories: an object with an array \"trajectories\" is expected");
  }
  check_refused(replay_text("{\"trajectories\": []}"), "a.json: it has no trajectory of Pendulum-v1");
  check_refused(replay_text(changed("/env_id", "CartPole-v1")),
                "a.json: it has no trajectory of Pendulum-v1, only of CartPole-v1");
  check_refused(replay_text("{\"trajectories\": [1]}"),
                "a.json, trajectories[0]: 1 was given, but an object is expected");
  check_refused(replay_text("{\"trajectories\": [], \"facts\": {\"id\": \"Hopper-v5\"}}"),
                "a.json: its trajectories are Hopper-v5's, but Pendulum-v1's were asked for");
}

TEST_CASE("a trajectory that does not fit is one line that names it and the step", "[replay]") {
  const std::string a = "a.json, trajectory \"push, then let go\"";
  check_refused(replay_text(without("env_id")), "a.json, trajectories[0]: \"env_id\" is missing");
  check_refused(replay_text(changed("/name", 7)),
                "a.json, trajectories[0]: \"name\" is 7, but a text is expected");
  check_refused(replay_text(without("rewards")), a + ": \"rewards\" is missing");
  check_refused(replay_text(changed("/terminated", true)),
                a + ": \"terminated\" is true, but an array is expected");
  check_refused(replay_text(changed("/terminated/1", 0)),
                a + ": terminated[1] is 0, but true or false is expected");
  check_refused(replay_text(changed("/rewards/1", "one")),
                a + ": rewards[1] is \"one\", but a number is expected");
  check_refused(
      replay_text(changed("/obs/1/0", nullptr)),
      a + ": obs[1] is [null,0.030557721853256226,0.31124958395957947], but an array of numbers is expected");
  check_refused(replay_text(changed("/rewards", {1})),
                a + ": the number of rewards is 1, but 2 is expected, that of actions");
  Json empty = Json::parse(example_text());
  for (const char* key : {"actions", "states", "obs", "rewards", "terminated", "truncated"}) {
    empty["trajectories"][0][key] = Json::array();
  }
  check_refused(replay_text(empty.dump()), a + ": it has no steps");

  check_refused(replay_text(changed("/init_state", {0, 0, 0})),
                a + ", step 0: a state of size 3 was given, but size 2 is expected");
  check_refused(replay_text(changed("/init_state", {0})),
                a + ", step 0: a state of size 1 was given, but size 2 is expected");
  check_refused(replay_text(changed("/init_obs", {0})),
                a + ", step 0: an observation of size 1 was given, but size 3 is expected");
  check_refused(replay_text(changed("/states/1", {0, 0, 0})),
                a + ", step 2: a state of size 3 was given, but size 2 is expected");
  check_refused(replay_text(changed("/obs/0", {1, 2})),
                a + ", step 1: an observation of size 2 was given, but size 3 is expected");
  check_refused(replay_text(changed("/actions/1", {0, 0})),
                a + ", step 2: an action of size 2 was given, but size 1 is expected");
  check_refused(replay_text(changed("/states/0/1", "NaN")),
                a + ", step 1: Pendulum-v1: state[1] is nan, but a finite number is expected");
  check_refused(replay_text(changed("/actions/1/0", "Infinity")),
                a + ", step 2: Pendulum-v1: action[0] is inf, but a finite number is expected");
}

TEST_CASE("the form of a MuJoCo task, whose actions may be in another file", "[replay]") {
  if (envs::mujoco_version().empty()) return;
  const TemporaryFolder folder;
  const Json original = tests::reference("mujoco/invertedpendulum.json");
  Json file = tests::reference("mujoco/invertedpendulum_v5.json");
  const auto replayed = [&] {
    write_file(folder.path("a.json"), file.dump());
    return run_command(folder, "replay InvertedPendulum-v5 a.json");
  };
  const std::string a = "a.json, trajectory \"random uniform\"";
  check_refused(replayed(), a + ": its actions are in another file: invertedpendulum.json: cannot be read: "
                                "No such file or directory");

  Json renamed = original;
  renamed["trajectories"][0]["kind"] = "another";
  write_file(folder.path("invertedpendulum.json"), renamed.dump());
  check_refused(
      replayed(),
      a + ": its actions are in another file: invertedpendulum.json: it has no trajectory of this kind");

  write_file(folder.path("invertedpendulum.json"), original.dump());
  const Output output = replayed();
  CHECK(output.exit_code == 0);
  CHECK(output.err.empty());
  CHECK_THAT(output.out, Contains("2 trajectories of InvertedPendulum-v5, 400 steps in all"));

  // With all in one file, and no more of the facts than the name.
  Json whole = original;
  whole["facts"] = {{"id", "InvertedPendulum-v4"}};
  write_file(folder.path("whole.json"), whole.dump());
  CHECK(run_command(folder, "replay InvertedPendulum-v4 whole.json").exit_code == 0);
  whole["trajectories"][0].erase("qvel");
  write_file(folder.path("whole.json"), whole.dump());
  check_refused(run_command(folder, "replay InvertedPendulum-v4 whole.json"),
                "whole.json, trajectory \"random uniform\": \"qvel\" is missing");

  file["trajectories"][0]["init_qvel"] = {0};
  check_refused(replayed(), a + ", step 0: a state of size 3 was given, but size 4 is expected");
}

TEST_CASE("a state of a MuJoCo task in the other form begins with the time", "[replay]") {
  if (envs::mujoco_version().empty()) return;
  const TemporaryFolder folder;
  const Json from = tests::reference("mujoco/invertedpendulum.json").at("trajectories").at(0);
  const double step_seconds = 0.04;
  const auto state = [](double time, const Json& qpos, const Json& qvel) {
    return Json{time, qpos.at(0), qpos.at(1), qvel.at(0), qvel.at(1)};
  };
  Json to = {{"env_id", "InvertedPendulum-v4"},
             {"name", "a"},
             {"init_state", state(0, from.at("init_qpos"), from.at("init_qvel"))},
             {"init_obs", from.at("reset_obs")}};
  for (std::size_t t = 0; t < 2; ++t) {
    const double time = static_cast<double>(t + 1) * step_seconds;
    to["states"].push_back(state(time, from.at("qpos").at(t), from.at("qvel").at(t)));
    to["actions"].push_back(from.at("actions").at(t));
    to["obs"].push_back(from.at("obs").at(t));
    to["rewards"].push_back(from.at("reward").at(t));
    to["terminated"].push_back(from.at("terminated").at(t));
    to["truncated"].push_back(from.at("truncated").at(t));
  }
  Json file;
  file["trajectories"].push_back(to);
  write_file(folder.path("a.json"), file.dump());
  const Output output = run_command(folder, "replay InvertedPendulum-v4 a.json");
  INFO(output.out << output.err);
  CHECK(output.exit_code == 0);
  file["trajectories"][0]["states"][1].erase(0);
  write_file(folder.path("a.json"), file.dump());
  check_refused(run_command(folder, "replay InvertedPendulum-v4 a.json"),
                "a.json, trajectory \"a\", step 2: a state of size 4 was given, but size 5 is expected");
}

TEST_CASE("a discrete action in a trajectory file is a number", "[replay]") {
  const TemporaryFolder folder;
  Json file = tests::reference("gym_classic.json");
  Json cart_poles = Json::array();
  for (const Json& trajectory : file.at("trajectories")) {
    if (trajectory.at("env_id") == "CartPole-v1") cart_poles.push_back(trajectory);
  }
  REQUIRE(cart_poles.at(0).at("actions").at(0).is_number());
  file["trajectories"] = Json::array({cart_poles.at(0)});
  write_file(folder.path("a.json"), file.dump());
  CHECK(run_command(folder, "replay CartPole-v1 a.json").exit_code == 0);
  file["trajectories"][0]["actions"][3] = 7;
  file["trajectories"][0]["name"] = "seven";
  write_file(folder.path("a.json"), file.dump());
  check_refused(
      run_command(folder, "replay CartPole-v1 a.json"),
      "a.json, trajectory \"seven\", step 4: CartPole-v1: the action is 7, but a whole number from 0 "
      "to 1 is expected");
}
