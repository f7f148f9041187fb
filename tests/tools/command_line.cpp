// The `saccade` command: what it prints, and what it says of input that is wrong.

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/support/catch.h"
#include "tests/support/command.h"
#include "tests/support/reference_data.h"
#include "tools/cli/display.h"
#include "tools/cli/text.h"

using namespace saccade;
using namespace saccade::test;
using Catch::Contains;
using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

namespace {

// A training run of a fraction of a second.
const std::string kSmall =
    "--threads 1 --set 'hidden=[16,16]' --set batch_size=16 --set learning_starts=50 --set steps=250 "
    "--set eval_every=100 --set eval_episodes=2 --set final_eval_episodes=3 ";

// One line on stderr that holds every one of the words, nothing on stdout, and nothing changed on disk.
void refuses(const TemporaryFolder& folder, const std::string& arguments, int exit_code,
             const std::vector<std::string>& words, const std::string& environment = "") {
  INFO("saccade " << arguments);
  const auto before = snapshot(folder.path());
  const Output output = run_command(folder, arguments, environment);
  CHECK(output.exit_code == exit_code);
  CHECK(output.out.empty());
  CHECK(output.err.rfind("saccade: error: ", 0) == 0);
  CHECK(std::count(output.err.begin(), output.err.end(), '\n') == 1);
  for (const std::string& word : words) CHECK_THAT(output.err, Contains(word));
  CHECK(snapshot(folder.path()) == before);
}

}  // namespace

TEST_CASE("every help fits 80 columns and shows how to call the command", "[cli]") {
  const TemporaryFolder folder;
  std::vector<std::string> commands{""};
  std::istringstream overview(run_command(folder, "--help").out);
  for (std::string line; std::getline(overview, line) && line != "Commands:";) continue;
  for (std::string line; std::getline(overview, line) && !line.empty();) {
    if (line[2] != ' ')
      commands.push_back(line.substr(2, line.find(' ', 2) - 2));  // else the line before goes on
  }
  REQUIRE(commands.size() > 10);
  for (const std::string& command : commands) {
    const Output output = run_command(folder, command + " --help");
    INFO(output.out);
    CHECK(output.exit_code == 0);
    CHECK(output.err.empty());
    CHECK(widest(output.out) <= 80);
    CHECK_THAT(output.out,
               Contains(command.empty() ? "Usage: saccade COMMAND" : "Usage: saccade " + command));
  }
}

TEST_CASE("what the commands print fits 80 columns", "[cli]") {
  const TemporaryFolder folder;
  const std::string recording = tests::reference_path("gym_classic.json");
  for (const std::string& command : std::vector<std::string>{
           "envs", "info", "entropy", "tabular CliffWalking-v1", "tabular FrozenLake8x8-v1", "tabular taxi",
           "config", "config pendulum", "gradcheck --filter matmul", "bench --list",
           "bench --filter tape --repeats 1", "replay MountainCarContinuous-v0 " + recording}) {
    const Output output = run_command(folder, command);
    INFO(output.out);
    CHECK(output.exit_code == 0);
    CHECK(output.err.empty());
    CHECK(widest(output.out) <= 80);
  }
}

