// What saccade export writes, against the agent itself.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>
#include <sstream>
#include <variant>

#include "base/error.h"
#include "envs/registry.h"
#include "inference/policy.h"
#include "nn/formats/safetensors.h"
#include "rl/components/action_scale.h"
#include "rl/runs/evaluate_run.h"
#include "rl/runs/export.h"
#include "tests/support/catch.h"
#include "tests/support/command.h"
#include "tests/support/onnx_reader.h"
#include "tests/support/runs.h"

using namespace saccade;
using namespace saccade::rl;
using namespace saccade::test;
using Catch::Contains;
using Json = nlohmann::ordered_json;

namespace {

struct Case {
  std::string algorithm;
  Json more;
  std::string env = {};
};

// Trained for a moment, so that no bias is 0 and statistics are not those of the beginning.
RunInfo case_run(const Case& c) {
  Json settings = {{"hidden", {12, 8}}, {"batch_size", 8}, {"buffer_size", 200},      {"learning_starts", 40},
                   {"steps", 120},      {"eval_every", 0}, {"final_eval_episodes", 1}};
  settings.update(c.more);
  RunInfo info = run_of(c.algorithm, settings);
  if (!c.env.empty()) info.config.run.env = c.env;
  return info;
}

const std::vector<Case> kCases = {{"sac", {{"normalize_obs", true}}},
                                  {"sac", {{"log_std", "tanh"}, {"layer_norm", true}, {"critics", 3}}},
                                  {"sac", {{"log_std", "gsde"}}},
                                  {"sac_v1", Json::object()},
                                  {"tqc", {{"normalize_obs", true}}},
                                  {"crossq", Json::object()},
                                  {"td3", Json::object()},
                                  {"discrete_sac", {{"normalize_obs", true}}},
                                  {"dqn", Json::object()},
                                  {"soft_q", {{"alpha", 0.3}}},
                                  {"discrete_sac", Json::object(), "FrozenLake-v1"}};

struct Inputs {
  std::vector<double> obs, noise;
  std::int64_t rows = 0, width = 0;
};

Inputs random_inputs(const ExportedAgent& agent, const Agent& itself) {
  Inputs in;
  in.rows = 40;
  Rng rng(3);
  const auto* states = std::get_if<envs::Discrete>(&agent.spec.observation_space);
  in.width = static_cast<std::int64_t>(envs::size_of(agent.spec.observation_space));
  for (std::int64_t i = 0; i < in.rows * in.width; ++i)
    in.obs.push_back(states != nullptr ? static_cast<double>(i % states->n)
                                       : static_cast<float>(2 * rng.normal()));
  // One that is far from all that was seen, which normalisation cuts off.
  if (states == nullptr) std::fill_n(in.obs.begin(), in.width, 1000.0);
  in.noise.resize(static_cast<std::size_t>(in.rows * itself.noise_size()));
  for (double& z : in.noise) z = static_cast<float>(rng.normal());
  return in;
}

// A case's run, and what to ask of its agent.
struct Trained {
  TemporaryFolder folder;
  std::string run;
  ExportedAgent agent;
  std::unique_ptr<Agent> itself;
  Inputs in;
  explicit Trained(const Case& c) : run(folder.path("run")) {
    go(Training::begin(case_run(c), run));
    agent = agent_to_export(run);
    itself = load_agent(run);
    in = random_inputs(agent, *itself);
  }
};

// The numbers that a program printed.
std::vector<double> printed(const Output& output) {
  INFO(output.err);
  REQUIRE(output.exit_code == 0);
  std::istringstream text(output.out);
  std::vector<double> numbers;
  for (double x; text >> x;) numbers.push_back(x);
  return numbers;
}

OnnxValue rows_of(const std::vector<double>& values, std::int64_t rows, bool is_number) {
  if (is_number) return {{rows}, values};
  return {{rows, static_cast<std::int64_t>(values.size()) / rows}, values};
}

std::vector<double> actions_of(const ExportedAgent& agent, const Agent& itself, const Inputs& in,
                               ActMode mode) {
  const ActionScale scale(agent.spec);
  const std::size_t width = envs::size_of(agent.spec.action_space);
  std::vector<double> actions(static_cast<std::size_t>(in.rows) * width);
  itself.act(in.obs, in.noise, mode, actions);
  for (std::size_t i = 0; i < actions.size(); i += width) {
    const std::span<double> one(&actions[i], width);
    scale(one, one);
  }
  return actions;
}

void check_close(const std::vector<double>& actual, const std::vector<double>& expected, double margin) {
  REQUIRE(actual.size() == expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) CHECK(std::abs(actual[i] - expected[i]) <= margin);
}

// Half the width of the box, or of a choice nothing at all.
double range_of(const envs::Spec& spec) {
  const auto* box = std::get_if<envs::Box>(&spec.action_space);
  return box == nullptr ? 0 : box->high[0] - box->low[0];
}

}  // namespace

