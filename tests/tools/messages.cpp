// Messages that help: the word that is meant, on one line.
#include <algorithm>
#include <string>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/command.h"

using namespace saccade::test;
using Catch::Contains;

TEST_CASE("a mistake is answered with what was meant", "[messages]") {
  const TemporaryFolder folder;
  REQUIRE(
      run_command(folder, "train pendulum --quiet --steps 600 --set hidden=[8] --set final_eval_episodes=1")
          .exit_code == 0);
  const auto before = snapshot(folder.path());
  const auto says = [&](const std::string& arguments, const std::vector<std::string>& words) {
    INFO(arguments);
    const Output output = run_command(folder, arguments);
    INFO(output.err);
    CHECK(output.exit_code != 0);
    CHECK(output.out.empty());
    CHECK(std::count(output.err.begin(), output.err.end(), '\n') == 1);
    CHECK(output.err.size() < 300);
    for (const std::string& word : words) CHECK_THAT(output.err, Contains(word));
  };
  // Names that other projects have for keys.
  says("train pendulum --set lr=1e-3", {"'lr'", "actor_lr, critic_lr and alpha_lr"});
  says("train pendulum --algo td3 --set learning_rate=1e-3", {"'learning_rate'", "actor_lr and critic_lr"});
  says("train pendulum --set ent_coef=auto", {"'ent_coef'", "initial_alpha and learn_alpha"});
  says("train pendulum --set net_arch=[64,64]", {"'net_arch'", "hidden"});
  says("train pendulum --set gama=0.9", {"'gama'", "did you mean 'gamma'"});
  says("train cartpole --algo dqn --set learning_rate=1e-3", {"'learning_rate'", "here it is critic_lr"});
  says("train cartpole --algo dqn --set exploration_final_eps=0.1", {"here it is epsilon_end"});
  says("train pendulum --set alpha=0.1", {"'alpha'", "initial_alpha and learn_alpha"});  // soft_q has one
  says("train pendulum --set epsilon_end=0.1", {"epsilon_end", "a key of dqn", "sac"});
  says("train pendulum --set target_noise=3", {"target_noise", "td3", "sac"});
  // Values.
  says("train pendulum --set hidden=128,128", {"hidden", "128,128", "such as [128,128]"});
  says("train pendulum --set 'hidden=[]'", {"hidden", "[]", "a list"});
  std::string long_list = "1";
  for (int i = 0; i < 200; ++i) long_list += ",1";
  says("train pendulum --set hidden=[" + long_list + "]", {"hidden", "at most 100"});
  says("train pendulum --set n_step=100 --set buffer_size=50", {"n_step is 100", "at most buffer_size, 50"});
  says("train pendulum --algo tqc --set drop_per_critic=25", {"drop_per_critic is 25", "none of 25"});
  says("train pendulum --algo redq --set target_critics=20", {"target_critics is 20", "at most critics"});
  says("train pendulum --set priority_alpha=nan", {"priority_alpha", "nan", "from 0 to 10"});
  says("train pendulum --set dropout=1", {"dropout is 1", "from 0 to 0.99"});
  // Options.
  says("train pendulum --device cuda", {"--device", "CPU"});
  says("train --env Pendulum-v1", {"--env", "train Pendulum-v1"});
  says("train pendulum --gamma 0.9", {"--gamma", "--set gamma="});
  says("train pendulum --learning-rate 1", {"--set actor_lr="});
  says("train pendulum --sed 3", {"--sed", "did you mean"});
  says("eval --random pendulum --episodes 1 --force", {"--force", "--record"});
  says("gradcheck --filter tanh --force", {"--force", "--html"});
  // Environments, presets, commands.
  says("train Pendulm-v1", {"Pendulm-v1", "did you mean Pendulum-v1?"});
  says("train pendulm", {"pendulm", "did you mean pendulum?"});
  says("config hopperr", {"did you mean Hopper-v5?"});
  says("train chess", {"chess", "envs"});
  says("trian pendulum", {"'trian'", "did you mean 'train'?"});
  // Runs.
  says("eval pendulum", {"did you mean 'runs/pendulum-1'?"});
  says("eval pendulum-1", {"did you mean 'runs/pendulum-1'?"});
  says("eval runs/pendulum-2", {"did you mean 'runs/pendulum-1'?"});
  says("eval runs/pendulum-1/checkpoint/weights.safetensors", {"did you mean 'runs/pendulum-1'?"});
  says("eval runs/pendulum-1/checkpoint", {"did you mean 'runs/pendulum-1'?"});
  says("train --resume pendulum", {"did you mean 'runs/pendulum-1'?"});
  // JSON.
  write_file(folder.path("broken.json"), "{\n  \"seed\": 1,\n  \"steps\": oops\n}\n");
  says("train pendulum --config broken.json", {"broken.json", "line 3"});
  write_file(folder.path("twice.json"), "{\"seed\": 1,\n \"seed\": 2}");
  says("train pendulum --config twice.json", {"twice.json", "\"seed\" twice"});
  write_file(folder.path("deep.json"), std::string(100'000, '['));
  says("train pendulum --config deep.json", {"deep.json"});
  auto after = snapshot(folder.path());
  for (const char* name : {"broken.json", "twice.json", "deep.json"}) after.erase(folder.path(name));
  CHECK(after == before);
}

TEST_CASE("help and version are commands too", "[messages]") {
  const TemporaryFolder folder;
  CHECK(run_command(folder, "help").out == run_command(folder, "--help").out);
  CHECK(run_command(folder, "help train").out == run_command(folder, "train --help").out);
  CHECK(run_command(folder, "version").out == run_command(folder, "--version").out);
  CHECK(run_command(folder, "help nothing").exit_code == 2);
}

TEST_CASE("going on with a finished run says how to train on", "[messages]") {
  const TemporaryFolder folder;
  REQUIRE(run_command(folder, "train pendulum --quiet --steps 600 --set hidden=[8] --run run").exit_code ==
          0);
  const Output output = run_command(folder, "train --resume run");
  CHECK(output.exit_code == 0);
  CHECK_THAT(output.out + output.err,
             Contains("all its 600 steps are done") && Contains("--resume run --steps 1200"));
  CHECK_THAT(output.out, Contains("Final evaluation"));
}

TEST_CASE("a recording takes the place of recordings alone", "[messages]") {
  const TemporaryFolder folder;
  write_file(folder.path("thesis.html"), "<title>My thesis</title>");
  const std::string record = "eval --random pendulum --episodes 1 --record ";
  const Output refused = run_command(folder, record + "thesis.html");
  CHECK(refused.exit_code == 2);
  CHECK(refused.out.empty());
  CHECK_THAT(refused.err, Contains("thesis.html") && Contains("--force"));
  CHECK(read_file(folder.path("thesis.html")) == "<title>My thesis</title>");
  CHECK(run_command(folder, record + "new.html").exit_code == 0);
  CHECK(run_command(folder, record + "new.html").exit_code == 0);  // of ours
  CHECK(run_command(folder, record + "thesis.html --force").exit_code == 0);
  CHECK_THAT(read_file(folder.path("thesis.html")), Contains("Saccade: a recording"));
  for (const std::string device : {"/dev/null", "/dev/full", "/dev/stdout --force"}) {
    CHECK(run_command(folder, record + device).exit_code != 0);
  }
}
