// A run's tables, read back, and what is said of them.
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "rl/runs/logs.h"
#include "rl/runs/warnings.h"
#include "tests/support/catch.h"
#include "tests/support/command.h"

using namespace saccade;
using namespace saccade::rl;
using namespace saccade::test;
using Catch::Contains;

namespace {

std::string said(const RunLog& log) {
  std::string all;
  for (const std::string& sentence : warnings(log)) all += sentence + "\n";
  return all;
}

// So many rows, every 1,000 steps, as `row` makes them of the step.
template <class F>
RunLog log_of(int rows, const F& row) {
  RunLog log;
  log.info.config.off_policy.learning_starts = 0;
  for (int i = 1; i <= rows; ++i) log.diagnoses.push_back({1000 * i, row(1000.0 * i)});
  return log;
}

Table table(std::vector<std::string> names, std::vector<std::vector<double>> columns) {
  return {std::move(names), std::move(columns)};
}

}  // namespace

TEST_CASE("a table is read by its columns, without a row that is still being written", "[logs]") {
  const TemporaryFolder folder;
  const std::string path = folder.path("t.csv");
  write_file(path, "step,return,alpha\n200,-3.5,\n400,1e3,0.25\n600,7");
  const Table t = read_table(path);
  CHECK(t.rows() == 2);
  CHECK(t["return"] == std::vector<double>{-3.5, 1000});
  CHECK(std::isnan(t["alpha"].at(0)));
  CHECK(t["alpha"].at(1) == 0.25);
  CHECK(t["absent"].empty());
  write_file(path, "");
  CHECK(read_table(path).rows() == 0);
}

TEST_CASE("a damaged table is an error with its line", "[logs]") {
  const TemporaryFolder folder;
  const std::string path = folder.path("t.csv");
  const auto fails = [&](const std::string& text, const std::string& what) {
    write_file(path, text);
    CHECK_THROWS_WITH(read_table(path), Contains("t.csv: line 3") && Contains(what));
  };
  fails("step,b\n1,2\n3,four\n", "\"four\" is no number");
  fails("step,b\n1,2\n3,4 \n", "\"4 \" is no number");
  fails("step,b\n1,2\n3\n", "has 1 cells, expected 2");
  fails("step,b\n1,2\n3,4,5\n", "has 3 cells, expected 2");
  fails("step,b\n1,2\n3,\033[31m\n", "\\x1b[31m");
  for (const char* step : {"0", "1.5", "-1", "", "nan", "inf", "1e300"})
    fails(std::string("step,b\n1,2\n") + step + ",4\n", "expected a whole number of at least 1");
  write_file(path, "episode,return\n1,2\n");
  CHECK_THROWS_WITH(read_table(path), Contains("t.csv: has no column \"step\""));
  write_file(path, "step,return\n1,2\n");
  CHECK_THROWS_WITH(read_table(path, {"mean"}), Contains("t.csv: has no column \"mean\""));
  write_file(path, "step" + std::string(1000, ',') + "\n");
  CHECK_THROWS_WITH(read_table(path), Contains("t.csv: has more than 1000 columns"));
}

TEST_CASE("diagnoses and summaries that training would not write are refused", "[logs]") {
  const TemporaryFolder folder;
  REQUIRE(run_command(folder, "train pendulum --steps 1000 --set diagnose_every=500 --run run --quiet")
              .exit_code == 0);
  const std::string run = folder.path("run");
  REQUIRE(read_run_log(run).diagnoses.size() == 2);
  // A stretch of the file, the last where there are several, replaced by another.
  const auto fails = [&](const std::string& name, const std::string& old, const std::string& other,
                         const std::string& what) {
    const std::string path = run + "/" + name, good = read_file(path);
    const std::size_t at = good.rfind(old);
    REQUIRE(at != good.npos);
    write_file(path, std::string(good).replace(at, old.size(), other));
    INFO(name << ": " << other);
    CHECK_THROWS_WITH(read_run_log(run), Contains(name) && Contains(what));
    write_file(path, good);
  };
  fails("diagnostics.jsonl", "\"step\":1000", "\"step\":499", "line 3: step 499 comes after step 500");
  for (const char* step : {"-1", "1e300", "1000.5", "null", "\"1000\"", "9223372036854775808"})
    fails("diagnostics.jsonl", "\"step\":1000", std::string("\"step\":") + step, "line 3: step is ");
  fails("diagnostics.jsonl", "\"actions\":[", "\"actions\":[0,", "line 3: has histograms of 21 and 20 parts");
  fails("diagnostics.jsonl", "\"q\":", "\"Q\":", "line 3: is damaged");
  std::string norms = "\"gradient_norms\":{";
  for (int i = 0; i < 100; ++i) norms += "\"n" + std::to_string(i) + "\":1,";
  fails("diagnostics.jsonl", "\"gradient_norms\":{", norms,
        "line 3: has gradient norms of more than 100 names");
  fails("summary.json", "\"divergences\": 0,", "\"divergences\": -1,", "divergences is -1");
  fails("summary.json",
        "\n  \"episodes\": ", "\n  \"episodes\": \"many\", \"other\": ", "episodes is \"many\"");
  fails("summary.json", "\"seconds\"", "\"second\"", "is damaged");
  fails("summary.json", "\"mean\": ", "\"mean\": \"\", \"other\": ", "is damaged");
  write_file(run + "/summary.json", "[]");
  CHECK_THROWS_WITH(read_run_log(run), Contains("summary.json: is damaged"));
}

