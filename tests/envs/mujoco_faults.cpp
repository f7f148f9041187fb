// MuJoCo tasks that go wrong, and bodies of one's own.
#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "autograd/ops.h"
#include "base/rng.h"
#include "envs/mujoco/env.h"
#include "envs/mujoco/models.h"
#include "envs/mujoco/tasks.h"
#include "envs/registry.h"
#include "rl/algorithms/sac.h"
#include "rl/components/replay_buffer.h"
#include "rl/training/train.h"
#include "tests/support/catch.h"
#include "tests/support/command.h"
#include "tests/support/env_helpers.h"

using namespace saccade;
using namespace saccade::envs;
using namespace saccade::tests;
using Catch::Contains;

namespace {

// The built-in model with motors so many times as strong, in a folder of its own.
class StrongMotors {
 public:
  StrongMotors(const std::string& model, double factor) {
    std::string text(built_in_model(model));
    const std::string gear = "gear=\"";
    std::size_t at = 0;
    int motors = 0;
    while ((at = text.find(gear, at)) != std::string::npos) {
      at += gear.size();
      const std::size_t end = text.find('"', at);
      text.replace(at, end - at, std::to_string(std::stod(text.substr(at, end - at)) * factor));
      ++motors;
    }
    REQUIRE(motors > 0);
    test::write_file(folder_.path(model + ".xml"), text);
  }
  std::string folder() const { return folder_.path(); }

 private:
  test::TemporaryFolder folder_;
};

}  // namespace

TEST_CASE("no number of a simulation on its way to diverge is beyond a million", "[mujoco]") {
  int diverged = 0, stayed = 0;
  for (const std::string& id : mujoco_ids()) {
    for (const double speed : {1e3, 1e5, 1e7, 1e9}) {
      INFO(id << " from " << speed);
      const std::unique_ptr<Env> env = make(id);
      Rng rng(2);
      reset(*env, rng);
      std::vector<double> state = env->state();
      const std::unique_ptr<Env> bare = make_mujoco(id);
      const mjModel& model = dynamic_cast<const MujocoEnv&>(*bare).simulation().model();
      std::fill_n(state.begin() + 1 + model.nq, model.nv, speed);
      env->set_state(state);
      bool over = false;
      for (int t = 0; t < 5 && !over; ++t) {
        const Stepped s = step(*env, random_action(*env, rng));
        CHECK(std::abs(s.transition.reward) <= 1e6);
        for (const double x : s.observation) CHECK(std::abs(x) <= 1e6);
        s.transition.diverged ? ++diverged : ++stayed;
        over = s.transition.ends_episode();
      }
    }
  }
  CHECK(diverged > 20);
  CHECK(stayed > 20);
}

TEST_CASE("what diverges does not reach the networks", "[mujoco]") {
  struct Case {
    const char *id, *model;
    double factor;
    bool from_the_first_step;
  };
  for (const Case& c : {Case{"Hopper-v4", "hopper", 3e6, false}, Case{"Walker2d-v4", "walker2d", 1e4, false},
                        Case{"Ant-v4", "ant", 1e5, true}, Case{"Swimmer-v4", "swimmer", 1e9, true}}) {
    INFO(c.id);
    const StrongMotors motors(c.model, c.factor);
    const Setting setting("SACCADE_MUJOCO_MODELS", motors.folder());
    const rl::RunConfig run = {.steps = 300};
    const rl::OffPolicyConfig config = {.learning_starts = 100, .batch_size = 16, .buffer_size = 1000};
    const Spec spec = make(c.id)->spec();
    const auto obs_dim = static_cast<std::int64_t>(size_of(spec.observation_space)),
               action_dim = static_cast<std::int64_t>(size_of(spec.action_space));
    rl::Sac agent({.hidden = {16}, .normalize_obs = true}, obs_dim, action_dim, Rng(1));
    rl::ReplayBuffer buffer(config.buffer_size, obs_dim, action_dim);
    rl::TrainState state{Rng(1)};
    rl::train(
        run, config, [&] { return make(c.id); }, agent, buffer, state);
    CHECK(state.step == 300);
    CHECK(state.divergences > 0);
    CHECK(buffer.size() == 300 - state.divergences);
    CHECK((buffer.size() == 0) == c.from_the_first_step);
    for (const auto& [name, tensor] : buffer.named_state()) {
      if (tensor.numel() > 0) CHECK(amax(abs(tensor)).item() <= 1e6);
    }
    int statistics = 0;
    for (const auto& [name, tensor] : agent.named_weights()) {
      if (name == "obs.count") CHECK(tensor.item() == static_cast<double>(buffer.size()));
      if (name == "obs.mean") CHECK(amax(abs(tensor)).item() <= 1e6);
      statistics += name.starts_with("obs.");
    }
    CHECK(statistics == 3);
    if (c.from_the_first_step) CHECK(state.updates == 0);
    const rl::Evaluation e = rl::evaluate([&] { return make(c.id); }, agent, 3, Rng(1));
    if (c.from_the_first_step) CHECK(e.divergences == 3);
  }
}