TEST_CASE("an exported model gives the agent's actions, draws and critics", "[export]") {
  for (const Case& c : kCases) {
    INFO(c.algorithm << " " << c.more.dump() << " " << c.env);
    const Trained trained(c);
    const auto& [folder, run, agent, itself, in] = trained;
    const bool states = std::holds_alternative<envs::Discrete>(agent.spec.observation_space);
    const bool chooses = std::holds_alternative<envs::Discrete>(agent.spec.action_space);
    const OnnxValue obs = rows_of(in.obs, in.rows, states);

    const OnnxModel model = read_onnx(to_onnx(agent, ExportedPart::deterministic));
    CHECK(model.ir_version == 8);
    CHECK(model.opset == 17);
    CHECK(model.inputs.size() == 1);
    CHECK(model.inputs.at("observation").element_type == (states ? 7 : 1));
    CHECK(model.inputs.at("observation").shape.at(0) == "batch");
    CHECK(model.outputs.at("action").element_type == (chooses ? 7 : 1));
    CHECK(model.properties.at("env") == agent.info.config.run.env);
    const double margin = 1e-5 * range_of(agent.spec);
    check_close(run_onnx(model, {{"observation", obs}}).at("action").values,
                actions_of(agent, *itself, in, ActMode::exploit), margin);

    if (c.algorithm != "td3" && c.algorithm != "dqn") {
      const OnnxModel draws = read_onnx(to_onnx(agent, ExportedPart::stochastic));
      const OnnxValue noise = rows_of(in.noise, in.rows, false);
      CHECK(draws.inputs.at("noise").shape.at(1) == std::to_string(noise.shape[1]));
      check_close(run_onnx(draws, {{"observation", obs}, {"noise", noise}}).at("action").values,
                  actions_of(agent, *itself, in, ActMode::explore), margin);
    }

    const OnnxModel critics = read_onnx(to_onnx(agent, ExportedPart::critics));
    const Inspection seen = itself->inspect(in.obs, in.noise);
    OnnxValues given = {{"observation", obs}};
    std::vector<double> actions = seen.action.to_vector();
    if (!chooses) {
      const ActionScale scale(agent.spec);
      for (double& a : actions) scale(std::span(&a, 1), std::span(&a, 1));
      given["action"] = rows_of(actions, in.rows, false);
    }
    const OnnxValue q = run_onnx(critics, given).at("q");
    const std::vector<double> expected = seen.q.to_vector();
    CHECK(critics.outputs.at("q").shape.at(1) == std::to_string(q.shape.at(1)));
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const auto width = static_cast<std::size_t>(q.shape[1]);
      const auto* row = &q.values[i * width];
      const double said = chooses ? row[static_cast<std::size_t>(actions[i])]
                          : c.algorithm == "tqc"
                              ? std::accumulate(row, row + width, 0.0) / static_cast<double>(width)
                              : *std::min_element(row, row + width);
      CHECK(said == Approx(expected[i]).epsilon(1e-4).margin(1e-5));
    }
  }
}

