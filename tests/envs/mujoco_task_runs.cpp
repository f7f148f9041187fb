// Runs of task files, by the command.
#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "envs/registry.h"
#include "tests/support/catch.h"
#include "tests/support/command.h"
#include "tests/support/task_files.h"

using namespace saccade;
using namespace saccade::envs;
using namespace saccade::tests;
using Catch::Contains;

TEST_CASE("a run keeps its task, whatever becomes of the file", "[task_file]") {
  const test::TemporaryFolder folder;
  const auto saccade = [&](const std::string& arguments) { return test::run_command(folder, arguments); };
  const std::string settings =
      " --quiet --set learning_starts=30 --set hidden=[8] --set batch_size=8 --set final_eval_episodes=1";
  std::filesystem::create_directories(folder.path("bodies"));
  test::write_file(folder.path("bodies/robot.xml"), kModel);
  test::write_file(folder.path("bodies/my_robot.json"), kTask.dump(2));
  const std::string id = canonical_id(folder.path("bodies/my_robot.json"));

  // One wrong word, and there is no folder.
  test::write_file(folder.path("bodies/wrong.json"), with("/reward/forward/xpos", "\"nose\"").dump());
  const test::Output wrong = saccade("train bodies/wrong.json --run r0");
  CHECK(wrong.exit_code != 0);
  CHECK_THAT(wrong.err, Contains("bodies/wrong.json: reward.forward.xpos is \"nose\""));
  CHECK(std::count(wrong.err.begin(), wrong.err.end(), '\n') <= 4);
  CHECK_FALSE(std::filesystem::exists(folder.path("r0")));

  const test::Output trained = saccade("train bodies/my_robot.json --run whole --steps 80" + settings);
  REQUIRE(trained.exit_code == 0);
  REQUIRE(saccade("train bodies/my_robot.json --run parts --steps 50" + settings).exit_code == 0);
  CHECK(Json::parse(test::read_file(folder.path("parts/config.json")))["config"]["env"] == id);
  CHECK(std::filesystem::is_regular_file(folder.path("parts/task.json")));
  // A default name, and a settings file from which another program can go on.
  CHECK(saccade("train bodies/my_robot.json --steps 40" + settings).exit_code == 0);
  CHECK(std::filesystem::exists(folder.path("runs/" + id + "-1/task.json")));
  const test::Output listed = saccade("config bodies/my_robot.json --json");
  CHECK(Json::parse(listed.out)["env"] == "bodies/my_robot.json");

  // The file changes: another task, which the run is none of.
  test::write_file(folder.path("bodies/my_robot.json"), with("/frame_skip", "3").dump());
  const auto before = test::snapshot(folder.path("parts"));
  const test::Output changed = saccade("train bodies/my_robot.json --resume parts --steps 80");
  CHECK(changed.exit_code == 2);
  CHECK_THAT(changed.err, Contains("'bodies/my_robot.json' was asked for, but parts is a run of " + id));
  CHECK(test::snapshot(folder.path("parts")) == before);

  // All of it is gone, and the run elsewhere.
  std::filesystem::remove_all(folder.path("bodies"));
  std::filesystem::create_directories(folder.path("moved"));
  std::filesystem::rename(folder.path("parts"), folder.path("moved/parts"));
  REQUIRE(saccade("train --resume moved/parts --steps 80 --quiet").exit_code == 0);
  for (const std::string file : {"weights", "replay"}) {
    const std::string name = "/checkpoint/" + file + ".safetensors";
    CHECK(test::read_file(folder.path("moved/parts" + name)) == test::read_file(folder.path("whole" + name)));
  }
  CHECK(saccade("eval whole --episodes 2 --json").out != "");
  const test::Output evaluated = saccade("eval moved/parts --episodes 2 --record page.html");
  CHECK(evaluated.exit_code == 0);
  CHECK(evaluated.err.empty());
  CHECK_THAT(evaluated.out, Contains("over 2 episodes of " + id));
  CHECK(
      test::page_data(test::read_file(folder.path("page.html")))["episodes"][0]["terms"].contains("forward"));
  CHECK(saccade("report whole moved/parts -o report.html").exit_code == 0);
  // A run's copy is a task file as well, and its config.json a file of settings.
  CHECK_THAT(saccade("envs whole/task.json").out, Contains(id) && Contains("reward forward: {"));
  CHECK(saccade("train --config whole/config.json --run again --steps 80 --quiet").exit_code == 0);
  CHECK(test::read_file(folder.path("again/checkpoint/weights.safetensors")) ==
        test::read_file(folder.path("whole/checkpoint/weights.safetensors")));
  CHECK(test::read_file(folder.path("again/task.json")) == test::read_file(folder.path("whole/task.json")));

  // The copy has been changed, or is gone, or leads elsewhere.
  const std::string kept = test::read_file(folder.path("whole/task.json"));
  Json other = Json::parse(kept);
  other["task"]["frame_skip"] = 3;
  test::write_file(folder.path("whole/task.json"), other.dump());
  for (const std::string command : {"eval whole --episodes 1", "train --resume whole --steps 90"}) {
    const test::Output output = saccade(command);
    CHECK(output.exit_code != 0);
    CHECK_THAT(output.err,
               Contains("whole/task.json: holds my_robot-") && Contains("but the run is one of " + id));
  }
  test::write_file(folder.path("whole/task.json"), kept);
  // Nor does a run's settings lead to a file.
  const std::string config = test::read_file(folder.path("whole/config.json"));
  Json led = Json::parse(config);
  led["config"]["env"] = "whole/task.json";
  test::write_file(folder.path("whole/config.json"), led.dump());
  CHECK_THAT(saccade("eval whole").err,
             Contains("whole: env is \"whole/task.json\", a file; expected an id"));
  CHECK_THAT(saccade("train --config whole/config.json").err, Contains("env is \"whole/task.json\", a file"));
  test::write_file(folder.path("whole/config.json"), config);
  CHECK(saccade("eval whole --episodes 1").exit_code == 0);
  std::filesystem::remove(folder.path("whole/task.json"));
  CHECK_THAT(saccade("eval whole").err, Contains("no environment is called \"" + id + "\""));
  test::write_file(folder.path("kept.json"), kept);
  std::filesystem::create_symlink("../kept.json", folder.path("whole/task.json"));
  CHECK_THAT(saccade("eval whole").err, Contains("whole/task.json: is a link"));
}

