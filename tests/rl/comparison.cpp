// Comparisons: which runs a specification asks for, and what runs came to.
#include "rl/runs/comparison.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "rl/runs/comparison_results.h"
#include "rl/runs/logs.h"
#include "tests/support/catch.h"
#include "tests/support/command.h"
#include "tests/support/comparison.h"

using namespace saccade;
using namespace saccade::test;
using Json = nlohmann::ordered_json;

TEST_CASE("a comparison's settings are those of its runs, the closest ones over the others", "[compare]") {
  const TemporaryFolder folder;
  write_file(folder.path("spec.json"), kTwoConfigurations);
  const rl::Comparison c = rl::read_comparison(folder.path("spec.json"), folder.path("out"));
  REQUIRE(c.runs.size() == 4);
  CHECK(c.seeds == std::vector<std::int64_t>{1, 4});
  const rl::ComparedRun &first = c.runs[0], &last = c.runs[3];
  CHECK(first.folder == folder.path("out/pendulum/SAC-alpha-0.2/1"));
  CHECK(last.folder == folder.path("out/pendulum/TD3/4"));
  CHECK(first.info.config.run.steps == 900);  // the task's, over those of all
  CHECK(to_json(first.info.config).at("hidden") == Json({8}));
  CHECK(to_json(last.info.config).at("hidden") == Json({12}));  // its own
  CHECK(to_json(first.info.config).at("initial_alpha") == 0.2);
  CHECK(last.info.config.algorithm().name == "td3");
  CHECK(last.info.config.run.seed == 4);
  CHECK(first.info.config.off_policy.buffer_size == 10'000);  // the preset's
  CHECK(c.thresholds.at("pendulum") == -200);                 // the environment's
}

TEST_CASE("an algorithm that is set for all, or for a task, brings its preset along", "[compare]") {
  const TemporaryFolder folder;
  const auto config = [&](const std::string& spec) {
    write_file(folder.path("spec.json"), spec);
    return to_json(rl::read_comparison(folder.path("spec.json"), folder.path("out")).runs.at(0).info.config);
  };
  const Json own =
      config(R"({"tasks": ["pendulum"], "seeds": [1], "configurations": {"A": {"algorithm": "td3"}}})");
  CHECK(own == to_json(rl::config_for("pendulum", "td3")));
  CHECK(
      config(
          R"({"tasks": ["pendulum"], "seeds": [1], "set": {"algorithm": "td3"}, "configurations": {"A": {}}})") ==
      own);
  CHECK(config(R"({"tasks": {"pendulum": {"algorithm": "td3"}}, "seeds": [1], "set": {"algorithm": "sac"},
                   "configurations": {"A": {}}})") == own);
}

TEST_CASE("a configuration that is called as an algorithm is of that one", "[compare]") {
  const TemporaryFolder folder;
  const auto algorithms = [&](const std::string& configurations, const std::string& more = "") {
    write_file(folder.path("spec.json"), R"({"tasks": ["CartPole-v1"], "seeds": [1], "configurations": )" +
                                             configurations + more + "}");
    std::vector<std::string> names;
    for (const rl::ComparedRun& run : rl::read_comparison(folder.path("spec.json"), folder.path("out")).runs)
      names.push_back(run.info.config.algorithm().name);
    return names;
  };
  using Names = std::vector<std::string>;
  CHECK(algorithms(R"(["dqn", "Discrete SAC"])") == Names{"dqn", "discrete_sac"});
  CHECK(algorithms(R"({"DQN": {"gamma": 0.9}, "soft-q": {}, "other": {}})",
                   R"(, "set": {"algorithm": "discrete_sac"})") == Names{"dqn", "soft_q", "discrete_sac"});
  CHECK(algorithms(R"({"dqn": {"algorithm": "soft_q"}})") == Names{"soft_q"});
}

TEST_CASE("the last ten evaluations are those before the final one", "[compare]") {
  const TemporaryFolder folder;
  write_file(folder.path("spec.json"),
             R"({"tasks": ["pendulum"], "seeds": [1], "configurations": {"A": {"hidden": [8],
    "steps": 600, "learning_starts": 100, "eval_every": 50, "eval_episodes": 1, "final_eval_episodes": 1}}})");
  REQUIRE(run_command(folder, "compare spec.json --quiet").exit_code == 0);
  const auto results = rl::results_of(rl::read_comparison(folder.path("spec.json"), folder.path("spec")));
  const std::vector<double> all = rl::read_run_log(folder.path("spec/pendulum/A/1")).evaluations["mean"];
  REQUIRE(all.size() == 12);
  double sum = 0;
  for (std::size_t i = 2; i < 12; ++i) sum += all[i];
  CHECK(results.tasks.at(0).configurations.at(0).runs.at(0).last_ten == Approx(sum / 10));
}