TEST_CASE("an exported header compiles by itself and gives the agent's actions", "[export]") {
  for (const Case& c : {kCases[0], kCases[1], kCases[2], kCases[5], kCases[6], kCases[8], kCases[10]}) {
    INFO(c.algorithm << " " << c.more.dump() << " " << c.env);
    const Trained trained(c);
    const auto& [folder, run, agent, itself, in] = trained;
    write_file(folder.path("policy.h"), to_header(agent, "robot"));
    write_file(folder.path("main.cpp"), R"(#include "policy.h"
#include "policy.h"
#include <cstdio>
static_assert(robot::kObservations > 0 && robot::kActions > 0);
int main() {
  float observation[robot::kObservations], action[robot::kActions];
  for (;;) {
    for (float& x : observation) if (std::scanf("%f", &x) != 1) return 0;
    robot::act(observation, action);
    for (float x : action) std::printf("%.9g\n", static_cast<double>(x));
  }
})");
    std::string numbers;
    for (const double x : in.obs) numbers += fmt::format("{}\n", x);
    write_file(folder.path("in"), numbers);
    const Output output =
        run_shell(folder,
                  "c++ -std=c++17 -O1 -Wall -Wextra -Wconversion -Wshadow -Wpedantic -Werror "
                  "main.cpp -o main && ./main <in");
    check_close(printed(output), actions_of(agent, *itself, in, ActMode::exploit),
                1e-5 * range_of(agent.spec));
  }
}

TEST_CASE("the NumPy program of docs/formats.md acts as the agent does", "[export][formats]") {
  const TemporaryFolder tools;
  if (run_shell(tools, "python3 -c 'import numpy'").exit_code != 0) {
    if (std::getenv("CI") != nullptr) FAIL("python3 has no numpy; tools/setup.sh --ci installs it");
    WARN("python3 has no numpy here: not tested");
    return;
  }
  const std::string text = read_file(SACCADE_SOURCE_DIR "/docs/formats.md");
  const std::size_t begin = text.find("```python\n") + 10;
  const std::string program = text.substr(begin, text.find("```", begin) - begin);
  for (const Case& c : kCases) {
    INFO(c.algorithm << " " << c.more.dump() << " " << c.env);
    const Trained trained(c);
    const auto& [folder, run, agent, itself, in] = trained;
    std::string lines;
    for (std::size_t i = 0; i < in.obs.size(); ++i)
      lines += fmt::format("{}{}", in.obs[i], (i + 1) % static_cast<std::size_t>(in.width) == 0 ? '\n' : ' ');
    write_file(folder.path("act.py"), program);
    write_file(folder.path("in"), lines);
    const Output output = run_shell(folder, "python3 act.py run <in");
    check_close(printed(output), actions_of(agent, *itself, in, ActMode::exploit),
                1e-5 * range_of(agent.spec));
  }
}

TEST_CASE("inference::Policy acts as the agent does, and refuses what does not fit", "[export][inference]") {
  for (const Case& c : kCases) {
    INFO(c.algorithm << " " << c.more.dump() << " " << c.env);
    const Trained trained(c);
    const auto& [folder, run, agent, itself, in] = trained;
    inference::Policy policy = inference::Policy::load(run);
    CHECK(policy.about().at("algorithm") == c.algorithm);
    REQUIRE(policy.observation_size() == in.width);
    std::vector<double> actions(static_cast<std::size_t>(in.rows * policy.action_size()));
    for (std::int64_t row = 0; row < in.rows; ++row) {
      policy.act(std::span(in.obs).subspan(static_cast<std::size_t>(row * in.width),
                                           static_cast<std::size_t>(in.width)),
                 std::span(actions).subspan(static_cast<std::size_t>(row * policy.action_size()),
                                            static_cast<std::size_t>(policy.action_size())));
    }
    check_close(actions, actions_of(agent, *itself, in, ActMode::exploit), 1e-5 * range_of(agent.spec));
    std::vector<double> wrong(static_cast<std::size_t>(in.width) + 1);
    CHECK_THROWS_AS(
        policy.act(wrong, std::span(actions).first(static_cast<std::size_t>(policy.action_size()))),
        ShapeError);
    if (c.env == "FrozenLake-v1") {
      const double outside = 16;
      CHECK_THROWS_WITH(policy.act(std::span(&outside, 1), std::span(actions).first(1)),
                        Contains("the state is 16, expected a number from 0 to 15"));
    }
  }
}

