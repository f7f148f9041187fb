// `saccade compare` and `train --seeds`: many runs as processes, and what they come to.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/error.h"
#include "base/text.h"
#include "rl/runs/comparison_results.h"
#include "rl/runs/logs.h"
#include "tests/support/catch.h"
#include "tests/support/command.h"
#include "tests/support/comparison.h"
#include "tests/support/pages.h"
#include "tools/pages/comparison.h"

using namespace saccade;
using namespace saccade::test;
using Catch::Contains;
using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

namespace {

// For a shell: until it is there, but no longer than a minute.
std::string wait_for(const std::string& path) {
  return "for i in $(seq 1200); do [ -e " + path + " ] && break; sleep 0.05; done; ";
}

// The table without the columns of the clock.
std::string without_clock(const std::string& csv) {
  std::string kept;
  for (std::size_t at = 0, end = 0; (end = csv.find('\n', at)) != csv.npos; at = end + 1) {
    std::string line = csv.substr(at, end - at);
    for (int i = 0; i < 2; ++i) line.resize(line.rfind(','));
    kept += line + '\n';
  }
  return kept;
}

}  // namespace

TEST_CASE("a comparison of more steps goes on with the runs that there are", "[compare]") {
  const TemporaryFolder folder;
  const auto spec = [&](int steps) {
    write_file(
        folder.path("spec.json"),
        R"({"tasks": ["pendulum"], "seeds": [1], "configurations": {"A": {"hidden": [8], "learning_starts": 100,
                   "final_eval_episodes": 1, "steps": )" +
            std::to_string(steps) + "}}}");
  };
  spec(200);
  REQUIRE(run_command(folder, "compare spec.json --quiet").exit_code == 0);
  spec(400);
  const Output more = run_command(folder, "compare spec.json");
  INFO(more.err);
  CHECK(more.exit_code == 0);
  CHECK(Json::parse(read_file(folder.path("spec/pendulum/A/1/summary.json"))).at("steps") == 400);
  spec(200);
  CHECK_THAT(run_command(folder, "compare spec.json").err,
             Contains("was made with steps 400, but 200 is asked for"));
  // Results that were kept without their checkpoints cannot go on, which is said before they are replaced.
  spec(500);
  fs::remove_all(folder.path("spec/pendulum/A/1/checkpoint"));
  const auto before = snapshot(folder.path());
  const Output kept = run_command(folder, "compare spec.json");
  CHECK(kept.exit_code > 0);
  CHECK_THAT(kept.err,
             Contains("spec/pendulum/A/1: ended at step 400, and has no checkpoint to go on from to 500"));
  CHECK((snapshot(folder.path()) == before));
}

TEST_CASE("a comparison's page says what tells its configurations apart", "[compare]") {
  const TemporaryFolder folder;
  const auto task_of = [&](const std::string& rest) {
    write_file(folder.path("spec.json"), R"({"tasks": ["Pendulum-v1"], "seeds": [1], )" + rest + "}");
    const rl::Comparison comparison = rl::read_comparison(folder.path("spec.json"), folder.path("out"));
    return pages::to_json(rl::results_of(comparison)).at("tasks").at(0);
  };
  const auto own = [](const Json& task, std::size_t i) {
    return task.at("configurations").at(i).at("settings");
  };
  // What is set for all and restored by one is what tells that one apart.
  const Json restored =
      task_of(R"("set": {"learn_alpha": false, "hidden": [32, 16], "max_grad_norm": 10, "steps": 2000},
    "configurations": {"SAC": {}, "learned": {"learn_alpha": true}, "unclipped": {"max_grad_norm": null}})");
  CHECK(restored.at("settings") == "2,000 steps, hidden [32, 16]");
  CHECK(own(restored, 0) == "sac, max_grad_norm 10, learn_alpha false");
  CHECK(own(restored, 1) == "sac, max_grad_norm 10, learn_alpha true");
  CHECK(own(restored, 2) == "sac, max_grad_norm null, learn_alpha false");
  // What is usual is said where another configuration has something else.
  const Json one = task_of(R"("configurations": {"SAC": {}, "short": {"gamma": 0.9}})");
  CHECK(own(one, 0) == "sac, gamma 0.99");
  CHECK(own(one, 1) == "sac, gamma 0.9");
  // Settings that not every algorithm has are its own.
  const Json algorithms =
      task_of(R"("configurations": {"TD3": {"target_noise": 0.3, "steps": 5000}, "SAC": {}})");
  CHECK(algorithms.at("settings") == "");
  CHECK_THAT(own(algorithms, 0).get<std::string>(),
             Contains("td3, 5,000 steps, ") && Contains("target_noise 0.3"));
  CHECK_THAT(own(algorithms, 1).get<std::string>(), Contains("sac, 1,000,000 steps"));
}

