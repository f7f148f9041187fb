// Training by several processes: the same bits each time, whichever way they talk to each other, and over
// stops.
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/distributed/mpirun.h"
#include "tests/support/catch.h"

using namespace saccade::test;
using Catch::Contains;
using Json = nlohmann::json;

TEST_CASE("a run's bits depend on the seed and the number of processes alone", "[mpi]") {
  const TemporaryFolder folder;
  // Shared memory and TCP; and what collective operations would be made of, of which none is used to add.
  const std::vector<std::string> ways = {
      "--mca btl self,vader", "--mca btl self,tcp",
      "--mca coll_tuned_use_dynamic_rules 1 --mca coll_tuned_allreduce_algorithm 4 --mca "
      "coll_tuned_barrier_algorithm 2 "
      "--mca coll_tuned_allgather_algorithm 3"};
  std::vector<std::string> of_ranks;
  for (const int ranks : {2, 3, 4}) {
    std::vector<std::string> results;
    for (std::size_t way = 0; way < (ranks == 4 ? 2 : ways.size()); ++way) {
      const std::string run = fmt::format("run-{}-{}", ranks, way);
      const Output output = mpirun(folder, ranks, kSmall + "--steps 240 --run " + run, ways[way]);
      INFO(output.out << output.err);
      REQUIRE(output.exit_code == 0);
      results.push_back(result_of(folder, run, ranks));
      CHECK(results.back() == results[0]);
      const Json summary = Json::parse(read_file(folder.path(run + "/summary.json")));
      CHECK(summary.at("processes") == ranks);
      CHECK(summary.at("steps") == 240);
      CHECK(summary.at("updates") == 180);
    }
    of_ranks.push_back(results[0]);
  }
  CHECK(of_ranks[0] != of_ranks[1]);
}

TEST_CASE("one process under mpirun is no team, and gives a plain run's bits", "[mpi]") {
  const TemporaryFolder folder;
  REQUIRE(run_command(folder, kSmall + "--steps 240 --run plain").exit_code == 0);
  const Output output = mpirun(folder, 1, kSmall + "--steps 240 --run one");
  INFO(output.err);
  REQUIRE(output.exit_code == 0);
  CHECK(result_of(folder, "one", 1) == result_of(folder, "plain", 1));
  CHECK(!Json::parse(read_file(folder.path("one/summary.json"))).contains("processes"));
}

TEST_CASE("a run of several processes that is stopped goes on to the same bits", "[mpi]") {
  const TemporaryFolder folder;
  const std::string settings =
      " --set prioritized=true --set normalize_obs=true --set n_step=2 --set envs=2 ";
  REQUIRE(mpirun(folder, 3, kSmall + settings + "--steps 2400 --run whole").exit_code == 0);
  // Once where it would have ended, and once by a signal that mpirun passes on, wherever that comes.
  REQUIRE(mpirun(folder, 3, kSmall + settings + "--steps 240 --run parts").exit_code == 0);
  const Output again = run_shell(
      folder,
      fmt::format("S='{}'; {} -n 3 $S train --quiet --resume parts --steps 2400 & M=$!\n"
                  "while grep -q '\"step\": 240,' parts/checkpoint/state.json; do sleep 0.02; done\n"
                  "kill -USR1 $(pgrep -P $M mpirun); wait $M; {} -n 3 $S train --quiet --resume parts",
                  SACCADE_BINARY, kMpirun, kMpirun));
  INFO(again.out << again.err);
  CHECK(again.exit_code == 0);
  CHECK_THAT(again.err, Contains("all is saved"));
  CHECK(result_of(folder, "parts", 3) == result_of(folder, "whole", 3));
}