TEST_CASE("inference::Policy says what is wrong with a file", "[export][inference]") {
  const TemporaryFolder folder;
  const std::string path = folder.path("w.safetensors");
  const nn::NamedTensors tensors = {{"l.weight", ones({2, 3})}, {"l.bias", zeros({2})}};
  const nn::safetensors::Metadata good = {
      {"observation", R"({"size": 3, "low": [0, 0, 0], "high": [1, 1, 1]})"},
      {"action", R"({"size": 2, "low": [-1, -1], "high": [1, 3]})"},
      {"policy", R"([{"op": "linear", "weight": "l.weight", "bias": "l.bias"}, {"op": "tanh"},
                     {"op": "scale", "low": [-1, -1], "high": [1, 3]}])"}};
  nn::safetensors::save(path, tensors, good);
  inference::Policy policy = inference::Policy::load(path);
  const std::vector<double> observation = {0.1, 0.2, 0.3};
  std::vector<double> action(2);
  policy.act(observation, action);
  CHECK(action[0] == Approx(std::tanh(0.6)));
  CHECK(action[1] == Approx(1 + 2 * std::tanh(0.6)));

  const auto refuses = [&](const char* key, const std::string& value, const std::string& what) {
    nn::safetensors::Metadata bad = good;
    value.empty() ? static_cast<void>(bad.erase(key)) : static_cast<void>(bad[key] = value);
    nn::safetensors::save(path, tensors, bad);
    CHECK_THROWS_WITH(inference::Policy::load(path), Contains(path) && Contains(what));
  };
  refuses("policy", "", "has no 'policy' in its metadata");
  refuses("policy", "[", "policy");
  refuses("policy", R"([{"op": "dance"}])", "dance");
  refuses("policy", R"([{"op": 7}])", "step 1 of its policy");
  refuses("policy", R"([{"op": "tanh"}])", "ends with 3 numbers, expected 2");
  refuses("policy", R"([{"op": "linear", "weight": "l.bias", "bias": "l.bias"}])", "needs a matrix 'l.bias'");
  refuses("policy", R"([{"op": "linear", "weight": "l.weight", "bias": "m.bias"}])",
          "a tensor 'm.bias' of 2 numbers");
  refuses("policy", R"([{"op": "linear", "weight": "l.weight", "bias": "l.bias", "member": 1}])",
          "needs a matrix");
  refuses("policy", R"([{"op": "first", "size": 9}])", "first");
  refuses(
      "policy",
      R"([{"op": "linear", "weight": "l.weight", "bias": "l.bias"}, {"op": "scale", "low": [0], "high": [1]}])",
      "scale");
  for (const char* size : {"0", "-1", "1e9", "99999999999", "\"a\""})
    refuses("observation", fmt::format(R"({{"size": {}}})", size), "expected an integer from 1 to 1048576");
  refuses("policy", R"([{"op": "linear", "weight": "l.weight", "bias": "l.bias", "member": -1}])",
          "needs a matrix");
  refuses("action", R"({"size": 1})", "ends with 2 numbers, expected 1");
  refuses("observation", R"("three")", "expected a size or choices");
  CHECK_THROWS_AS(inference::Policy::load(folder.path("none")), FormatError);
}

