// `saccade report`: the page of a run, and of several.
#include <algorithm>
#include <cstdio>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>

#include "envs/registry.h"
#include "rl/runs/logs.h"
#include "tests/support/catch.h"
#include "tests/support/command.h"
#include "tests/support/pages.h"
#include "tools/pages/report.h"

using namespace saccade;
using namespace saccade::test;
using Catch::Contains;
using Json = nlohmann::ordered_json;

namespace {

const std::string kTrain =
    "train pendulum --quiet --set hidden=[8] --set learning_starts=100 --set final_eval_episodes=4 ";

}  // namespace

TEST_CASE("a report is one page of what its run wrote", "[report]") {
  const TemporaryFolder folder;
  REQUIRE(run_command(folder, kTrain + "--steps 2000 --run run").exit_code == 0);
  const Output output = run_command(folder, "report run");
  CHECK(output.err == "");
  CHECK(output.exit_code == 0);
  CHECK_THAT(output.out, Contains("run: Pendulum-v1, sac, 2000 of 2000 steps") &&
                             Contains("The report: run/report.html"));
  const std::string page = read_file(folder.path("run/report.html"));
  check_page(page, "report");

  const Json data = page_data(page), &run = data.at("runs").at(0), &curves = run.at("curves");
  const rl::RunLog log = rl::read_run_log(folder.path("run"));
  const std::vector<double> steps = data.at("steps").get<std::vector<double>>();
  CHECK(steps.front() == 0);
  CHECK(steps.back() == 2000);
  const auto at = [&](const char* curve, double step) -> Json {
    for (std::size_t i = 0; i < steps.size(); ++i) {
      if (steps[i] == step) return curves.at(curve).at(i);
    }
    return nullptr;
  };
  // Numbers are those of the files, to five digits.
  CHECK(at("return", 400).get<double>() == Approx(log.episodes["return"].at(1)).epsilon(1e-4));
  CHECK(at("evaluation_mean", 1000).get<double>() == Approx(log.evaluations["mean"].at(0)).epsilon(1e-4));
  CHECK(at("expected", 2000).get<double>() == Approx(log.diagnoses.at(1).diagnosis.q).epsilon(1e-4));
  CHECK(at("target_entropy", 2000) == -1);
  // Between two evaluations on the line from one to the other, before the first nothing.
  const double middle = (log.evaluations["mean"].at(0) + log.evaluations["mean"].at(1)) / 2;
  CHECK(at("evaluation_mean", 1500).get<double>() == Approx(middle).epsilon(1e-4));
  CHECK(at("evaluation_mean", 500).is_null());
  for (const char* curve :
       {"alpha", "critic_loss", "actor_loss", "q", "steps_per_second", "gradient_actor", "gradient_alpha"}) {
    CHECK(curves.contains(curve));
  }
  CHECK(run.at("histograms").at("steps") == Json({1000, 2000}));
  CHECK(run.at("histograms").at("pre_squash").at(0).size() == 20);
  CHECK(run.at("facts").at("summary").at("final_evaluation").at("episodes") == 4);
  // The best, the median and the worst of the four that the run ended with.
  const Json returns = Json::parse(run_command(folder, "eval run --json").out).at("returns");
  std::vector<double> sorted = returns.get<std::vector<double>>();
  std::sort(sorted.begin(), sorted.end(), std::greater<>());
  CHECK(data.at("captions") == Json({"best", "median", "worst"}));
  for (const std::size_t i : {0, 1, 2}) {
    double sum = 0;
    for (const Json& reward : data.at("episodes").at(i).at("rewards")) sum += reward.get<double>();
    CHECK(sum == Approx(sorted.at(i == 0 ? 0 : i == 1 ? 2 : 3)).epsilon(1e-3));
  }
}

TEST_CASE("several runs lie over each other on one grid", "[report]") {
  const TemporaryFolder folder;
  REQUIRE(run_command(folder, kTrain + "--steps 1000 --run a").exit_code == 0);
  REQUIRE(run_command(folder, kTrain + "--steps 600 --run b --algo td3").exit_code == 0);
  const Output output = run_command(folder, "report a b --episodes 0 -o both.html");
  CHECK(output.exit_code == 0);
  const std::string page = read_file(folder.path("both.html"));
  check_page(page, "report");
  const Json data = page_data(page);
  CHECK(data.at("runs").size() == 2);
  CHECK_FALSE(data.contains("episodes"));
  const Json& shorter = data.at("runs").at(1).at("curves").at("return");
  CHECK(shorter.size() == data.at("steps").size());
  CHECK(shorter.back().is_null());
  CHECK_FALSE(data.at("runs").at(1).at("curves").contains("alpha"));
}

TEST_CASE("a return of 0 throughout is a curve, a loss of what is not learned is none", "[report]") {
  const TemporaryFolder folder;
  REQUIRE(run_command(folder, kTrain + "--steps 1000 --run a --set learn_alpha=false").exit_code == 0);
  rl::RunLog log = rl::read_run_log(folder.path("a"));
  for (std::size_t i = 0; i < log.episodes.names.size(); ++i) {
    if (log.episodes.names[i] != "return") continue;
    for (double& x : log.episodes.columns[i]) x = 0;
  }
  REQUIRE_FALSE(log.episodes["alpha_loss"].empty());
  const Json curves = pages::to_json({{"a", log}}, std::nullopt).at("runs").at(0).at("curves");
  CHECK(curves.contains("return"));
  CHECK(curves.contains("alpha"));
  CHECK_FALSE(curves.contains("alpha_loss"));
}