TEST_CASE("a wrong command line is one clear line, exit code 2, and nothing on disk", "[cli]") {
  const TemporaryFolder folder;
  write_file(folder.path("bad.json"), "{\"gamma\": ");
  write_file(folder.path("list.json"), "[1]");
  write_file(folder.path("misspelt.json"), R"({"gama": 0.9})");
  const auto usage = [&](const std::string& arguments, const std::vector<std::string>& words) {
    refuses(folder, arguments, 2, words);
  };
  usage("trian pendulum", {"'trian'", "'train'"});
  usage("--verison", {"'--verison'", "'--version'"});
  usage("train", {"pendulum", "saccade envs", "--resume"});
  usage("train pendulm", {"\"pendulm\"", "did you mean pendulum?"});
  usage("train pendulum --sead 3", {"'--sead'", "'--seed'"});
  usage("train pendulum --seed", {"--seed needs a value"});
  usage("train pendulum --seed 1 --seed 2", {"--seed is given more than once"});
  usage("train pendulum --resume ''", {"--resume", "empty"});
  usage("eval ''", {"RUN", "empty"});
  usage("train pendulum more", {"'more'", "saccade train --help"});
  usage("train pendulum eval", {"'eval'"});
  usage("train pendulum --seed -1", {"--seed", "-1", "an integer from 0"});
  usage("train pendulum --seed x", {"--seed", "\"x\"", "an integer"});
  usage("train pendulum --steps 0", {"--steps", "0", "an integer from 1"});
  usage("train pendulum --envs 0", {"--envs", "0", "an integer from 1"});
  usage("train pendulum --envs many", {"--envs", "\"many\"", "an integer"});
  usage("train pendulum --threads 0", {"--threads", "'0'", "from 1"});
  usage("train pendulum --threads 1e9", {"--threads", "'1e9'"});
  usage("train pendulum --set batchsize=3", {"'batchsize'", "'batch_size'"});
  usage("train pendulum --set batch_size=big", {"batch_size", "\"big\"", "an integer"});
  usage("train pendulum --set gamma=1.5", {"gamma is 1.5", "from 0 to 1"});
  usage("train pendulum --set gamma=nan", {"gamma", "nan", "a number"});
  usage("train pendulum --set gamma", {"'gamma'", "key=value"});
  usage("train pendulum --set hidden=64", {"hidden is 64", "a list of integers"});
  usage("train pendulum --set env=chess", {"\"chess\"", "Pendulum-v1"});
  usage("train pendulum --set env=MountainCarContinuous-v0", {"MountainCarContinuous-v0", "Pendulum-v1"});
  usage("train pendulum --config absent.json", {"absent.json"});
  usage("train pendulum --config bad.json", {"bad.json", "JSON"});
  usage("train pendulum --config list.json", {"list.json", "object"});
  usage("train pendulum --config misspelt.json", {"misspelt.json", "'gama'", "'gamma'"});
  usage("train CartPole-v1", {"CartPole-v1 has discrete actions (2 choices); sac needs continuous ones",
                              "discrete_sac, dqn, soft_q"});
  usage("train cartpole --algo td3", {"cartpole is one of discrete_sac, dqn and soft_q", "td3"});
  usage("train Pendulum-v1 --algo dqn",
        {"Pendulum-v1 has continuous actions (1 number); dqn needs discrete ones", "sac, redq"});
  usage("eval", {"RUN is required"});
  usage("replay", {"ENV is required"});
  usage("replay pendulm file.json", {"\"pendulm\"", "did you mean Pendulum-v1?"});
  usage("gradcheck --filter nothing-is-called-so", {"nothing-is-called-so"});
  usage("gradcheck --order 3", {"--order", "'3'", "from 1 to 2"});
  usage("bench --filter '['", {"--filter", "'['", "regular expression"});
  usage("bench --filter nothing-is-called-so", {"--filter", "nothing-is-called-so", "--list"});
  usage("bench --repeats 0", {"--repeats", "'0'", "from 1"});
  usage("bench --threads many", {"--threads", "'many'", "from 1"});
  usage("config chess", {"chess"});
  usage("entropy --mean x", {"--mean", "'x'", "a number from -20 to 20"});
  usage("entropy --mean nan", {"--mean", "'nan'"});
  usage("entropy --mean 4 --html page.html", {"--mean", "'4'", "a number from -3 to 3"});
  usage("entropy --force", {"--force needs --html FILE"});
  usage("tabular", {"ENV is required"});
  usage("tabular cliffwalkin", {"\"cliffwalkin\"", "did you mean CliffWalking-v1?"});
  usage("tabular pendulum", {"Pendulum-v1 has no table"});
  usage("tabular taxi --html page.html", {"Taxi-v3", "20 grids", "--layer"});
  usage("tabular cliffwalking --force", {"--force needs --html FILE"});
  usage("tabular taxi --gamma 1", {"--gamma", "'1'", "from 0 to 0.9999"});
  usage("tabular taxi --alpha 0,-1", {"--alpha", "'-1'", "a number from 0"});
  usage("tabular taxi --layer 20", {"--layer", "'20'", "from 0 to 19"});
  usage("tabular CliffWalking-v1 --layer 1", {"--layer", "'1'", "0"});
  usage("info --jsn", {"'--jsn'", "'--json'"});
  refuses(folder, "info", 2, {"SACCADE_ISA", "mmx"}, "SACCADE_ISA=mmx");
  // (On what is no number at all libgomp says a word of its own.)
  refuses(folder, "info", 2, {"OMP_NUM_THREADS", "\"2000\"", "1 to 1024"}, "OMP_NUM_THREADS=2000");
  refuses(folder, "info", 2, {"OMP_NUM_THREADS", "99999999999"}, "OMP_NUM_THREADS=99999999999");
}

