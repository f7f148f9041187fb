// Whole training runs: the same bits whatever the number of threads, wherever a run was stopped and however
// often.

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>
#include <utility>

#include "base/error.h"
#include "envs/registry.h"
#include "rl/runs/training.h"
#include "rl/training/train.h"
#include "tests/support/catch.h"
#include "tests/support/command.h"
#include "tests/support/runs.h"

using namespace saccade;
using namespace saccade::test;
using Json = nlohmann::ordered_json;

namespace {

// Learning starts after 50 steps, with an evaluation every 150. Pendulum's episodes end at 200 and 400; with
// discrete actions it is CartPole, whose end soon.
rl::RunInfo small_run(const std::string& algorithm = "sac") {
  return run_of(algorithm, {{"hidden", {16, 16}},
                            {"batch_size", 16},
                            {"buffer_size", 300},
                            {"learning_starts", 50},
                            {"steps", 450},
                            {"eval_every", 150},
                            {"eval_episodes", 2},
                            {"final_eval_episodes", 2}});
}

// The table without its last columns, which are of the clock.
std::string without_clock(const std::string& csv) {
  std::istringstream lines(csv);
  std::string kept;
  for (std::string line; std::getline(lines, line);) {
    for (int i = 0; i < 3; ++i) line.resize(line.rfind(','));
    kept += line + '\n';
  }
  return kept;
}

// All that a run leaves but for times, by name.
std::map<std::string, std::string> result_of(const std::string& run) {
  std::map<std::string, std::string> result;
  for (const std::string name : {"weights", "optimizer", "replay"}) {
    result[name] = read_file(run + "/checkpoint/" + name + ".safetensors");
  }
  result["state"] = Json::parse(read_file(run + "/checkpoint/state.json")).at("train").dump();
  result["progress"] = without_clock(read_file(run + "/progress.csv"));
  result["eval"] = read_file(run + "/eval.csv");
  result["config"] = Json::parse(read_file(run + "/config.json")).at("config").dump();
  Json summary = Json::parse(read_file(run + "/summary.json"));
  for (const char* key : {"seconds", "steps_per_second", "updates_per_second", "threads"}) summary.erase(key);
  result["summary"] = summary.dump();
  return result;
}

void check_same(const std::string& run, const std::map<std::string, std::string>& expected) {
  for (const auto& [name, contents] : result_of(run)) {
    INFO(run << ": " << name);
    // Not CHECK(a == b), which would print binary files.
    const bool same = contents == expected.at(name);
    CHECK(same);
  }
}

std::map<std::string, std::string> never_stopped(const TemporaryFolder& folder,
                                                 const rl::RunInfo& info = small_run()) {
  go(rl::Training::begin(info, folder.path("never stopped")));
  return result_of(folder.path("never stopped"));
}

// The binary in a process of its own, to send signals to.
class Process {
 public:
  Process(const TemporaryFolder& folder, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), SACCADE_BINARY);
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    const std::string output = folder.path("output");
    id_ = fork();
    if (id_ == 0) {
      signal(SIGHUP, SIG_DFL);  // under nohup it would be ignored
      const int file = open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
      dup2(file, STDOUT_FILENO);
      dup2(file, STDERR_FILENO);
      if (chdir(folder.path().c_str()) == 0) execv(argv[0], argv.data());
      _exit(127);
    }
  }
  void send(int signal) const { kill(id_, signal); }
  /// The exit code, or minus the signal that killed it.
  int wait() const {
    int status = 0;
    waitpid(id_, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

 private:
  pid_t id_;
};

// Until the table has so many rows.
void wait_for_rows(const std::string& path, std::ptrdiff_t rows) {
  for (int i = 0; i < 60'000; ++i) {
    std::ifstream file(path);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    if (std::count(text.begin(), text.end(), '\n') > rows) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  FAIL(path << " did not grow to " << rows << " rows");
}

std::vector<std::string> long_run(const std::string& run) {
  return {"train",     "pendulum",
          "--run",     run,
          "--threads", "1",
          "--set",     "hidden=[16,16]",
          "--set",     "batch_size=16",
          "--set",     "eval_every=0",
          "--set",     "final_eval_episodes=2",
          "--set",     "checkpoint_every=1000",
          "--steps",   "6000"};
}

}  // namespace

TEST_CASE("the same seed gives the same files on any number of threads", "[train]") {
  const TemporaryFolder folder;
  // Wide enough for the kernels to share their work out.
  const std::string wide =
      "train pendulum --quiet --set 'hidden=[128,128]' --set batch_size=128 --set learning_starts=150 "
      "--steps 250 --set eval_every=200 --set eval_episodes=1 --set final_eval_episodes=1 ";
  REQUIRE(run_command(folder, wide + "--run one --threads 1").exit_code == 0);
  REQUIRE(run_command(folder, wide + "--run again --threads 1").exit_code == 0);
  REQUIRE(run_command(folder, wide + "--run two --threads 2").exit_code == 0);
  REQUIRE(run_command(folder, wide + "--run other --seed 2 --threads 1").exit_code == 0);
  const auto one = result_of(folder.path("one"));
  check_same(folder.path("again"), one);
  check_same(folder.path("two"), one);
  CHECK_FALSE(result_of(folder.path("other")).at("weights") == one.at("weights"));

  const std::string copies = wide + "--envs 5 --set normalize_obs=true --set exploration=pink ";
  REQUIRE(run_command(folder, copies + "--run copies-one --threads 1").exit_code == 0);
  REQUIRE(run_command(folder, copies + "--run copies-three --threads 3").exit_code == 0);
  check_same(folder.path("copies-three"), result_of(folder.path("copies-one")));
}

TEST_CASE("a run that was stopped and carried on is as if it never was", "[train]") {
  const std::string algorithm = GENERATE("sac", "td3", "ddpg", "discrete_sac", "dqn", "soft_q");
  INFO(algorithm);
  const TemporaryFolder folder;
  const rl::RunInfo info = small_run(algorithm);
  const auto expected = never_stopped(folder, info);
  // Before and as learning starts, in and at the end of an episode, at an evaluation, once the replay buffer
  // has wrapped, and at the last step.
  for (const std::int64_t step : {1, 30, 50, 51, 149, 150, 199, 200, 201, 333, 400, 449, 450}) {
    const std::string run = folder.path(fmt::format("stopped at {}", step));
    go(rl::Training::begin(info, run), step);
    go(rl::Training::resume(run, std::nullopt));
    check_same(run, expected);
  }
}

TEST_CASE("so is one that learns from n steps, by priorities", "[train]") {
  const TemporaryFolder folder;
  rl::RunInfo info = small_run();
  rl::update_from_json(
      info.config, {{"envs", 2}, {"n_step", 3}, {"prioritized", true}, {"priority_beta_steps", 300}}, "test");
  const auto expected = never_stopped(folder, info);
  for (const std::int64_t step : {2, 52, 150, 200, 202, 334, 450}) {
    const std::string run = folder.path(fmt::format("stopped at {}", step));
    go(rl::Training::begin(info, run), step);
    go(rl::Training::resume(run, std::nullopt));
    check_same(run, expected);
  }
}

TEST_CASE("so is one of every other algorithm", "[train]") {
  const std::string algorithm = GENERATE("redq", "droq", "tqc", "crossq", "sac_v1");
  INFO(algorithm);
  const TemporaryFolder folder;
  rl::RunInfo info = small_run(algorithm);
  rl::update_from_json(info.config, {{"updates_per_step", 1}}, "test");
  const auto expected = never_stopped(folder, info);
  for (const std::int64_t step : {51, 199, 333}) {
    const std::string run = folder.path(fmt::format("stopped at {}", step));
    go(rl::Training::begin(info, run), step);
    go(rl::Training::resume(run, std::nullopt));
    check_same(run, expected);
  }
}

TEST_CASE("so is one of several copies that normalises and explores with noise that remembers", "[train]") {
  const auto [exploration, log_std] = GENERATE(std::pair("pink", "clamp"), std::pair("held", "gsde"));
  INFO(exploration);
  const TemporaryFolder folder;
  rl::RunInfo info = small_run();
  // Rounds of 4 steps: 150 and 450 lie within one, so evaluations come at 152, 300 and 452, and the run ends
  // there. Episodes of 200 steps end at 800.
  rl::update_from_json(info.config,
                       {{"envs", 4},
                        {"steps", 850},
                        {"learning_starts", 50},
                        {"normalize_obs", true},
                        {"exploration", exploration},
                        {"exploration_hold", 7},
                        {"log_std", log_std}},
                       "test");
  const auto expected = never_stopped(folder, info);
  CHECK_THAT(expected.at("eval"), Catch::Contains("\n152,") && Catch::Contains("\n300,"));
  CHECK_THAT(expected.at("summary"), Catch::Contains("\"steps\":852") && Catch::Contains("\"updates\":802"));
  for (const std::int64_t step : {4, 48, 52, 152, 300, 800, 804, 852}) {
    const std::string run = folder.path(fmt::format("stopped at {}", step));
    go(rl::Training::begin(info, run), step);
    go(rl::Training::resume(run, std::nullopt));
    check_same(run, expected);
  }
  rl::RunInfo shorter = info;
  shorter.config.run.steps = 399;
  const std::string run = folder.path("begun with 399");
  go(rl::Training::begin(shorter, run));
  go(rl::Training::resume(run, std::nullopt));  // nothing is left to do, though 400 is more than 399
  go(rl::Training::resume(run, 850));
  check_same(run, expected);
}

TEST_CASE("a task without a time limit has one in runs, and others keep theirs", "[train]") {
  CHECK(rl::make_env("Pendulum-v1")->spec().max_episode_steps == 200);
  const std::unique_ptr<envs::Env> env = rl::make_env("CliffWalking-v1");
  CHECK(env->spec().max_episode_steps == rl::kStepsOfEndless);
  Rng rng(1);
  std::vector<double> state(1);
  const std::vector<double> up = {0};
  env->reset(rng, state);
  std::int64_t steps = 1;
  envs::StepResult result = env->step(up, state);
  for (; !result.ends_episode(); ++steps) result = env->step(up, state);
  CHECK(steps == rl::kStepsOfEndless);
  CHECK((result.truncated && !result.terminated));
}

TEST_CASE("a stop within an evaluation does it again", "[train]") {
  const TemporaryFolder folder;
  const auto expected = never_stopped(folder);
  for (const std::int64_t step : {300, 450}) {
    const std::string run = folder.path(fmt::format("stopped in the evaluation at {}", step));
    struct InEvaluation final : rl::TrainingListener {
      bool should_stop(const rl::Training& training) override {
        return training.state().step >= step && ++asked > 150;
      }
      std::int64_t step = 0;
      int asked = 0;  // some way into the evaluation, not at its first step
    } listener;
    listener.step = step;
    CHECK_FALSE(rl::Training::begin(small_run(), run).run(listener));
    go(rl::Training::resume(run, std::nullopt));
    check_same(run, expected);
  }
}

TEST_CASE("a run's progress has the metrics of the last update, and rates since the first", "[train]") {
  struct Watcher final : rl::TrainingListener {
    void on_step(const rl::Training& training) override {
      const rl::Progress p = training.progress();
      CHECK(p.metrics.empty() == (training.state().updates == 0));
      if (training.state().updates > 0) CHECK(std::isfinite(p.metrics["critic_loss"]));
    }
  };
  const TemporaryFolder folder;
  Watcher watcher;
  CHECK(rl::Training::begin(small_run(), folder.path("run")).run(watcher).has_value());

  rl::Rates rates;
  rates.add(0, 0, 0);
  CHECK_FALSE(rates.steps_per_second());
  rates.add(1, 1000, 0);
  CHECK(rates.steps_per_second().value() == 1000);
  rates.add(2, 1010, 1);  // steps before the first update are far faster, and tell nothing of those to come
  CHECK_FALSE(rates.steps_per_second());
  rates.add(3, 1020, 11);
  CHECK(rates.steps_per_second().value() == 10);
  CHECK(rates.updates_per_second().value() == 10);
  rates.add(3.01, 2020, 1011);  // too soon after the last one
  CHECK(rates.steps_per_second().value() == 10);
}

TEST_CASE("an episode's row has the means of its updates' metrics", "[train]") {
  rl::MetricMeans means;
  means.add({{"loss", 1.0}, {"late", std::nullopt}});
  means.add({{"loss", 4.0}, {"late", 7.0}});
  CHECK(means.entries()[0].mean() == 2.5);
  CHECK(means.entries()[1].mean() == 7);
  means.clear();
  CHECK_FALSE(means.entries()[0].mean());
  CHECK_THROWS_AS(means.add({{"other", 1.0}}), Error);
}

TEST_CASE("training that is not evaluated forgets an evaluation that was due", "[train]") {
  const rl::RunInfo info = small_run();
  const rl::RunConfig& run = info.config.run;
  const std::unique_ptr<rl::Agent> agent = rl::make_agent(info.config);
  rl::ReplayBuffer buffer = rl::make_buffer(info.config);
  rl::TrainState state(Rng(1), 1);
  state.evaluation_due = true;
  rl::train(
      run, info.config.off_policy, [&] { return rl::make_env(run.env); }, *agent, buffer, state);
  CHECK(state.step == run.steps);
}

TEST_CASE("the time before a stop counts", "[train]") {
  const TemporaryFolder folder;
  const std::string run = folder.path("run"), path = run + "/checkpoint/state.json";
  go(rl::Training::begin(small_run(), run), 300);
  Json state = Json::parse(read_file(path));
  CHECK(state.at("extra").at("seconds").get<double>() > 0);
  state["extra"]["seconds"] = 1000;
  write_file(path, state.dump());
  go(rl::Training::resume(run, std::nullopt));
  const double seconds = Json::parse(read_file(run + "/summary.json")).at("seconds");
  CHECK((seconds > 1000 && seconds < 1500));
}

TEST_CASE("a run may be stopped often", "[train]") {
  const TemporaryFolder folder;
  const auto expected = never_stopped(folder);
  const std::string run = folder.path("run");
  go(rl::Training::begin(small_run(), run), 7);
  for (const std::int64_t step : {130, 131, 200, 310}) go(rl::Training::resume(run, std::nullopt), step);
  go(rl::Training::resume(run, std::nullopt));
  check_same(run, expected);
  go(rl::Training::resume(run, std::nullopt));  // nothing is left to do
  check_same(run, expected);
}

TEST_CASE("a run with more steps later is as if it had them from the start", "[train]") {
  const TemporaryFolder folder;
  const auto expected = never_stopped(folder);
  rl::RunInfo shorter = small_run();
  for (const std::int64_t steps : {40, 200, 301}) {
    const std::string run = folder.path(fmt::format("begun with {}", steps));
    shorter.config.run.steps = steps;
    go(rl::Training::begin(shorter, run));
    go(rl::Training::resume(run, 450));
    check_same(run, expected);
  }
  CHECK_THROWS_AS(rl::Training::resume(folder.path("begun with 40"), 449), ConfigError);
}

TEST_CASE("rows from after the checkpoint are cut off", "[train]") {
  const TemporaryFolder folder;
  const auto expected = never_stopped(folder);
  const std::string run = folder.path("run");
  go(rl::Training::begin(small_run(), run), 260);
  for (const std::string name : {"/progress.csv", "/eval.csv"}) {
    write_file(run + name, read_file(run + name) + "400,2,350,-1\n450,3");
  }
  go(rl::Training::resume(run, std::nullopt));
  check_same(run, expected);
}

TEST_CASE("signals save and say how to go on, and even a kill loses little", "[train]") {
  const TemporaryFolder folder;
  Process whole(folder, long_run("whole"));
  REQUIRE(whole.wait() == 0);
  const auto expected = result_of(folder.path("whole"));
  const struct {
    int signal, exit_code;
  } cases[] = {{SIGINT, 130}, {SIGTERM, 143}, {SIGHUP, 129}, {SIGKILL, -SIGKILL}};
  for (const auto& [signal, exit_code] : cases) {
    INFO("signal " << signal);
    const std::string run = fmt::format("run{}", signal);
    Process process(folder, long_run(run));
    wait_for_rows(folder.path(run + "/progress.csv"), 7);
    process.send(signal);
    CHECK(process.wait() == exit_code);
    if (signal != SIGKILL)
      CHECK_THAT(read_file(folder.path("output")), Catch::Contains("train --resume " + run));
    CHECK(run_command(folder, "train --quiet --resume " + run).exit_code == 0);
    check_same(folder.path(run), expected);
  }
}