TEST_CASE("files that are not a comparison's are left alone", "[compare]") {
  const TemporaryFolder folder;
  write_file(folder.path("spec.json"), R"({"tasks": ["pendulum"], "seeds": [1], "configurations": {"A":
    {"steps": 200, "learning_starts": 150, "final_eval_episodes": 1}}})");
  for (const char* name : {"own/scores.csv", "own/comparison.html"}) {
    INFO(name);
    fs::remove_all(folder.path("own"));
    fs::create_directories(folder.path("own"));
    write_file(folder.path(name), "mine\n");
    const Output refused = run_command(folder, "compare spec.json -o own");
    CHECK(refused.exit_code > 0);
    CHECK_THAT(refused.err, Contains(name) && Contains("is no comparison's; move it"));
    CHECK_THAT(run_command(folder, "train pendulum --seeds 1..2 --steps 200 --run own").err, Contains(name));
    CHECK(read_file(folder.path(name)) == "mine\n");
    CHECK_FALSE(fs::exists(folder.path("own/pendulum")));
    fs::remove(folder.path(name));
    CHECK(run_command(folder, "compare spec.json -o own --quiet").exit_code == 0);
    CHECK(run_command(folder, "compare spec.json -o own --quiet").exit_code == 0);
  }
  // The folder's name is the file's, without its ending.
  fs::rename(folder.path("spec.json"), folder.path("spec"));
  CHECK_THAT(run_command(folder, "compare spec").err,
             Contains("spec: is a file, expected a folder for the runs"));
}

TEST_CASE("what a comparison has done can be looked at while it is at work", "[compare]") {
  const TemporaryFolder folder;
  std::string spec = kTwoConfigurations;
  spec.replace(spec.find("900"), 3, "900000");
  write_file(folder.path("spec.json"), spec);
  const std::string program = std::string("'") + SACCADE_BINARY + "' compare spec.json";
  const Output output =
      run_shell(folder, program + " --jobs 1 --quiet 2>/dev/null & " + wait_for("spec/pendulum") + program +
                            " --report; echo status $?; " + program + " --jobs 1; kill -TERM $!; wait $!");
  CHECK_THAT(output.out, Contains("status 0") && Contains("Files: spec/scores.csv"));
  CHECK_THAT(output.err, Contains("spec: another comparison is at work there"));
}

TEST_CASE("a run that cannot be started is one that failed", "[compare]") {
  const TemporaryFolder folder;
  write_file(folder.path("spec.json"), kTwoConfigurations);
  fs::create_directories(folder.path("spec/pendulum/TD3/1.log"));
  const Output output = run_command(folder, "compare spec.json");
  CHECK(output.exit_code == 1);
  CHECK_THAT(output.err, Contains("TD3/1: ") && Contains("1.log: cannot be written") &&
                             Contains("Ended with 3 of 4 runs done. To go on:\n"));
}