TEST_CASE("a run goes on with another number of processes, and says so", "[mpi]") {
  const TemporaryFolder folder;
  REQUIRE(mpirun(folder, 3, kSmall + "--set prioritized=true --steps 240 --run run").exit_code == 0);
  const Output two = mpirun(folder, 2, "train --quiet --resume run --steps 360");
  INFO(two.out << two.err);
  CHECK(two.exit_code == 0);
  CHECK_THAT(two.err, Contains("checkpoint is of 3 processes and it goes on in 2 processes"));
  const Output one = run_command(folder, "train --quiet --resume run --steps 480");
  INFO(one.out << one.err);
  CHECK(one.exit_code == 0);
  CHECK_THAT(one.err, Contains("checkpoint is of 2 processes and it goes on in one process"));
  const Output four = mpirun(folder, 4, "train --quiet --resume run --steps 600");
  INFO(four.err);
  CHECK(four.exit_code == 0);
  CHECK_THAT(four.err, Contains("checkpoint is of one process and it goes on in 4 processes"));
  // And a report and an evaluation read it as any other.
  CHECK(run_command(folder, "report run").exit_code == 0);
  CHECK(run_command(folder, "eval run --episodes 1").exit_code == 0);
}

TEST_CASE("processes take the best instruction set that all have", "[mpi]") {
  const TemporaryFolder folder;
  const Output output = mpirun_mixed(
      folder,
      fmt::format("-n 1 $S {0} --steps 120 --run run : -n 1 -x SACCADE_ISA=sse2 $S {0} --steps 120 --run run",
                  kSmall));
  INFO(output.err);
  CHECK(output.exit_code == 0);
  CHECK(Json::parse(read_file(folder.path("run/config.json"))).at("instruction_set") == "sse2");
}

TEST_CASE("a comparison's runs are dealt to processes, and come to the same files", "[mpi]") {
  const TemporaryFolder folder;
  write_file(folder.path("spec.json"), R"({"tasks": ["pendulum"], "seeds": "1..2",
      "set": {"steps": 300, "hidden": [8], "batch_size": 8, "learning_starts": 100, "final_eval_episodes": 2},
      "configurations": {"SAC": {}, "TD3": {"algorithm": "td3"}}})");
  REQUIRE(run_command(folder, "compare spec.json -o alone --quiet --jobs 2").exit_code == 0);
  const Output dealt =
      mpirun(folder, 3, "compare spec.json -o dealt --quiet --jobs 1", "-x SACCADE_PATIENCE=20");
  INFO(dealt.out << dealt.err);
  REQUIRE(dealt.exit_code == 0);
  const auto without_times = [&](const std::string& name) {  // the last two columns of each row
    return run_shell(folder, "sed 's/,[^,]*,[^,]*$//' " + name + "/scores.csv").out;
  };
  CHECK(without_times("dealt") == without_times("alone"));
  std::size_t same = 0;
  const std::string alone = folder.path("alone");
  for (const auto& [path, text] : snapshot(alone)) {
    if (!path.ends_with(".safetensors") && !path.ends_with("eval.csv")) continue;
    CHECK((read_file(folder.path("dealt") + path.substr(alone.size())) == text));
    ++same;
  }
  CHECK(same == 4 * 4);
}

TEST_CASE("a single process that a cluster's launcher started compares with children that are none of MPI's",
          "[mpi]") {
  // Slurm's srun says nothing of Open MPI's own variables.
  const TemporaryFolder folder;
  write_file(folder.path("spec.json"), R"({"tasks": ["pendulum"], "seeds": "1..2",
      "set": {"steps": 60, "hidden": [8], "batch_size": 8, "final_eval_episodes": 1},
      "configurations": {"SAC": {}}})");
  const Output output = mpirun_mixed(
      folder, "-n 1 env -u OMPI_COMM_WORLD_SIZE timeout 60 $S compare spec.json -o out --quiet --jobs 2");
  INFO(output.out << output.err);
  CHECK(output.exit_code == 0);
  CHECK(mpirun(folder, 2, "--version").out == run_command(folder, "--version").out);
}