TEST_CASE("without a command there is the help, and exit code 2", "[cli]") {
  const Output output = run_command(TemporaryFolder(), "");
  CHECK(output.exit_code == 2);
  CHECK_THAT(output.err, Contains("Usage: saccade COMMAND"));
}

TEST_CASE("output that cannot be written is an error", "[cli]") {
  const Output output = run_command(TemporaryFolder(), "config >/dev/full");
  CHECK(output.exit_code == 1);
  CHECK_THAT(output.err, Contains("cannot be written"));
}

TEST_CASE("the output of --json is JSON", "[cli]") {
  const TemporaryFolder folder;
  const auto json = [&](const std::string& arguments) {
    INFO(arguments);
    const Output output = run_command(folder, arguments + " --json");
    CHECK(output.exit_code == 0);
    CHECK(output.err.empty());
    return Json::parse(output.out);
  };
  const Json environments = json("envs");
  CHECK(std::count_if(environments.begin(), environments.end(), [](const Json& env) {
          return env.at("id") == "Pendulum-v1" && env.at("available") == true && env.at("action_size") == 1;
        }) == 1);
  CHECK(json("info").at("libraries").contains("fmt"));
  const Json check = json("gradcheck --filter tanh");
  CHECK(check.at("passed") == true);
  CHECK(check.at("rows").at(0).at("name") == "tanh");
  const Json summary = json("train pendulum " + kSmall);
  CHECK(summary.at("run") == "runs/pendulum-1");
  CHECK(summary.at("solved") == false);
  CHECK(summary.at("steps") == 250);
  CHECK(summary.at("updates") == 200);
  const Json evaluation = json("eval runs/pendulum-1");
  for (const char* key : {"mean", "std", "min", "max", "episodes"}) {
    CHECK(evaluation.at(key) == summary.at("final_evaluation").at(key));
  }
  CHECK(evaluation.at("mean_length") == 200);
  CHECK(json("eval runs/pendulum-1 --episodes 1 --seed 9").at("returns").size() == 1);
}

TEST_CASE("a config that was listed can be trained with, and runs get folders of their own", "[cli]") {
  const TemporaryFolder folder;
  CHECK(run_command(folder, "config pendulum --json > my.json").exit_code == 0);
  CHECK(run_command(folder, "train --config my.json --seed 7 " + kSmall).exit_code == 0);
  const Json config = Json::parse(read_file(folder.path("runs/Pendulum-v1-7/config.json")));
  CHECK(config.at("config").at("hidden") == Json{16, 16});
  CHECK(config.at("config").at("actor_lr") == Json::parse(read_file(folder.path("my.json"))).at("actor_lr"));
  CHECK(config.at("config").at("seed") == 7);
  CHECK(config.contains("instruction_set"));

  CHECK(run_command(folder, "train pendulum --quiet " + kSmall).exit_code == 0);
  CHECK(run_command(folder, "train pendulum --quiet " + kSmall).exit_code == 0);
  const Output third = run_command(folder, "train pendulum " + kSmall);
  CHECK(fs::exists(folder.path("runs/pendulum-1-3/summary.json")));
  CHECK_THAT(third.out, Contains("evaluation") && Contains("eval runs/pendulum-1-3"));
  CHECK(widest(third.out) <= 80);
}

TEST_CASE("a run is not overwritten, and goes on only as it began", "[cli]") {
  const TemporaryFolder folder;
  REQUIRE(run_command(folder, "train pendulum --run here " + kSmall).exit_code == 0);
  fs::create_directory(folder.path("full"));
  write_file(folder.path("full/letter"), "mine");
  refuses(folder, "train pendulum --run here " + kSmall, 2, {"'here'", "train --resume here"});
  refuses(folder, "train pendulum --run full " + kSmall, 2, {"'full'"});
  refuses(folder, "train pendulum --run full/letter " + kSmall, 2, {"'full/letter'"});
  refuses(folder, "train pendulum --run full/letter/under " + kSmall, 1, {"full/letter/under"});

  refuses(folder, "train --resume hree", 1, {"hree", "did you mean 'here'"});
  refuses(folder, "train --resume full", 1, {"full", "config.json"});
  refuses(folder, "train --resume here --set gamma=0.9", 2, {"--set", "--resume"});
  refuses(folder, "train --resume here --seed 2", 2, {"--seed", "--resume"});
  refuses(folder, "train --resume here --envs 2", 2, {"--envs", "--resume"});
  refuses(folder, "train --resume here --run there", 2, {"--run", "--resume"});
  refuses(folder, "train --resume here --config full/letter", 2, {"--config", "--resume"});
  refuses(folder, "train --resume here --steps 249", 2, {"249", "250"});
  refuses(folder, "train mountaincarcontinuous --resume here", 2, {"mountaincarcontinuous", "pendulum"});
  refuses(folder, "eval hree", 1, {"hree", "did you mean 'here'"});
  refuses(folder, "eval here --episodes 0", 2, {"--episodes", "'0'"});
  CHECK(run_command(folder, "train pendulum --resume here").exit_code == 0);
}