TEST_CASE("task files wherever an environment's name is taken", "[task_file]") {
  const test::TemporaryFolder folder;
  const auto saccade = [&](const std::string& arguments) { return test::run_command(folder, arguments); };
  test::write_file(folder.path("robot.xml"), kModel);
  test::write_file(folder.path("my_robot.json"), kTask.dump(2));
  const std::string settings =
      " --set learning_starts=30 --set hidden=[8] --set batch_size=8 --set final_eval_episodes=1";
  CHECK_THAT(saccade("envs my_robot.json").out,
             Contains("my_robot-") && Contains("reward forward: {\"xpos\":\"trunk\"") &&
                 Contains("action 1: turn") && Contains("2 actuators; a step") && !Contains("Pendulum"));
  const Json listed = Json::parse(saccade("envs my_robot.json Pendulum-v1 --json").out);
  REQUIRE(listed.size() == 2);
  CHECK(listed[0]["observation_size"] == 2);
  CHECK(listed[0]["action_high"] == Json({2.0, 1.0}));
  CHECK(listed[1]["id"] == "Pendulum-v1");
  CHECK(saccade("eval --random my_robot.json --episodes 1 --record page.html").exit_code == 0);
  CHECK(saccade("train my_robot.json --envs 3 --threads 2 --steps 60 --quiet --run copies" + settings)
            .exit_code == 0);
  CHECK(saccade("train --set env=my_robot.json --config /dev/null").exit_code == 2);
  const test::Output seeds =
      saccade("train my_robot.json --seeds 1..2 --steps 40 --quiet --run seeds" + settings);
  CHECK(seeds.exit_code == 0);
  CHECK(std::filesystem::exists(folder.path("seeds/my_robot.json/sac/2/task.json")));
  test::write_file(folder.path("spec.json"), R"({"tasks": ["my_robot.json"], "seeds": [1],
      "set": {"steps": 40, "learning_starts": 30, "hidden": [8], "batch_size": 8, "final_eval_episodes": 1},
      "configurations": {"sac": {}, "td3": {"algorithm": "td3"}}})");
  const test::Output compared = saccade("compare spec.json --quiet");
  CHECK(compared.exit_code == 0);
  CHECK(std::filesystem::exists(folder.path("spec/my_robot.json/td3/1/task.json")));
  // A changed file is not compared with what came of the old one.
  test::write_file(folder.path("my_robot.json"), with("/frame_skip", "3").dump());
  CHECK_THAT(saccade("compare spec.json --quiet").err, Contains("was made with env \"my_robot-"));
}

TEST_CASE("SAC learns to crawl in the example's body", "[task_file]") {
  const test::TemporaryFolder folder;
  const std::string example = std::string(SACCADE_SOURCE_DIR) + "/examples/own_body/";
  const auto mean = [&](const std::string& arguments, const char* key) {
    const test::Output output = test::run_command(folder, arguments);
    REQUIRE(output.exit_code == 0);
    const Json json = Json::parse(output.out);
    return (json.contains(key) ? json.at(key) : json).at("mean").get<double>();
  };
  // Metres in 10 s are a twentieth of the return.
  CHECK(mean("eval --random " + example + "crawler.json --episodes 20 --json", "") < 0);
  CHECK(mean("train " + example + "crawler.json --config " + example + "settings.json --json",
             "final_evaluation") > 40);
}
