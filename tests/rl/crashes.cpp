// Kills and failing system calls at random moments, hundreds of them: the run goes on to the same bits.
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "base/rng.h"
#include "tests/support/catch.h"
#include "tests/support/command.h"
#include "tests/support/event_reader.h"

using namespace saccade;
using namespace saccade::test;
using Catch::Contains;
namespace fs = std::filesystem;

namespace {

const std::string kRun =
    "train pendulum --quiet --threads 1 --steps 400 --set hidden=[8] --set batch_size=8 --set "
    "learning_starts=100 "
    "--set buffer_size=1000 --set checkpoint_every=100 --set eval_every=200 --set eval_episodes=1 --set "
    "final_eval_episodes=1 "
    "--tensorboard --run ";

// The bits that two runs must share: weights, moments, buffer, evaluations, curves.
std::string result_of(const std::string& run) {
  std::string all;
  for (const char* name : {"checkpoint/weights.safetensors", "checkpoint/optimizer.safetensors",
                           "checkpoint/replay.safetensors", "eval.csv"}) {
    all += read_file(run + "/" + name);
  }
  for (const auto& [tag, points] : read_scalars(run + "/tensorboard/events.out.tfevents.saccade")) {
    if (tag == "time/fps") continue;
    for (const auto& [step, value] : points) all += fmt::format("{} {} {}\n", tag, step, value);
  }
  return all;
}

// Begins the run, or goes on with it if it has begun.
std::string begin_or_resume(const TemporaryFolder& folder) {
  const bool begun = fs::exists(folder.path("run/checkpoint/state.json")) ||
                     fs::exists(folder.path("run/checkpoint.old/state.json"));
  return begun ? "train --quiet --resume run" : kRun + "run";
}

int run_and_kill(const TemporaryFolder& folder, const std::string& arguments,
                 std::chrono::microseconds after) {
  const pid_t child = fork();
  if (child == 0) {
    const std::string line =
        fmt::format("cd '{}' && exec '{}' {} >/dev/null 2>&1", folder.path(), SACCADE_BINARY, arguments);
    execl("/bin/sh", "sh", "-c", line.c_str(), nullptr);
    _exit(127);
  }
  std::this_thread::sleep_for(after);
  kill(child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
  return status;
}

}  // namespace

TEST_CASE("killed at 300 random moments, a run ends in the same bits", "[.long][crashes]") {
  const TemporaryFolder folder;
  REQUIRE(run_command(folder, kRun + "whole").exit_code == 0);
  const std::string expected = result_of(folder.path("whole"));
  Rng rng(1);
  int kills = 0, finished = 0;
  while (kills < 300) {
    const auto after = std::chrono::microseconds(static_cast<long>(rng.uniform(1000, 150'000)));
    const int status = run_and_kill(folder, begin_or_resume(folder), after);
    if (WIFSIGNALED(status)) ++kills;
    if (WIFEXITED(status)) {
      INFO("exit status " << WEXITSTATUS(status) << " after " << kills << " kills");
      REQUIRE(WEXITSTATUS(status) == 0);
      const bool same = result_of(folder.path("run")) == expected;
      REQUIRE(same);
      fs::remove_all(folder.path("run"));
      ++finished;
    }
  }
  const Output last = run_command(folder, begin_or_resume(folder));
  INFO(last.err);
  REQUIRE(last.exit_code == 0);
  const bool same = result_of(folder.path("run")) == expected;
  CHECK(same);
  WARN(kills << " kills, " << finished + 1 << " runs that ended in the same bits");
}

TEST_CASE("whichever system call fails, the run goes on to the same bits", "[.long][crashes]") {
  const TemporaryFolder folder;
  REQUIRE(run_command(folder, kRun + "whole").exit_code == 0);
  const std::string expected = result_of(folder.path("whole"));
  const std::string count = folder.path("count");
  REQUIRE(run_command(folder, kRun + "counted",
                      fmt::format("LD_PRELOAD='{}' SACCADE_FAIL_COUNT='{}'", SACCADE_FAILING_CALLS, count))
              .exit_code == 0);
  const long calls = std::stol(read_file(count));
  REQUIRE(calls > 100);
  // The first ones one by one: a beginning is the most delicate. Then at random.
  Rng rng(2);
  std::vector<long> chosen;
  for (long i = 1; i <= 60; ++i) chosen.push_back(i);
  while (chosen.size() < 200)
    chosen.push_back(1 + static_cast<long>(rng.below(static_cast<std::uint64_t>(calls))));
  int failures = 0;
  for (const long nth : chosen) {
    fs::remove_all(folder.path("run"));
    const Output broken = run_command(
        folder, kRun + "run", fmt::format("LD_PRELOAD='{}' SACCADE_FAIL={}", SACCADE_FAILING_CALLS, nth));
    INFO("call " << nth << ": " << broken.err);
    REQUIRE((broken.exit_code == 0 || broken.exit_code == 1));
    if (broken.exit_code == 1) {
      ++failures;
      CHECK_THAT(broken.err, Contains("saccade: error: "));
      const Output after = run_command(folder, begin_or_resume(folder));
      INFO(after.err);
      REQUIRE(after.exit_code == 0);
    }
    const bool same = result_of(folder.path("run")) == expected;
    REQUIRE(same);
  }
  WARN(failures << " of " << chosen.size() << " failing calls were errors; all runs ended in the same bits");
}