TEST_CASE("a damaged run is one clear line and stays as it is", "[cli]") {
  const TemporaryFolder folder;
  REQUIRE(run_command(folder, "train pendulum --run run " + kSmall).exit_code == 0);
  const auto with = [&](const std::string& file, const std::string& text,
                        const std::vector<std::string>& words) {
    const std::string path = folder.path("run/" + file), before = read_file(path);
    write_file(path, text);
    INFO(file);
    refuses(folder, "train --resume run --steps 300", 1, words);
    if (file.find("weights") != std::string::npos) refuses(folder, "eval run", 1, words);
    write_file(path, before);
  };
  for (const std::string name : {"weights", "optimizer", "replay"}) {
    const std::string file = "checkpoint/" + name + ".safetensors";
    const std::string good = read_file(folder.path("run/" + file));
    with(file, good.substr(0, good.size() / 2), {name + ".safetensors"});
    with(file, "", {name + ".safetensors"});
    fs::rename(folder.path("run/" + file), folder.path("away"));
    refuses(folder, "train --resume run --steps 300", 1, {name + ".safetensors"});
    fs::rename(folder.path("away"), folder.path("run/" + file));
  }
  const std::string state = read_file(folder.path("run/checkpoint/state.json"));
  with("checkpoint/state.json", state.substr(0, state.size() / 2), {"state.json"});
  with("checkpoint/state.json", "{}", {"state.json"});
  Json wrong = Json::parse(state);
  wrong["extra"]["bytes"].erase("eval.csv");
  with("checkpoint/state.json", wrong.dump(), {"state.json", "eval.csv"});

  const std::string config = read_file(folder.path("run/config.json"));
  with("config.json", config.substr(0, 40), {"config.json"});
  with("config.json", "{}", {"config.json"});

  const std::string rows = read_file(folder.path("run/progress.csv"));
  with("progress.csv", rows.substr(0, rows.size() - 5), {"progress.csv", std::to_string(rows.size())});
  with("progress.csv", "x" + rows, {"progress.csv"});
  with("eval.csv", "", {"eval.csv"});

  Json edited = Json::parse(config);
  edited["config"]["gamma"] = 0.5;
  write_file(folder.path("run/config.json"), edited.dump());
  refuses(folder, "train --resume run --steps 300", 2, {"gamma is 0.5", "0.99"});
  edited = Json::parse(config);
  edited["config"].erase("batch_size");  // one that is missing has its default
  write_file(folder.path("run/config.json"), edited.dump());
  refuses(folder, "train --resume run --steps 300", 2, {"batch_size is 256"});
  write_file(folder.path("run/config.json"), config);
  CHECK(run_command(folder, "train --resume run --steps 300").exit_code == 0);
}

TEST_CASE("what may surprise is a warning", "[cli]") {
  const TemporaryFolder folder;
  const Output idle = run_command(folder, "train pendulum --run run " + kSmall + "--steps 50 --quiet");
  CHECK(idle.exit_code == 0);
  CHECK(idle.err == "saccade: warning: nothing will be learned: learning_starts is 50, steps only 50\n");
  const Output unused =
      run_command(folder, "train pendulum --quiet --steps 600 --set hidden=[8] --set exploration_hold=5");
  CHECK(unused.exit_code == 0);
  CHECK_THAT(
      unused.err,
      Contains("warning: exploration_hold=5 does nothing: it needs exploration=held, which is gaussian"));
  const Output twice = run_command(folder, "train pendulum --set steps=5 --set steps=6");
  CHECK(twice.exit_code != 0);
  CHECK_THAT(twice.err, Contains("--set: steps is given twice; expected once"));

  Json config = Json::parse(read_file(folder.path("run/config.json")));
  config["instruction_set"] = "mmx";
  write_file(folder.path("run/config.json"), config.dump());
  const Output other = run_command(folder, "train --resume run --steps 60 --quiet");
  CHECK(other.exit_code == 0);
  CHECK_THAT(other.err, Contains("saccade: warning: ") && Contains("mmx") && Contains("bits"));
}

