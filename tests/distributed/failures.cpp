// Processes that die, hang, disagree or cannot write: the run ends, says once why, and goes on from its last
// checkpoint.
#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "base/rng.h"
#include "tests/distributed/mpirun.h"
#include "tests/support/catch.h"

using namespace saccade;
using namespace saccade::test;
using Catch::Contains;
using Json = nlohmann::json;

namespace {

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t n = 0;
  for (std::size_t at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++n;
  return n;
}

// Begins a run that would take long, and does something to it from the moment that it has a checkpoint of a
// step above 0. $M is mpirun, and rank N's process is that of `rank N`.
Output train_and(const TemporaryFolder& folder, int ranks, const std::string& script,
                 const std::string& options = "") {
  return run_shell(
      folder,
      fmt::format(
          "S='{}'\n"
          "{} {} -n {} $S {} --steps 900000 --run run 2>err & M=$!\n"
          "rank() {{ for p in $(ps -o pid= --ppid $(pgrep -P $M mpirun || echo $M)); do "
          "tr '\\0' '\\n' </proc/$p/environ | grep -qx \"OMPI_COMM_WORLD_RANK=$1\" && echo $p; done; }}\n"
          "until grep -q '\"step\": [1-9]' run/checkpoint/state.json 2>/dev/null; do sleep 0.05; done\n"
          "{}\n"
          "wait $M; R=$?; cat err >&2; exit $R",
          SACCADE_BINARY, kMpirun, options, ranks, kSmall, script));
}

void check_goes_on(const TemporaryFolder& folder, int ranks) {
  const Json state = Json::parse(read_file(folder.path("run/checkpoint/state.json")));
  const long step = state.at("train").at("step");
  const Output output =
      mpirun(folder, ranks, fmt::format("train --quiet --resume run --steps {}", step + 60));
  INFO(output.out << output.err);
  CHECK(output.exit_code == 0);
  CHECK(Json::parse(read_file(folder.path("run/summary.json"))).at("steps") >= step + 60);
}

}  // namespace

TEST_CASE("a process that is killed ends the run, which goes on from its checkpoint", "[mpi]") {
  for (const int rank : {0, 1}) {
    INFO("rank " << rank);
    const TemporaryFolder folder;
    const Output output = train_and(folder, 2, fmt::format("kill -9 $(rank {})", rank));
    INFO(output.out << output.err);
    CHECK(output.exit_code != 0);
    CHECK_THAT(output.err, Contains(fmt::format("process rank {} ", rank)));  // mpirun's word
    check_goes_on(folder, 2);
  }
}

TEST_CASE("a process that hangs ends the run within the stated time, and is named", "[mpi]") {
  for (const int rank : {0, 2}) {
    INFO("rank " << rank);
    const TemporaryFolder folder;
    const auto start = std::chrono::steady_clock::now();
    const Output output =
        train_and(folder, 3, fmt::format("kill -STOP $(rank {})", rank), "-x SACCADE_PATIENCE=4");
    INFO(output.out << output.err);
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(30));
    CHECK(output.exit_code != 0);
    CHECK(count(output.err, "saccade: error: ") == 1);
    CHECK_THAT(output.err,
               Contains(fmt::format("rank {} on ", rank)) && Contains("has not answered for 4 s"));
    if (rank == 2) check_goes_on(folder, 3);
  }
}

TEST_CASE("Ctrl-C stops all processes in one round", "[mpi]") {
  const TemporaryFolder folder;
  const Output output = train_and(folder, 2, "kill -INT $(pgrep -P $M mpirun || echo $M)");
  INFO(output.out << output.err);
  CHECK_THAT(output.err, Contains("all is saved"));
  const Json state = Json::parse(read_file(folder.path("run/checkpoint/state.json")));
  CHECK(state.at("train").at("step") == state.at("others").at(0).at("step"));
  check_goes_on(folder, 2);
}

TEST_CASE("where rank 0 cannot write, all end, and the checkpoint stays", "[mpi]") {
  const TemporaryFolder folder;
  const Output output = train_and(folder, 2, "prlimit --fsize=2000 --pid $(rank 0)");
  INFO(output.out << output.err);
  CHECK(output.exit_code != 0);
  CHECK(count(output.err, "saccade: error: ") == 1);
  CHECK_THAT(output.err, Contains("cannot be written"));
  check_goes_on(folder, 2);
}

TEST_CASE("processes that would train different things are refused, once", "[mpi]") {
  const TemporaryFolder folder;
  const Output settings = mpirun_mixed(
      folder, fmt::format("-n 1 $S {0} --seed 1 --run run : -n 1 $S {0} --seed 2 --run run", kSmall));
  INFO(settings.out << settings.err);
  CHECK(settings.exit_code != 0);
  CHECK(count(settings.err, "saccade: error: ") == 1);
  CHECK_THAT(settings.err, Contains("rank 1 would train with seed 2, and rank 0 with 1"));
  CHECK(!std::filesystem::exists(folder.path("run")));

  const Output batch = mpirun(folder, 3, "train pendulum --set batch_size=2 --run run");
  INFO(batch.err);
  CHECK(!std::filesystem::exists(folder.path("run")));
  CHECK(count(batch.err, "saccade: error: batch_size is 2, expected at least 3") == 1);
  const Output typo = mpirun(folder, 2, "train pendulum --sede 3");
  CHECK(count(typo.err, "saccade: error: ") == 1);
  const Output other = mpirun(folder, 2, "envs");
  CHECK_THAT(other.err, Contains("2 processes were started, but envs works in one"));
  const Output patience = mpirun(folder, 2, "envs", "-x SACCADE_PATIENCE=soon");
  CHECK_THAT(patience.err, Contains("SACCADE_PATIENCE is \"soon\", expected a number of seconds"));
  const Output taken =
      run_shell(folder, fmt::format("mkdir -p run && echo x >run/file; S='{}'; {} -n 2 $S {} --run run",
                                    SACCADE_BINARY, kMpirun, kSmall));
  INFO(taken.err);
  CHECK(count(taken.err, "saccade: error: ") == 1);
}

