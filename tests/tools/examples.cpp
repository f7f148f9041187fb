// The programs in examples/ do what envs/README.md says, and so does the command with environments added.

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "autograd/grad.h"
#include "autograd/ops.h"
#include "base/error.h"
#include "nn/distributions/tanh_normal.h"
#include "rl/algorithms/sac.h"
#include "rl/runs/config.h"
#include "rl/training/train.h"
#include "tests/support/catch.h"
#include "tests/support/command.h"
#include "tests/support/env_helpers.h"

// The example's class, for a closer look.
#define main double_integrator_main
#include "examples/double_integrator.cpp"  // NOLINT(bugprone-suspicious-include)
#undef main

using namespace saccade::test;
using namespace saccade::tests;
using Catch::Contains;
using Json = nlohmann::ordered_json;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

const std::string kConfig = "--config '" SACCADE_SOURCE_DIR "/examples/double_integrator.json' ";
// A run of a fraction of a second.
const std::string kSmall = "--set 'hidden=[16,16]' --set batch_size=16 --set learning_starts=50 --quiet ";

// Runs a program as a user would, in the folder.
Output run_program(const TemporaryFolder& folder, const std::string& program, const std::string& arguments) {
  const TemporaryFolder elsewhere;
  const std::string out = elsewhere.path("stdout"), err = elsewhere.path("stderr");
  const int status = std::system(
      fmt::format("cd '{}' && '{}' {} >'{}' 2>'{}'", folder.path(), program, arguments, out, err).c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status), read_file(out), read_file(err)};
}

Output run_example(const TemporaryFolder& folder, const std::string& arguments) {
  return run_program(folder, SACCADE_EXAMPLE, arguments);
}

// While there is one, what this process writes to the stream goes to a file.
class Redirected {
 public:
  Redirected(std::FILE* stream, const std::string& path) : stream_(stream) {
    std::fflush(stream_);
    before_ = dup(fileno(stream_));
    const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    REQUIRE(file >= 0);
    dup2(file, fileno(stream_));
    close(file);
  }
  ~Redirected() {
    std::fflush(stream_);
    dup2(before_, fileno(stream_));
    close(before_);
  }
  Redirected(const Redirected&) = delete;
  Redirected& operator=(const Redirected&) = delete;

 private:
  std::FILE* stream_;
  int before_;
};

// The command in this process, with the environments that it has added.
Output run_here(std::vector<std::string> arguments) {
  const TemporaryFolder elsewhere;
  const std::string out = elsewhere.path("stdout"), err = elsewhere.path("stderr");
  arguments.insert(arguments.begin(), "saccade");
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  int exit_code = 0;
  {
    const Redirected stdout_too(stdout, out), stderr_too(stderr, err);
    exit_code = cli::run_command_line(static_cast<int>(argv.size()), argv.data());
  }
  return {exit_code, read_file(out), read_file(err)};
}

// The same task with a force of up to 1,000.
class Strong final : public DoubleIntegrator {
 public:
  const envs::Spec& spec() const override {
    static const envs::Spec spec = [this] {
      envs::Spec strong = DoubleIntegrator::spec();
      strong.id = "Strong-v0";
      strong.action_space = envs::Box{.low = {-1000}, .high = {1000}};
      return strong;
    }();
    return spec;
  }
};

}  // namespace

TEST_CASE("the example learns, goes on, is evaluated and recorded like a built-in environment",
          "[examples]") {
  const TemporaryFolder folder;
  const Output trained = run_example(folder, "train " + kConfig + "--run run --json");
  INFO(trained.err);
  REQUIRE(trained.exit_code == 0);
  CHECK(trained.err.empty());
  const Json summary = Json::parse(trained.out);
  CHECK(summary.at("env") == "DoubleIntegrator-v0");
  CHECK(summary.at("updates") == 2500);
  CHECK(summary.at("final_evaluation").at("mean").get<double>() > -20);

  const Output more = run_example(folder, "train --resume run --steps 3100 --json");
  INFO(more.err);
  REQUIRE(more.exit_code == 0);
  CHECK(Json::parse(more.out).at("updates") == 2600);

  const Output evaluation = run_example(folder, "eval run --record page.html");
  INFO(evaluation.err);
  CHECK(evaluation.exit_code == 0);
  CHECK_THAT(evaluation.out, Contains("20 episodes of DoubleIntegrator-v0"));
  CHECK_THAT(read_file(folder.path("page.html")), Contains(R"("env":"DoubleIntegrator-v0")") &&
                                                      Contains(R"("flat":true)") && Contains(R"("poses":)"));
  CHECK(run_example(folder, "eval --random doubleintegrator --episodes 2 --record random.html").exit_code ==
        0);
  CHECK_THAT(read_file(folder.path("random.html")), Contains(R"("poses":)"));
}