TEST_CASE("what is wrong with a comparison's file is said before anything is made", "[compare]") {
  const TemporaryFolder folder;
  const auto refuses = [&](const std::string& spec, const std::vector<std::string>& words) {
    INFO(spec);
    write_file(folder.path("spec.json"), spec);
    const Output output = run_command(folder, "compare spec.json");
    CHECK(output.exit_code > 0);
    CHECK(output.out.empty());
    for (const std::string& word : words) CHECK_THAT(output.err, Contains(word));
    CHECK(std::count(output.err.begin(), output.err.end(), '\n') == 1);
    CHECK_FALSE(fs::exists(folder.path("spec")));
  };
  const auto with = [](const std::string& tasks, const std::string& seeds, const std::string& configurations,
                       const std::string& more = "") {
    return "{\"tasks\": " + tasks + ", \"seeds\": " + seeds + ", \"configurations\": " + configurations +
           more + "}";
  };
  const std::string sac = R"({"SAC": {}})";
  refuses("[1]", {"spec.json", "expected an object"});
  refuses("{\"tasks\": [\"pendulum\"]", {"spec.json", "line 1"});
  refuses(R"({"tasks": ["pendulum"], "seeds": [1]})", {"\"configurations\" is missing"});
  refuses(with("[\"pendulum\"]", "[1]", sac, R"(, "confgurations": {})"),
          {"confgurations", "did you mean \"configurations\"?"});
  refuses(with("[]", "[1]", sac), {"tasks is []"});
  refuses(with("[7]", "[1]", sac), {"tasks has 7"});
  refuses(with("[\"pendulm\"]", "[1]", sac), {"pendulm", "pendulum"});
  refuses(with("[\"pendulum\"]", "[1, 1]", sac), {"seeds", "1 is there twice"});
  refuses(with("[\"pendulum\"]", "\"5..1\"", sac), {"seeds", "'5..1' given; expected the lower seed first"});
  refuses(with("[\"pendulum\"]", "\"1..20000\"", sac), {"seeds", "20000 seeds; expected at most 10000"});
  refuses(with("[\"pendulum\"]", "\"1,2..4\"", sac),
          {"seeds", "'1,2..4' given; expected seeds such as 1..5 or 1,2,7"});
  refuses(with("[\"pendulum\"]", "[1]", R"(["SAC v1", "sac_v1"])"), {"sac_v1 is there twice"});
  refuses(with("[\"pendulum\"]", "[1]", R"(["td3", "TD3"])"), {"two are called TD3"});
  refuses(with("[\"pendulum\"]", "[1]", R"(["sac", "slow"])"),
          {"slow is no algorithm; expected some of sac"});
  refuses(with("[\"pendulum\"]", "[1]", R"({"": {}})"), {"configurations: \"\" given, expected a name"});
  refuses(with("[\"pendulum\"]", "[1]", R"({"A": {"algorithm": "dqn"}})"),
          {"A on pendulum: ", "algorithm here is dqn\n"});
  refuses(
      with("[\"pendulum\"]", "[1]", R"({"1":{},"2":{},"3":{},"4":{},"5":{},"6":{},"7":{},"8":{},"9":{}})"),
      {"configurations has 9, expected at most 8"});
  refuses(with("[\"pendulum\"]", "[1]", sac, R"(, "thresholds": {"pendulum": 1e200})"),
          {"thresholds: pendulum is 1e+200", "at most 1e+150"});
  refuses(with("[\"pendulum\"]", "[]", sac), {"seeds is []"});
  refuses(with("[\"pendulum\"]", "[1]", R"({"A": {"env": "Hopper-v4"}})"),
          {"spec.json: A: env cannot be set"});
  refuses(with("[\"pendulum\"]", "[1]", R"({"A": {"seed": 5}})"), {"spec.json: A: seed cannot be set"});
  refuses(with("[\"pendulum\"]", "[1]", sac, R"(, "set": {"seed": 5})"),
          {"spec.json: set: seed cannot be set"});
  refuses(with("[\"pendulum\"]", "[1]", sac, R"(, "thresholds": 7)"), {"thresholds is 7"});
  refuses(with("[\"pendulum\"]", "[1]", "{\"" + std::string(101, 'a') + "\": {}}"),
          {"longer than 100 bytes"});
  refuses(with("[\"pendulum\"]", "\"one\"", sac), {"seeds", "one"});
  refuses(with("[\"pendulum\"]", "[1.5]", sac), {"seeds has 1.5"});
  refuses(with("[\"pendulum\"]", "[1]", R"({"A": {"lr": 3}})"), {"spec.json: A", "lr"});
  refuses(with("[\"pendulum\"]", "[1]", R"({"A": {"gamma": 3}})"), {"spec.json: A", "gamma is 3"});
  refuses(with("[\"pendulum\"]", "[1]", R"({"A": {"algorithm": "sack"}})"),
          {"spec.json: A on pendulum: ", "sack"});
  refuses(with("[\"pendulum\"]", "[1]", R"({"A": 3})"), {"A is 3", "object of settings"});
  refuses(with("[\"pendulum\"]", "[1]", R"({"A b": {}, "A-b": {}})"), {"two are called A-b"});
  refuses(with("[\"CartPole-v1\"]", "[1]", sac), {"CartPole-v1 has discrete actions"});
  refuses(with("[\"pendulum\"]", "[1]", sac, R"(, "set": {"steps": 0})"), {"spec.json: set", "steps is 0"});
  refuses(with("[\"pendulum\"]", "[1]", sac, R"(, "thresholds": {"Hopper-v4": 1})"),
          {"Hopper-v4", "none of the tasks"});
  refuses(with("[\"pendulum\"]", "\"1..9999\"", R"({"A": {}, "B": {}})"), {"more than 10000 runs"});
  CHECK_THAT(run_command(folder, "compare absent.json").err, Contains("absent.json"));
  CHECK_THAT(run_command(folder, "compare spec.json --jobs 0").err, Contains("more than 10000"));
}