// ---- the live line ----

TEST_CASE("the live line has everything in 80 columns, and fits any width", "[cli]") {
  rl::Progress p;
  p.name = "pendulum";
  p.step = 6200;
  p.steps = 10000;
  p.episodes = 31;
  p.ret = -145.23;
  p.metrics = {{"critic_loss", 3}, {"alpha", 0.1234, "alpha"}, {"entropy", -0.41, "H"}, {"later", {}, "L"}};
  p.steps_per_second = 8123;
  p.updates_per_second = 8099;
  p.seconds_left = 0.47;
  CHECK(cli::progress_line(p, 79) ==
        " 6200/10000 ep 31 return -145 alpha 0.12 H -0.41 8.1k st/s 8.1k up/s 0:00");
  CHECK(cli::progress_line(p, 200) ==
        "pendulum  6200/10000  episode 31  return -145.2  alpha 0.123  entropy -0.41  8.1k steps/s  "
        "8.1k updates/s  0:00 left");
  for (std::size_t width = 1; width < 200; ++width) {
    INFO(width);
    CHECK(saccade::columns(cli::progress_line(p, width)) <= width);
    CHECK_FALSE(cli::progress_line(p, width).empty());
  }
  p.steps = 3'000'000;
  p.step = 1'234'567;
  p.ret = 10432.1;
  p.steps_per_second = p.updates_per_second = 402.4;
  p.seconds_left = 4387;
  CHECK(cli::progress_line(p, 79) ==
        " 1.2M/3M  ep 31  return 10432  alpha 0.12  H -0.41  402 st/s  402 up/s  1:13:07");
  CHECK(cli::progress_line({.name = "pendulum", .step = 5, .steps = 1000}, 79) ==
        "pendulum    5/1000  episode 0");
  CHECK_THAT(cli::progress_bar_line(p, 80), Contains("\x1b[7m") && Contains("\x1b[0m"));
}

TEST_CASE("counts, durations and shell words", "[cli]") {
  CHECK(saccade::compact(0) == "0");
  CHECK(saccade::compact(812.4) == "812");
  CHECK(saccade::compact(999.7) == "1.0k");
  CHECK(saccade::compact(8123) == "8.1k");
  CHECK(saccade::compact(10'000) == "10k");
  CHECK(saccade::compact(123'456) == "123k");
  CHECK(saccade::compact(1'250'000) == "1.2M");
  CHECK(saccade::duration(7.4) == "0:07");
  CHECK(saccade::duration(3723) == "1:02:03");
  CHECK(saccade::duration(200'000) == "2d 07h");
  CHECK(saccade::shell_word("runs/pendulum-1") == "runs/pendulum-1");
  CHECK(saccade::shell_word("my run's") == "'my run'\\''s'");
}

TEST_CASE("a run is repeated from its config.json", "[cli]") {
  const TemporaryFolder folder;
  const std::string train = "train --quiet --threads 1 ";
  REQUIRE(
      run_command(folder, train + "pendulum --seed 5 --steps 600 --set hidden=[8] --run first").exit_code ==
      0);
  REQUIRE(run_command(folder, train + "--config first/config.json --run again").exit_code == 0);
  CHECK(read_file(folder.path("again/checkpoint/weights.safetensors")) ==
        read_file(folder.path("first/checkpoint/weights.safetensors")));
}

TEST_CASE("plain noise in MountainCarContinuous is a warning that names the preset", "[cli]") {
  const TemporaryFolder folder;
  const std::string run =
      "--steps 60 --quiet --set hidden=[8] --set learning_starts=50 --set final_eval_episodes=1";
  const Output plain = run_command(folder, "train MountainCarContinuous-v0 " + run);
  CHECK(plain.exit_code == 0);
  CHECK_THAT(plain.err, Contains("saccade: warning: ") && Contains("exploration is gaussian here") &&
                            Contains("the preset mountain-car"));
  CHECK(run_command(folder, "train mountain-car " + run).err.empty());
  CHECK(run_command(folder, "train MountainCarContinuous-v0 --set exploration=pink " + run).err.empty());
}