TEST_CASE("a weights file names tensors that it has, and how actions are drawn", "[export][formats]") {
  for (const Case& c : kCases) {
    INFO(c.algorithm << " " << c.more.dump() << " " << c.env);
    const TemporaryFolder folder;
    go(Training::begin(case_run(c), folder.path("run")));
    const nn::safetensors::Contents file =
        nn::safetensors::load(folder.path("run/checkpoint/weights.safetensors"));
    std::set<std::string> names;
    for (const auto& [name, tensor] : file.tensors) names.insert(name);
    CHECK(file.metadata.at("algorithm") == c.algorithm);
    Json lists = Json::parse(file.metadata.at("critics"));
    CHECK(lists.size() >= 1);
    lists.push_back(Json::parse(file.metadata.at("policy")));
    for (const Json& steps : lists) {
      int linear = 0;
      for (const Json& step : steps) {
        CHECK(step.at("formula") != "");
        if (step.at("op") == "linear") ++linear;
        for (const char* key : {"weight", "bias", "mean", "variance", "squares", "count"}) {
          if (step.contains(key)) CHECK(names.count(step.at(key).get<std::string>()) == 1);
        }
      }
      CHECK(linear == 3);
      const auto has = [&](const char* op) {
        return std::any_of(steps.begin(), steps.end(), [&](const Json& step) { return step.at("op") == op; });
      };
      const bool is_policy = steps == lists.back(),
                 chooses = file.metadata.at("action").find("choices") != std::string::npos;
      CHECK(has("append_action") == (!is_policy && !chooses));
      CHECK(has("mean") == (!is_policy && c.algorithm == "tqc"));
      CHECK(has("normalize") == c.more.value("normalize_obs", false));
    }
    CHECK(file.metadata.count("draw") == (c.algorithm != "td3" && c.algorithm != "dqn"));
  }
}

TEST_CASE("saccade export says what it wrote, and refuses what it cannot", "[export]") {
  const TemporaryFolder folder;
  go(Training::begin(case_run(kCases[6]), folder.path("run")));
  const Output made = run_command(folder, "export run policy.onnx");
  INFO(made.err);
  CHECK(made.exit_code == 0);
  CHECK_THAT(made.out, Contains("observation (batch, 3) to action (batch, 1)"));
  CHECK(widest(made.out) <= 80);
  const Json about = Json::parse(read_file(folder.path("policy.onnx.json")));
  CHECK(about.at("outputs").at(0).at("high") == Json{2.0});
  CHECK(read_onnx(read_file(folder.path("policy.onnx"))).properties.at("outputs") ==
        about.at("outputs").dump());
  CHECK(run_command(folder, "export run 1-arm.h").exit_code == 0);
  CHECK_THAT(read_file(folder.path("1-arm.h")), Contains("namespace policy_1_arm {"));

  const auto refuses = [&](const std::string& arguments, int exit_code,
                           const std::vector<std::string>& words) {
    INFO(arguments);
    const auto before = snapshot(folder.path());
    const Output output = run_command(folder, "export " + arguments);
    CHECK(output.exit_code == exit_code);
    CHECK(output.out.empty());
    CHECK(std::count(output.err.begin(), output.err.end(), '\n') == 1);
    for (const std::string& word : words) CHECK_THAT(output.err, Contains(word));
    CHECK(snapshot(folder.path()) == before);
  };
  refuses("run policy.onnx", 2, {"policy.onnx", "--force"});
  refuses("run new.onnx --stochastic", 2, {"td3", "no policy that draws"});
  refuses("run new.onnx --stochastic --critics", 2, {"--stochastic", "--critics"});
  refuses("run new.h --critics", 2, {"deterministic"});
  refuses("run new.pt", 2, {"'new.pt'", ".onnx or .h"});
  refuses("rum new.onnx", 1, {"rum", "did you mean"});
  refuses("run absent/new.onnx", 1, {"absent/new.onnx"});
  CHECK(run_command(folder, "export run policy.onnx --force").exit_code == 0);
}