TEST_CASE("what one process finds wrong ends all, and is said once", "[mpi]") {
  const TemporaryFolder folder;
  // Only rank 1 cannot read its file of settings.
  write_file(folder.path("settings.json"), "{\"hidden\": [8]}");
  const Output output = mpirun_mixed(folder,
                                     "-n 1 $S train pendulum --config settings.json --run run : "
                                     "-n 1 $S train pendulum --config nowhere.json --run run");
  INFO(output.out << output.err);
  CHECK(output.exit_code != 0);
  CHECK(count(output.err, "saccade: error: ") == 1);
  CHECK_THAT(output.err, Contains("rank 1: ") && Contains("nowhere.json"));
}

TEST_CASE("a build without MPI has no trace of it", "[mpi]") {
  const TemporaryFolder folder;
  const Output output = run_shell(
      folder,
      fmt::format("B='{}'; ldd \"$B\" | grep -ci 'mpi\\|pmix\\|rte'; nm -DC \"$B\" | grep -c '[^a-z]MPI_'; "
                  "strings -a \"$B\" 2>/dev/null | grep -c 'MPI_\\|OMPI\\|PMIX\\|libmpi'; \"$B\" --version",
                  SACCADE_WITHOUT_MPI));
  CHECK_THAT(output.out, Catch::StartsWith("0\n0\n0\nsaccade "));
  const Output with = run_shell(  // which the same tools find in the other
      folder, fmt::format("B='{}'; ldd \"$B\" | grep -qi mpi && nm -DC \"$B\" | grep -q MPI_ && strings -a "
                          "\"$B\" | grep -q MPI_",
                          SACCADE_BINARY));
  CHECK(with.exit_code == 0);
}

// ---- minutes ----

TEST_CASE("kill -9 of a process at 50 random moments costs what came after the last checkpoint",
          "[.long][mpi]") {
  const TemporaryFolder folder;
  Rng rng(3);
  long before = 0;
  for (int i = 0; i < 50; ++i) {
    const int rank = static_cast<int>(rng.below(3));
    const std::string begin = i == 0 ? kSmall + "--steps 900000 --run run" : "train --quiet --resume run";
    const Output output = run_shell(
        folder,
        fmt::format(
            "S='{}'; {} -n 3 $S {} 2>err & M=$!\n"
            "sleep {}\n"
            "for p in $(ps -o pid= --ppid $(pgrep -P $M mpirun || echo $M)); do "
            "tr '\\0' '\\n' </proc/$p/environ | grep -qx OMPI_COMM_WORLD_RANK={} && kill -9 $p; done\n"
            "wait $M; cat err >&2; test -e run/checkpoint/state.json || rm -rf run",
            SACCADE_BINARY, kMpirun, begin, 0.5 + 1.5 * rng.uniform(0, 1), rank));
    INFO(i << ": rank " << rank << "\n" << output.out << output.err);
    if (!std::filesystem::exists(folder.path("run"))) {
      i = -1;  // it came before the first checkpoint: begin again
      continue;
    }
    const Json state = Json::parse(read_file(folder.path("run/checkpoint/state.json")));
    const long step = state.at("train").at("step");
    CHECK(step >= before);
    CHECK(step % 60 == 0);
    before = step;
  }
  CHECK(before > 600);
  check_goes_on(folder, 3);
  // And all of it is what a run that nobody touched comes to.
  const Json state = Json::parse(read_file(folder.path("run/checkpoint/state.json")));
  const long steps = state.at("train").at("step");
  REQUIRE(mpirun(folder, 3, fmt::format("{} --steps {} --run whole", kSmall, steps)).exit_code == 0);
  CHECK(result_of(folder, "run", 3) == result_of(folder, "whole", 3));
}

TEST_CASE("two and four processes learn Pendulum", "[.long][mpi]") {
  for (const int ranks : {2, 4}) {
    for (const int seed : {1, 2, 3}) {
      const TemporaryFolder folder;
      const Output output =
          mpirun(folder, ranks, fmt::format("train pendulum --quiet --seed {} --run run", seed));
      INFO(ranks << " ranks, seed " << seed << output.err);
      REQUIRE(output.exit_code == 0);
      const Json summary = Json::parse(read_file(folder.path("run/summary.json")));
      const double mean = summary.at("final_evaluation").at("mean");
      WARN(ranks << " ranks, seed " << seed << ": " << mean << ", " << summary.at("seconds") << " s");
      CHECK(mean >= -200);
    }
  }
}
