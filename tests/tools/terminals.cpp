// Terminals that are gone, full disks, closed streams and signals: printing never ends a run, and each signal
// saves it.
#include <fmt/format.h>

#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/support/catch.h"
#include "tests/support/command.h"

using namespace saccade::test;
using Catch::Contains;
using Json = nlohmann::json;

namespace {

// Runs a script in the folder, in which $S is the program.
Output shell(const TemporaryFolder& folder, const std::string& script) {
  return run_shell(folder, fmt::format("S='{}'\n{}", SACCADE_BINARY, script));
}

// 600 steps of which 100 learn: a tenth of a second.
const std::string kShort =
    "train pendulum --steps 600 --set hidden=[8] --set final_eval_episodes=1 --run run ";
// Far longer than a test waits, with a line on stdout at every evaluation.
const std::string kLong =
    "train pendulum --steps 900000 --set hidden=[8] --set eval_every=200 --set eval_episodes=1 --run run ";

void check_resumes(const TemporaryFolder& folder) {
  const Json state = Json::parse(read_file(folder.path("run/checkpoint/state.json")));
  INFO(state.dump().substr(0, 300));
  const long step = state.at("train").at("step");
  const Output resumed =
      shell(folder, fmt::format("$S train --resume run --quiet --json --steps {} | tail -c 400", step + 100));
  INFO(resumed.out << resumed.err);
  CHECK_THAT(resumed.out, Contains("\"run\": \"run\""));
}

}  // namespace

TEST_CASE("a full disk behind stdout and stderr ends no run", "[terminals]") {
  for (const std::string where : {">/dev/full", "2>/dev/full", ">/dev/full 2>&1"}) {
    INFO(where);
    const TemporaryFolder folder;
    const Output output = shell(folder, "$S " + kShort + where + "; echo $?");
    CHECK_THAT(output.out,
               Contains(where == "2>/dev/full" ? "0\n" : "1\n"));  // said by the status, if nothing else can
    CHECK(std::filesystem::exists(folder.path("run/summary.json")));
  }
  for (const std::string command : {"envs", "config", "info", "--help", "train --help", "--version",
                                    "envs --json", "gradcheck --filter tanh", "no-such-command"}) {
    INFO(command);
    const TemporaryFolder folder;
    const Output output = shell(folder, "$S " + command + " >/dev/full 2>&1; echo $?");
    CHECK((output.out == "1\n" || output.out == "2\n"));  // an error, no abort
  }
}

TEST_CASE("closed streams end no run, and no file of the run becomes one of them", "[terminals]") {
  for (const std::string streams : {"<&-", ">&-", "2>&-", "<&- >&- 2>&-"}) {
    INFO(streams);
    const TemporaryFolder folder;
    const Output output = shell(folder, "$S " + kShort + streams + "; echo $? >status");
    CHECK_THAT(read_file(folder.path("status")), Contains("0"));
    CHECK(std::filesystem::exists(folder.path("run/summary.json")));
    CHECK_THAT(read_file(folder.path("run/progress.csv")), Catch::StartsWith("step,"));
    CHECK_FALSE(Json::parse(read_file(folder.path("run/config.json"))).empty());
  }
}

TEST_CASE("a reader that goes away stops the run, which is saved", "[terminals]") {
  const TemporaryFolder folder;
  const Output output = shell(folder, "$S " + kLong + "| head -2");
  CHECK_THAT(output.out, Contains("pendulum"));
  CHECK_THAT(output.err, Contains("Stopped at step") && Contains("--resume"));
  check_resumes(folder);
}

TEST_CASE("every signal that ends a program saves the run first", "[terminals]") {
  for (const char* signal : {"INT", "TERM", "HUP", "QUIT", "USR1", "USR2", "ALRM", "XCPU", "VTALRM", "PROF",
                             "IO", "XFSZ", "PWR", "RTMIN", "RTMAX"}) {
    INFO(signal);
    const TemporaryFolder folder;
    // setsid: a program that bash starts in the background ignores INT and QUIT, unless it is asked not to.
    const Output output = shell(folder, fmt::format(R"(
python3 - "$S" {1} <<'END'
import os, signal, subprocess, sys, time
for s in (signal.SIGINT, signal.SIGQUIT): signal.signal(s, signal.SIG_DFL)
run = subprocess.Popen(sys.argv[1:])
while not os.path.exists("run/eval.csv") or open("run/eval.csv").read().count("\n") < 3: time.sleep(0.01)
run.send_signal(signal.SIG{0})
print(run.wait())
END)",
                                                    signal, kLong + "--quiet"));
    INFO(output.out << output.err);
    CHECK_THAT(output.err, Contains("Stopped at step"));
    check_resumes(folder);
  }
}

TEST_CASE("a hang-up that is ignored stays so, with the terminal gone", "[terminals]") {
  const TemporaryFolder folder;
  // As under nohup: HUP is ignored; and what it prints goes to a pipe that nobody reads.
  const Output output = shell(folder, "trap '' HUP PIPE; $S " + kShort + " | true; echo done");
  CHECK_THAT(output.out, Contains("done"));
  CHECK(std::filesystem::exists(folder.path("run/summary.json")));
}

TEST_CASE("a name that is no UTF-8 trains, is printed harmlessly, and is JSON", "[terminals]") {
  const TemporaryFolder folder;
  const Output output = shell(folder,
                              "name=$(printf 'r\\377\\033[31mn'); $S train pendulum --steps 600 --set "
                              "hidden=[8] --json --run \"$name\"");
  INFO(output.err);
  CHECK(output.exit_code == 0);
  CHECK(Json::parse(output.out).contains("run"));
  const Output text = shell(
      folder,
      "name=$(printf 'r\\377\\033[31mn'); $S eval \"$name\" --episodes 1; $S eval \"$name-\" --episodes 1");
  CHECK(text.out.find('\033') == std::string::npos);
  CHECK(text.err.find('\033') == std::string::npos);
  CHECK(text.err.find('\377') == std::string::npos);
  CHECK_THAT(text.err, Contains("\\x1b"));
}