TEST_CASE("a diagnosis is written and read back", "[logs]") {
  const TemporaryFolder folder;
  CHECK(run_command(folder, "train pendulum --steps 1000 --run run --quiet").exit_code == 0);
  const std::string run = folder.path("run"), rows = run + "/diagnostics.jsonl";
  const RunLog log = read_run_log(run);
  REQUIRE(log.diagnoses.size() == 1);
  CHECK(log.last_step() == 1000);
  CHECK(log.summary.at("steps") == 1000);
  // The row that it was read from, but for shares rounded to four digits.
  const std::string written = read_file(rows);
  CHECK(written.substr(written.find('\n') + 1) == to_json(log.diagnoses[0]).dump() + "\n");
  for (const std::string text : {"[]", "{}", "3", R"({"step": "many"})", "{"}) {
    write_file(rows, "{}\n" + text + "\n");
    CHECK_THROWS_WITH(read_run_log(run), Contains("diagnostics.jsonl: line 2"));
  }
}

TEST_CASE("a run without anything odd is said nothing about", "[logs]") {
  RunLog log = log_of(10, [](double) {
    Diagnosis d;
    d.q = 105, d.soft_return = 100, d.entropy = -1.1, d.target_entropy = -1, d.saturated = 0.49;
    return d;
  });
  log.episodes = table({"step", "alpha", "critic_loss"}, {{1, 2, 3}, {1, 0.5, 0.2}, {1, 2, 3}});
  log.evaluations = table({"step", "mean"}, {{1, 2, 3, 4}, {-100, 0, 10, 8}});
  CHECK(said(log) == "");
  CHECK(said(RunLog()) == "");
}

TEST_CASE("what looks wrong is said with its step and its numbers", "[logs]") {
  RunLog log;
  log.episodes = table({"step", "alpha"}, {{1000, 41000, 42000}, {1, 5e-5, 1e-6}});
  CHECK_THAT(said(log), Contains("The temperature collapsed at step 41,000: it was 5e-05"));
  log.episodes = table({"step", "alpha"}, {{1000, 1234567}, {1, 150}});
  CHECK_THAT(said(log),
             Contains("The temperature ran away at step 1,234,567: it was 1.5e+02. Next to entropy"));
  log.episodes = table({"step", "alpha"}, {{1000, 2000, 3000}, {1, 5e-5, 0.25}});
  CHECK_THAT(said(log), Contains("collapsed at step 2,000: it was 5e-05. It came to 0.25 in the end."));
  log.episodes = table({"step", "alpha"}, {{1000, 2000}, {1e-5, 1e-5}});
  CHECK(said(log) == "");  // it was set

  log = log_of(10, [](double) {
    Diagnosis d;
    d.saturated = 0.63;
    return d;
  });
  CHECK_THAT(said(log),
             Contains("63 % of the actions' components were saturated") && Contains("at step 10,000"));

  // Early rows, before the critics know anything, do not count.
  log = log_of(10, [](double step) {
    Diagnosis d;
    d.q = step <= 5000 ? 0 : 400, d.soft_return = 100;
    return d;
  });
  CHECK_THAT(said(log),
             Contains("the critics say 400 where 100 comes, 4.0 times as much: they overestimate"));
  log = log_of(10, [](double) {
    Diagnosis d;
    d.q = -500, d.soft_return = -100;
    return d;
  });
  CHECK_THAT(said(log), Contains("the critics say -500 where -100 comes: they underestimate"));
  log = log_of(10, [](double) {
    Diagnosis d;
    d.q = -28, d.soft_return = -510;
    return d;
  });
  CHECK_THAT(said(log), Contains("the critics say -28 where -510 comes: they overestimate"));

  log = log_of(10, [](double) {
    Diagnosis d;
    d.entropy = 3.25, d.target_entropy = -6;
    return d;
  });
  CHECK_THAT(said(log), Contains("entropy is 3.25, and its target -6"));

  // Of the beginning of a run there is no later half to speak of.
  const auto wrong = [](double) {
    Diagnosis d;
    d.q = 400, d.soft_return = 100, d.entropy = 3.25, d.target_entropy = -6;
    return d;
  };
  CHECK(said(log_of(4, wrong)) == "");
  CHECK_THAT(said(log_of(6, wrong)), Contains("they overestimate") && Contains("its target -6"));
  log = log_of(1, wrong);
  log.summary = {{"divergences", 0}};  // it was all of a short run
  CHECK_THAT(said(log), Contains("they overestimate") && Contains("its target -6"));

  std::vector<double> losses(100, 1), steps(100, 1);
  for (std::size_t i = 90; i < 100; ++i) losses[i] = 250;
  log = RunLog();
  log.episodes = table({"step", "critic_loss"}, {steps, losses});
  CHECK_THAT(said(log),
             Contains("The critics' loss in the last tenth, 250, is 250 times that of the whole run"));

  log = RunLog();
  log.info.config.off_policy.learning_starts = 500;
  const auto evaluations = [&](const std::vector<double>& means, double std) {
    const std::size_t n = means.size();
    std::vector<double> at(n);
    for (std::size_t i = 0; i < n; ++i) at[i] = 1000.0 * static_cast<double>(i + 1);
    log.evaluations = table({"step", "mean", "std", "episodes"},
                            {at, means, std::vector<double>(n, std), std::vector<double>(n, 10)});
    return said(log);
  };
  CHECK_THAT(evaluations({0, 3200, 3000, 800}, 100),
             Contains("evaluations fell from 3200 at step 2,000 to 800"));
  // What chance makes of evaluations that vary so much, and what was evaluated before anything was learned.
  CHECK(evaluations({-1250, -1100, -1300, -1210, -1280}, 250) == "");
  log.info.config.off_policy.learning_starts = 2000;
  CHECK(evaluations({0, 3200, 800, 790, 795, 800}, 1) == "");

  log = RunLog();
  log.summary = {{"divergences", 12}};
  CHECK_THAT(said(log), Contains("The simulation diverged 12 times"));
}