TEST_CASE("a run of the example that was stopped goes on with the same bits", "[examples]") {
  const TemporaryFolder folder;
  const auto train = [&](const std::string& arguments) {
    const Output output = run_example(folder, "train " + arguments);
    INFO(output.err);
    REQUIRE(output.exit_code == 0);
  };
  train("DoubleIntegrator-v0 --run whole --steps 250 " + kSmall);
  train("DoubleIntegrator-v0 --run parts --steps 130 " + kSmall);  // within an episode
  train("--resume parts --steps 250 --quiet");
  for (const std::string file : {"weights", "optimizer", "replay"}) {
    const std::string name = "checkpoint/" + file + ".safetensors";
    INFO(name);
    const bool same = read_file(folder.path("whole/" + name)) == read_file(folder.path("parts/" + name));
    CHECK(same);
  }
}

TEST_CASE("the example lists its environment and goes by its own name", "[examples]") {
  const TemporaryFolder folder;
  CHECK_THAT(run_example(folder, "envs").out,
             Contains("\nDoubleIntegrator-v0 ") && Contains("\nPendulum-v1 "));
  const std::string help = run_example(folder, "train --help").out;
  CHECK_THAT(help, Contains("Usage: double_integrator train") &&
                       Contains("\n  double_integrator train pendulum\n") && !Contains("saccade "));
  const Output none = run_example(folder, "train");
  CHECK(none.exit_code == 2);
  CHECK_THAT(none.err, Contains("double_integrator envs' lists them"));
  CHECK_THAT(run_example(folder, "train --sead 3").err, Contains("did you mean '--seed'?"));
  CHECK_THAT(run_example(folder, "train a b").err, Contains("double_integrator train --help'"));
}

TEST_CASE("the example keeps the contract of environments", "[examples]") {
  DoubleIntegrator env;
  Rng rng(1);
  reset(env, rng);
  const std::vector<double> before = env.state();
  CHECK_THROWS_WITH(step(env, {kNaN}), Contains("DoubleIntegrator-v0: action[0] is nan"));
  CHECK_THROWS_AS(step(env, {kNaN}), Error);
  CHECK_THROWS_AS(step(env, {}), ShapeError);
  CHECK_THROWS_AS(step(env, {0, 0}), ShapeError);
  CHECK_THROWS_AS(env.set_state(std::vector<double>{1}), ShapeError);
  std::vector<double> three(3);
  CHECK_THROWS_AS(env.reset(rng, three), ShapeError);
  env.set_state(before);

  // Out of the box is clipped, and observations stay in theirs, whatever is done.
  DoubleIntegrator other;
  other.set_state(before);
  CHECK(step(env, {7}).observation == step(other, {1}).observation);
  for (int i = 0; i < 2000; ++i) {
    const double push = i / 100 % 2 == 0 ? 1 : -1;
    const double force = i < 1000 ? push : rng.uniform(-1, 1);
    CHECK(is_inside(step(env, {force}).observation, std::get<envs::Box>(env.spec().observation_space)));
  }
}