TEST_CASE("a run that still goes on can be looked at", "[report]") {
  const TemporaryFolder folder;
  REQUIRE(run_command(folder, kTrain + "--steps 1000 --run run").exit_code == 0);
  std::remove(folder.path("run/summary.json").c_str());
  std::string rows = read_file(folder.path("run/progress.csv"));
  rows.resize(rows.size() - 20);  // a row of which only a part is written
  write_file(folder.path("run/progress.csv"), rows);
  CHECK(run_command(folder, "report run").exit_code == 0);
}

TEST_CASE("results that were kept without the rest of their run are a report too", "[report]") {
  const TemporaryFolder folder;
  REQUIRE(run_command(folder, kTrain + "--steps 1000 --run run").exit_code == 0);
  for (const char* name : {"checkpoint", "progress.csv"})
    std::filesystem::remove_all(folder.path("run/") + name);
  const Output output = run_command(folder, "report run");
  CHECK(output.err.empty());
  REQUIRE(output.exit_code == 0);
  CHECK_THAT(output.out, Contains("Without a checkpoint there are no episodes to watch"));
  const Json data = page_data(read_file(folder.path("run/report.html")));
  CHECK_FALSE(data.contains("episodes"));
  const Json summary = Json::parse(read_file(folder.path("run/summary.json")));
  CHECK(data.at("runs").at(0).at("facts").at("episodes") == summary.at("episodes"));
  CHECK(summary.at("episodes") > 0);
  CHECK_THAT(run_command(folder, "report run --episodes 0").out, !Contains("checkpoint"));
  // Beside one that can be watched it is not the one that is.
  REQUIRE(run_command(folder, kTrain + "--steps 300 --run other").exit_code == 0);
  REQUIRE(run_command(folder, "report run other --episodes 3 -o both.html").exit_code == 0);
  CHECK_THAT(page_data(read_file(folder.path("both.html"))).at("about_episodes").get<std::string>(),
             Contains("3 episodes of other"));
  // Who asks for them gets none, and is told.
  CHECK_THAT(run_command(folder, "report run --episodes 3").err, Contains("there is no checkpoint"));
}

TEST_CASE("what cannot be reported is one line, and changes nothing", "[report]") {
  const TemporaryFolder folder;
  REQUIRE(run_command(folder, kTrain + "--steps 400 --run run").exit_code == 0);
  write_file(folder.path("thesis.html"), "<title>mine</title>");
  const auto before = snapshot(folder.path());
  const auto refuses = [&](const std::string& arguments, const std::string& what) {
    INFO(arguments);
    const Output output = run_command(folder, "report " + arguments);
    CHECK(output.exit_code > 0);
    CHECK(output.out == "");
    CHECK_THAT(output.err, Contains(what));
    CHECK(std::count(output.err.begin(), output.err.end(), '\n') <= 2);
  };
  refuses("", "RUN is required");
  refuses("absent", "absent");
  refuses("run run", "run is given twice");
  refuses("run -o thesis.html", "--force replaces it");
  refuses("run -o no/folder.html", "no/folder.html");
  refuses("run -o .", "cannot be written");
  refuses("run --episodes many", "--episodes");
  refuses("1 2 3 4 5 6 7 8 9", "9 runs are given, expected at most 8");
  CHECK((snapshot(folder.path()) == before));
}

TEST_CASE("a page has as many episodes as it has room for, and at least one", "[report]") {
  const TemporaryFolder folder;
  REQUIRE(run_command(folder, kTrain + "--steps 400 --run run").exit_code == 0);
  const pages::ReportedRun run = {"run", rl::read_run_log(folder.path("run"))};
  pages::ReportedEpisodes episodes;
  const std::unique_ptr<envs::Env> env =
      std::make_unique<pages::RecordingEnv>(envs::make("Pendulum-v1"), episodes.recording);
  Rng rng(1);
  std::vector<double> observation(3);
  for (const char* caption : {"best", "median", "worst"}) {
    env->reset(rng, observation);
    while (!env->step(std::vector<double>{0}, observation).ends_episode()) {
    }
    episodes.captions.emplace_back(caption);
  }
  const auto captions = [&](std::size_t bytes) {
    const std::string path = folder.path("page.html");
    pages::write_report(path, {run}, episodes, bytes);
    const Json data = page_data(read_file(path));
    CHECK(data.at("episodes").size() == data.at("captions").size());
    return data.at("captions");
  };
  CHECK(captions(10'000'000) == Json({"best", "median", "worst"}));
  const std::size_t whole = read_file(folder.path("page.html")).size();
  CHECK(captions(whole - 1) == Json({"best", "median"}));
  CHECK(captions(1) == Json({"best"}));
}

TEST_CASE("the best, the median and the worst of a few", "[report]") {
  using Order = std::vector<std::size_t>;
  CHECK(pages::best_median_worst({3, 1, 2, 5, 4}) == Order{3, 0, 1});
  CHECK(pages::best_median_worst({1, 2}) == Order{1, 0});
  CHECK(pages::best_median_worst({7}) == Order{0});
  CHECK(pages::best_median_worst({}) == Order{});
}