TEST_CASE("a comparison trains what train would, and goes on where it was killed", "[compare][slow]") {
  const TemporaryFolder folder;
  write_file(folder.path("spec.json"), kTwoConfigurations);
  const Output output = run_command(folder, "compare spec.json -o whole --jobs 2");
  CHECK(output.err.empty());
  REQUIRE(output.exit_code == 0);
  CHECK_THAT(output.out,
             Contains("4 runs, 2 at once, in whole") && Contains("4 of 4: ") && Contains("SAC, alpha 0.2"));
  CHECK_FALSE(fs::exists(folder.path("whole/pendulum/TD3/4.log")));
  const std::string scores = read_file(folder.path("whole/scores.csv"));
  CHECK(std::count(scores.begin(), scores.end(), '\n') == 5);
  CHECK_THAT(scores, Contains("pendulum,\"SAC, alpha 0.2\",sac,1,"));
  check_page(read_file(folder.path("whole/comparison.html")), "comparison");

  REQUIRE(
      run_command(folder,
                  "train pendulum --quiet --algo td3 --seed 4 --steps 900 --run alone --set hidden=[12] "
                  "--set learning_starts=100 --set batch_size=16 --set eval_every=300 --set eval_episodes=2 "
                  "--set final_eval_episodes=2 --set diagnose_every=300 --set checkpoint_every=100")
          .exit_code == 0);
  const std::string weights = "/checkpoint/weights.safetensors";
  CHECK((read_file(folder.path("alone") + weights) ==
         read_file(folder.path("whole/pendulum/TD3/4") + weights)));

  // Asked for again it has nothing to do, and says the same.
  const Output again = run_command(folder, "compare spec.json -o whole");
  CHECK(again.exit_code == 0);
  CHECK_THAT(again.out, Contains("4 done already"));
  CHECK(read_file(folder.path("whole/scores.csv")) == scores);

  // Killed again and again, its children end by themselves; in the end all is as if nothing had happened.
  bool done = false;
  for (int delay = 40; !done && delay < 4000; delay += 60) {
    const pid_t id = fork();
    if (id == 0) {
      fs::current_path(folder.path());
      execl(SACCADE_BINARY, "saccade", "compare", "spec.json", "-o", "killed", "--jobs", "2", "--quiet",
            nullptr);
      _exit(127);
    }
    int status = 0;
    std::this_thread::sleep_for(std::chrono::milliseconds(delay));
    kill(id, SIGKILL);
    waitpid(id, &status, 0);
    done = WIFEXITED(status);
  }
  REQUIRE(run_command(folder, "compare spec.json -o killed").exit_code == 0);
  CHECK(without_clock(read_file(folder.path("killed/scores.csv"))) == without_clock(scores));
}

TEST_CASE("a signal stops a comparison with all saved, and it says how to go on", "[compare]") {
  const TemporaryFolder folder;
  std::string spec = kTwoConfigurations;
  spec.replace(spec.find("900"), 3, "900000");
  write_file(folder.path("spec.json"), spec);
  const Output output =
      run_shell(folder, std::string("'") + SACCADE_BINARY + "' compare spec.json --jobs 2 --quiet & " +
                            wait_for("spec/pendulum/TD3/1/checkpoint") + "kill -TERM $!; wait $!");
  CHECK(output.exit_code == 143);
  CHECK_THAT(output.err, Contains("Stopped with 0 of 4 runs done; the others are saved. To go on:\n") &&
                             Contains("compare spec.json"));
  const Json state = Json::parse(read_file(folder.path("spec/pendulum/TD3/1/checkpoint/state.json")));
  CHECK(state.at("train").at("step").get<int>() > 0);
  // Other settings are another comparison, but for more steps.
  write_file(folder.path("spec.json"), kTwoConfigurations);
  CHECK_THAT(run_command(folder, "compare spec.json").err,
             Contains("was made with steps 900000, but 900 is asked for"));
}

TEST_CASE("a run that fails is named, and the others are trained", "[compare]") {
  const TemporaryFolder folder;
  write_file(folder.path("spec.json"), kTwoConfigurations);
  fs::create_directories(folder.path("spec/pendulum/TD3/1"));
  write_file(folder.path("spec/pendulum/TD3/1/thesis.txt"), "mine");
  const Output output = run_command(folder, "compare spec.json");
  CHECK(output.exit_code == 1);
  CHECK_THAT(output.err,
             Contains("saccade: error: spec/pendulum/TD3/1: ") && Contains("not an empty folder"));
  CHECK(read_file(folder.path("spec/pendulum/TD3/1/thesis.txt")) == "mine");
  CHECK(page_data(read_file(folder.path("spec/comparison.html"))).at("done") == 3);
  const std::string scores = read_file(folder.path("spec/scores.csv"));
  CHECK(std::count(scores.begin(), scores.end(), '\n') == 4);
}