TEST_CASE("a run goes on in the model that it began with, and in no other", "[mujoco]") {
  const test::TemporaryFolder folder;
  const StrongMotors motors("reacher", 2);
  const std::string strong = "SACCADE_MUJOCO_MODELS='" + motors.folder() + "' ";
  const auto saccade = [&](const std::string& before, const std::string& arguments) {
    return test::run_command(folder, arguments, before);
  };
  REQUIRE(
      saccade(strong, "train Reacher-v4 --run run --steps 60 --set learning_starts=60 --quiet").exit_code ==
      0);
  const auto before = test::snapshot(folder.path());
  const test::Output resumed = saccade("", "train --resume run --steps 80");
  CHECK(resumed.exit_code == 2);
  CHECK(test::snapshot(folder.path()) == before);
  CHECK_THAT(resumed.err,
             Contains("run: the run began with reacher.xml ") && Contains("is now made of reacher.xml "));
  const test::Output evaluated = saccade("", "eval run --episodes 1");
  CHECK(evaluated.exit_code == 0);
  CHECK_THAT(evaluated.err, Contains("run: the run began with reacher.xml "));
  CHECK(saccade(strong, "eval run --episodes 1").err.empty());
  CHECK(saccade(strong, "train --resume run --steps 80 --quiet").exit_code == 0);
}

TEST_CASE("evaluations say how many episodes diverged", "[mujoco]") {
  const test::TemporaryFolder folder;
  const StrongMotors motors("swimmer", 1e9);
  const std::string strong = "SACCADE_MUJOCO_MODELS='" + motors.folder() + "'";
  const std::string random = "eval --random Swimmer-v4 --episodes 4";
  const test::Output text = test::run_command(folder, random, strong);
  CHECK_THAT(text.out, Contains("In 4 of them the simulation diverged."));
  CHECK_THAT(test::run_command(folder, random + " --json", strong).out, Contains("\"divergences\": 4"));
  CHECK_THAT(test::run_command(folder, random).out, !Contains("diverged"));
  const test::Output trained = test::run_command(
      folder, "train Swimmer-v4 --run run --steps 60 --set learning_starts=50 --set final_eval_episodes=3",
      strong);
  CHECK(trained.exit_code == 0);
  CHECK_THAT(trained.out, Contains("The simulation diverged 60 times") &&
                              Contains("In 3 of them the simulation diverged."));
}

TEST_CASE("copies of a MuJoCo task give the same weights on any number of threads", "[mujoco]") {
  const test::TemporaryFolder folder;
  const std::string train =
      "train Ant-v4 --quiet --envs 5 --steps 400 --set learning_starts=300 --set hidden=[16] --set "
      "batch_size=16 --set final_eval_episodes=1 ";
  REQUIRE(test::run_command(folder, train + "--run one --threads 1").exit_code == 0);
  REQUIRE(test::run_command(folder, train + "--run three --threads 3").exit_code == 0);
  for (const std::string file : {"weights", "replay"}) {
    const std::string name = "/checkpoint/" + file + ".safetensors";
    CHECK(test::read_file(folder.path("three" + name)) == test::read_file(folder.path("one" + name)));
  }
}

TEST_CASE("saccade envs lists what can be made, and says what is wrong with the rest", "[mujoco]") {
  const test::TemporaryFolder folder;
  const StrongMotors motors("ant", 1);
  const test::Output output =
      test::run_command(folder, "envs", "SACCADE_MUJOCO_MODELS='" + motors.folder() + "' ");
  CHECK(output.exit_code == 0);
  CHECK_THAT(output.out, Contains("\nAnt-v4 ") && Contains("\nPendulum-v1 "));
  CHECK_THAT(output.out, Contains("Hopper-v4 cannot be made: ") && Contains("hopper.xml: there is"));
}

TEST_CASE("a speed beyond a million is a divergence, though MuJoCo bears it", "[mujoco]") {
  const test::TemporaryFolder folder;
  test::write_file(folder.path("half_cheetah.xml"),
                   "<mujoco><worldbody><body name='torso'><joint name='x' type='slide' axis='1 0 0'/>"
                   "<joint type='slide' axis='0 1 0'/><joint type='slide' axis='0 0 1'/>"
                   "<geom size='0.1' mass='1'/></body></worldbody><actuator><motor joint='x' gear='1e9' "
                   "ctrllimited='true' ctrlrange='-1 1'/></actuator></mujoco>");
  const Setting setting("SACCADE_MUJOCO_MODELS", folder.path());
  const std::unique_ptr<Env> env = make("HalfCheetah-v4");
  Rng rng(1);
  reset(*env, rng);
  CHECK_FALSE(step(*env, {1e-4}).transition.diverged);  // some 1,000 m/s
  CHECK(step(*env, {1}).transition.diverged);           // some 10,000,000
}

TEST_CASE("a motor without a range is an error", "[mujoco]") {
  const test::TemporaryFolder folder;
  std::string text(built_in_model("reacher"));
  const std::size_t at = text.find("ctrlrange=\"");
  REQUIRE(at != std::string::npos);
  text.erase(at, text.find('"', at + 11) + 1 - at);
  const std::string limited = "ctrllimited=\"true\"";
  REQUIRE(text.find(limited) != std::string::npos);
  text.erase(text.find(limited), limited.size());
  test::write_file(folder.path("reacher.xml"), text);
  const Setting setting("SACCADE_MUJOCO_MODELS", folder.path());
  CHECK_THROWS_WITH(make("Reacher-v4"), Contains("reacher.xml: motor ") && Contains("has no ctrlrange"));
}