TEST_CASE("the example of second derivatives finds the minimum by Newton's method", "[examples]") {
  const TemporaryFolder folder;
  const Output output = run_program(folder, SACCADE_SECOND_DERIVATIVE, "");
  CHECK(output.exit_code == 0);
  // 1 - tanh^2 and -2 tanh (1 - tanh^2) at 0.5; at the end H = [[802, -400], [-400, 200]].
  CHECK_THAT(output.out, Contains("tanh'(0.5) = 0.786448, tanh''(0.5) = -0.726862"));
  CHECK_THAT(output.out, Contains("step 6: f(1.0000, 1.0000)"));
  CHECK_THAT(output.out, Contains("H v at the end = 1202.0000, -600.0000"));
}

TEST_CASE("the tape of a hundred lines finds the gradients that the engine finds", "[examples]") {
  const TemporaryFolder folder;
  const Output output = run_program(folder, SACCADE_MICRO, "");
  CHECK(output.exit_code == 0);
  CHECK(output.err.empty());
  const auto one = [](double value) { return full({1, 1}, value, DType::f64).requires_grad_(); };
  std::string expected;  // in the order of the program
  const auto add = [&expected](const Tensor& y, const TensorList& inputs) {
    const TensorList gradients = grad(sum(y), inputs);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const std::string g = fmt::format("{:.7f}", gradients[i].item());
      expected += fmt::format("input {}: by the chain rule {}, by a difference {}\n", i, g, g);
    }
  };
  const Tensor x = one(0.5), w = one(-1.2), mean = one(0.3), log_std = one(-0.5);
  add(tanh(x * w) + x, {x, w});
  const nn::TanhNormal pi(mean, log_std);
  add(pi.log_prob(pi.rsample(full({1, 1}, 0.8, DType::f64))), {mean, log_std});
  std::string found;
  std::istringstream lines(output.out);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("input ")) found += line + "\n";
  }
  CHECK(found == expected);
}

TEST_CASE("training without the command is a few lines", "[examples]") {
  envs::add("DoubleIntegrator-v0", [] { return std::make_unique<DoubleIntegrator>(); });
  const std::string file = SACCADE_SOURCE_DIR "/examples/double_integrator.json";
  rl::Config config = rl::config_for("DoubleIntegrator-v0");
  rl::update_from_file(config, file);  // examples/double_integrator.json
  const rl::EnvFactory make = [&] { return envs::make(config.run.env); };
  rl::Sac agent(config.own<rl::SacConfig>(), 2, 1, Rng(1));  // an observation has 2 numbers, an action 1
  rl::ReplayBuffer buffer(config.off_policy.buffer_size, 2, 1);
  rl::TrainState state{Rng(1)};
  rl::train(config.run, config.off_policy, make, agent, buffer, state);
  const double mean = rl::evaluate(make, agent, 20, Rng(2)).mean();
  CHECK(mean > -20);

  // envs/README.md shows these very lines.
  const std::string readme = read_file(SACCADE_SOURCE_DIR "/envs/README.md"),
                    here = read_file(SACCADE_SOURCE_DIR "/tests/tools/examples.cpp");
  const std::size_t begin = readme.find("rl::Config config"), end = readme.find("```", begin);
  REQUIRE(end != std::string::npos);
  std::istringstream lines(readme.substr(begin, end - begin));
  int seen = 0;
  for (std::string line; std::getline(lines, line); ++seen) CHECK_THAT(here, Contains("\n  " + line + "\n"));
  CHECK(seen == 8);
}

TEST_CASE("a wide box of actions is a warning of the command, for environments of one's own too",
          "[examples]") {
  envs::add("Strong-v0", [] { return std::make_unique<Strong>(); });
  const TemporaryFolder folder;
  const Output strong =
      run_here({"train", "strong", "--run", folder.path("run"), "--steps", "60", "--quiet", "--set",
                "learning_starts=50", "--set", "hidden=[8]", "--set", "final_eval_episodes=1"});
  CHECK(strong.exit_code == 0);
  CHECK_THAT(strong.out, Contains("Trained 60 steps"));
  CHECK_THAT(strong.err, Contains("saccade: warning: Strong-v0: action[0] ranges from -1000 to 1000"));
  const Output wrong = run_here({"train", "weak"});
  CHECK(wrong.exit_code == 2);
  CHECK_THAT(wrong.err, Contains("\"weak\"") && Contains(" envs' the environments"));
}