TEST_CASE("results are the statistics of the runs' files", "[compare]") {
  const TemporaryFolder folder;
  write_file(folder.path("spec.json"), kTwoConfigurations);
  REQUIRE(run_command(folder, "compare spec.json --quiet").exit_code == 0);
  const rl::Comparison comparison = rl::read_comparison(folder.path("spec.json"), folder.path("spec"));
  const rl::ComparisonResults results = rl::results_of(comparison);
  CHECK(results.done == 4);
  REQUIRE(results.tasks.size() == 1);
  CHECK(results.over_tasks.empty());  // of a single task
  const rl::ConfigurationResult& sac = results.tasks[0].configurations[0];
  double sum = 0, better = 0;
  for (const int seed : {1, 4}) {
    const std::string run = folder.path("spec/pendulum/SAC-alpha-0.2/") + std::to_string(seed);
    const rl::RunLog log = rl::read_run_log(run);
    const auto& result = sac.runs[seed == 1 ? 0 : 1];
    CHECK(result.score == log.summary.at("final_evaluation").at("mean"));
    // The final evaluation takes the place of the last one, which is at its step.
    std::vector<double> curve = log.evaluations["mean"];
    curve.back() = result.score;
    CHECK(result.curve.values == curve);
    const std::vector<double>& all = log.evaluations["mean"];
    CHECK(result.best == std::max(result.score, *std::max_element(all.begin(), all.end())));
    CHECK(result.last_ten == Approx((all[0] + all[1] + all[2]) / 3));             // there are three
    const auto &a = log.diagnoses[1].diagnosis, &b = log.diagnoses[2].diagnosis;  // the later half of three
    CHECK(result.overestimation.value() == Approx((a.q - a.soft_return + b.q - b.soft_return) / 2));
    CHECK(result.soft_return.value() == Approx((a.soft_return + b.soft_return) / 2));
    CHECK(result.alpha.value() == Approx(0.2));
    sum += result.score;
    for (const auto& other : results.tasks[0].configurations[1].runs) {
      better += other.score > result.score ? 0.25 : other.score == result.score ? 0.125 : 0;
    }
  }
  CHECK(sac.iqm.value().value == Approx(sum / 2));
  CHECK_FALSE(sac.improvement);
  CHECK(results.tasks[0].configurations[1].improvement.value().value == Approx(better));
  CHECK(sac.steps == std::vector<std::int64_t>{300, 600, 900});
  // What was compared: not what goes without saying of the task, its seed and its steps.
  CHECK(sac.algorithm == "sac");
  CHECK(sac.steps_asked_for == 900);
  CHECK(sac.settings.at("learn_alpha") == false);
  CHECK(sac.settings.at("hidden") == Json({8}));
  CHECK(results.tasks[0].configurations[1].settings.at("hidden") == Json({12}));
  CHECK(results.tasks[0].configurations[1].settings.at("learning_starts") == 100);
  for (const char* key : {"seed", "steps", "env", "gamma", "buffer_size"})
    CHECK_FALSE(sac.settings.contains(key));
  CHECK(sac.curve.at(2).value == Approx((sac.runs[0].curve.values[2] + sac.runs[1].curve.values[2]) / 2));
}