TEST_CASE("a comparison's lines have at most 80 columns, whatever the names", "[compare]") {
  const TemporaryFolder folder;
  std::string name;
  for (int i = 0; i < 40; ++i) name += "\u00fc";  // two bytes each
  write_file(folder.path("spec.json"),
             R"({"tasks": ["pendulum"], "seeds": [1], "configurations": {")" + name +
                 R"(": {"steps": 200, "learning_starts": 150, "final_eval_episodes": 1}}})");
  const Output output = run_command(folder, "compare spec.json --quiet");
  CHECK(output.exit_code == 0);
  CHECK_THAT(output.out, Contains("\n  " + name.substr(0, 38) + " "));
  CHECK(widest(output.out) <= 80);
}

TEST_CASE("train --seeds is a comparison of one configuration", "[compare]") {
  const TemporaryFolder folder;
  const std::string settings =
      " --steps 300 --set hidden=[8] --set learning_starts=100 --set final_eval_episodes=2";
  const Output output = run_command(folder, "train pendulum --seeds 2,3" + settings);
  CHECK(output.err.empty());
  CHECK(output.exit_code == 0);
  CHECK_THAT(output.out, Contains("in runs/pendulum-sac-seeds"));
  REQUIRE(run_command(folder, "train pendulum --seed 3 --quiet --run alone" + settings).exit_code == 0);
  const std::string weights = "/checkpoint/weights.safetensors";
  CHECK((read_file(folder.path("alone") + weights) ==
         read_file(folder.path("runs/pendulum-sac-seeds/pendulum/sac/3") + weights)));
  CHECK_THAT(run_command(folder, "train pendulum --seeds 2 --seed 1").err,
             Contains("--seed cannot be given with --seeds"));
  CHECK_THAT(run_command(folder, "train pendulum --seeds 3-5").err,
             Contains("--seeds: '3-5' given; expected seeds such as 1..5 or 1,2,7"));
  CHECK_THAT(run_command(folder, "train pendulum --seeds 1..2 --set seed=4").err,
             Contains("--set seed cannot be given with --seeds"));
  CHECK_THAT(run_command(folder, "train pendulum --seeds 1..2 --threads x").err,
             Contains("--threads: 'x' given"));
}

TEST_CASE("of runs that are done their results are enough, and damaged ones leave the others alone",
          "[compare]") {
  const TemporaryFolder folder;
  write_file(folder.path("spec.json"), kTwoConfigurations);
  REQUIRE(run_command(folder, "compare spec.json --quiet").exit_code == 0);
  // They can be kept where the rest is too large.
  for (const char* name : {"checkpoint", "progress.csv"})
    std::filesystem::remove_all(folder.path("spec/pendulum/TD3/1/") + name);
  const std::string scores = read_file(folder.path("spec/scores.csv"));
  REQUIRE(run_command(folder, "compare spec.json --quiet").exit_code == 0);
  CHECK(read_file(folder.path("spec/scores.csv")) == scores);
  CHECK_FALSE(std::filesystem::exists(folder.path("spec/pendulum/TD3/1/checkpoint")));
  // A run that cannot be read leaves the others as they are.
  const std::string damaged = folder.path("spec/pendulum/TD3/4/diagnostics.jsonl");
  write_file(damaged, read_file(damaged) + "rubbish\n");
  const Output output = run_command(folder, "compare spec.json");
  CHECK(output.exit_code == 1);
  CHECK_THAT(output.err, Contains("TD3/4/diagnostics.jsonl: line") && Contains("3 of 4 runs done") &&
                             Contains("; delete spec/pendulum/TD3/4 to train it anew"));
  CHECK_THAT(output.out, Contains("SAC, alpha 0.2") && Contains("of one run"));
  // Nor does one whose numbers make no curve, which is named.
  const std::string evaluations = folder.path("spec/pendulum/TD3/1/eval.csv");
  std::string rows = read_file(evaluations);
  const std::size_t comma = rows.find(',', rows.find("\n600,") + 1);
  rows.replace(comma + 1, rows.find(',', comma + 1) - comma - 1, "nan");
  write_file(evaluations, rows);
  CHECK_THAT(run_command(folder, "compare spec.json").err,
             Contains("saccade: error: spec/pendulum/TD3/1: ") && Contains("is nan"));
}
