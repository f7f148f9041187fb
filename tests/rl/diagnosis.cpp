// What training writes down of the agent as it goes: rl/training/diagnosis.
#include <cmath>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "autograd/grad.h"
#include "autograd/modes.h"
#include "autograd/ops.h"
#include "envs/time_limit.h"
#include "rl/algorithms/sac.h"
#include "rl/algorithms/td3.h"
#include "rl/components/rows.h"
#include "rl/runs/logs.h"
#include "rl/runs/training.h"
#include "rl/training/diagnosis.h"
#include "tests/support/catch.h"
#include "tests/support/command.h"
#include "tests/support/counting_env.h"
#include "tests/support/runs.h"

using namespace saccade;
using namespace saccade::rl;
using namespace saccade::test;
using tests::Counting;

namespace {

// Says of every state that Q is 7, and that its actions, all 0.5, have a log pi of -2.
class Knower final : public Agent {
 public:
  std::int64_t noise_size() const override { return 1; }
  void act(std::span<const double>, std::span<const double>, ActMode,
           std::span<double> action) const override {
    for (double& a : action) a = 0.5;
  }
  Metrics update(const Batch&, Rng&) override { return {}; }
  double discount() const override { return 0.9; }
  Inspection inspect(std::span<const double> obs, std::span<const double>) const override {
    const auto n = static_cast<std::int64_t>(obs.size() / 2);
    return {.action = full({n, 1}, 0.5),
            .q = full({n, 1}, 7),
            .log_prob = full({n, 1}, -2),
            .alpha = 0.25,
            .target_entropy = -1};
  }
  nn::NamedTensors named_weights() const override { return {}; }
  nn::NamedTensors named_optimizer_state() const override { return {}; }
  void load(const nn::NamedTensors&, const nn::NamedTensors&) override {}
  void load_weights(const nn::NamedTensors&) override {}
};

EnvFactory counting(const Counting::Script& script) {
  return [script] { return std::make_unique<envs::TimeLimit>(std::make_unique<Counting>(script), 10); };
}

RunInfo small_run(const std::string& env, const std::string& algorithm) {
  RunInfo info;
  info.config = Config(algorithm);
  info.config.run.env = env;
  update_from_json(info.config,
                   {{"batch_size", 8},
                    {"buffer_size", 100},
                    {"learning_starts", 20},
                    {"steps", 60},
                    {"eval_every", 0},
                    {"final_eval_episodes", 1},
                    {"diagnose_every", 20}},
                   "test");
  if (info.config.find("hidden").key != nullptr) update_from_json(info.config, {{"hidden", {8}}}, "test");
  return info;
}

}  // namespace

TEST_CASE("the soft return counts rewards, later entropies and what remains where an episode was cut",
          "[diagnosis]") {
  // Every later state adds alpha times its entropy, 0.25 x 2.
  const double reward = 3, gamma = 0.9, bonus = 0.5;
  SECTION("terminated after 4 of 10 steps: nothing comes after") {
    const Diagnosis d = diagnose(counting({.terminates_after = 4}), Knower(), reward, Rng(1)).value();
    CHECK(d.steps == 4);
    CHECK(d.ret == 4);
    double g = 0, sum = 0;
    for (int t = 0; t < 4; ++t) {
      g = t == 0 ? reward : reward + gamma * (g + bonus);
      sum += g;
    }
    CHECK(d.soft_return == Approx(sum / 4).epsilon(1e-12));
    CHECK(d.q == Approx(7));
    CHECK(d.entropy.value() == Approx(2));
    CHECK(d.target_entropy.value() == -1);
    CHECK(d.alpha == 0.25);
  }
  SECTION("cut by the time limit: Q and the entropy stand for the rest") {
    const Diagnosis d = diagnose(counting({}), Knower(), reward, Rng(1)).value();
    CHECK(d.steps == 10);
    double g = 7, sum = 0, squares = 0;
    for (int t = 0; t < 10; ++t) {
      g = reward + gamma * (g + bonus);
      sum += g;
      squares += (7 - g) * (7 - g);
    }
    CHECK(d.soft_return == Approx(sum / 10).epsilon(1e-12));
    CHECK(d.q_error == Approx(std::sqrt(squares / 10)).epsilon(1e-12));
  }
  SECTION("diverged in its 6th step: as if cut before it") {
    const Diagnosis d = diagnose(counting({.diverges_after = 6}), Knower(), reward, Rng(1)).value();
    CHECK(d.steps == 5);
    CHECK(d.ret == 5);
    double g = 7, sum = 0;
    for (int t = 0; t < 5; ++t) sum += g = reward + gamma * (g + bonus);
    CHECK(d.soft_return == Approx(sum / 5).epsilon(1e-12));
  }
  SECTION("diverged at once: no diagnosis") {
    CHECK_FALSE(diagnose(counting({.diverges_after = 1}), Knower(), reward, Rng(1)));
  }
}

TEST_CASE("actions are counted before and after the squash, the outer parts with all beyond", "[diagnosis]") {
  const Diagnosis d = diagnose(counting({}), Knower(), 1, Rng(1)).value();
  // 0.5 is in the part from 0.5 to 0.6, and atanh(0.5) = 0.549 in that from 0.4 to 0.8.
  CHECK(d.actions.at(15) == Approx(1));
  CHECK(d.pre_squash.at(11) == Approx(1));
  CHECK(d.actions.size() == Diagnosis::kBins);
  CHECK(d.saturated == 0);

  SacConfig config;
  config.hidden = {8};
  Sac sac(config, 2, 1, Rng(1));
  nn::NamedTensors weights = sac.named_weights();
  for (auto& [name, tensor] : weights) {
    if (name == "actor.head.bias") tensor = from_values({100, -20}, {2});
    if (name == "actor.head.weight") tensor = zeros({2, 8});
  }
  sac.load_weights(weights);
  const Diagnosis far = diagnose(counting({}), sac, 1, Rng(1)).value();
  CHECK(far.saturated == 1);
  CHECK(far.actions.back() == Approx(1));
  CHECK(far.pre_squash.back() == Approx(1));
}

TEST_CASE("every algorithm's inspection is of the actions that it takes", "[diagnosis]") {
  for (const AlgorithmInfo& info : algorithms()) {
    INFO(info.name);
    const bool discrete = info.actions == ActionKind::discrete;
    const RunInfo run = small_run(discrete ? "CartPole-v1" : "Pendulum-v1", info.name);
    const std::unique_ptr<Agent> agent = make_agent(run.config);
    const std::size_t width = discrete ? 4 : 3;
    Rng rng(3);
    std::vector<double> obs(5 * width), noise(5 * static_cast<std::size_t>(agent->noise_size())), action(5);
    rng.fill_normal(obs);
    rng.fill_normal(noise);
    agent->act(obs, noise, agent->judged(), action);
    const Inspection seen = agent->inspect(obs, noise);
    std::vector<double> inspected(5);
    copy_rows("actions", seen.action, inspected);
    CHECK(inspected == action);
    CHECK(seen.q.shape() == Shape{5, 1});
    const bool draws = agent->judged() == ActMode::explore;
    CHECK(seen.log_prob.defined() == draws);
    if (draws) {
      CHECK(seen.log_prob.shape() == Shape{5, 1});
      CHECK(seen.alpha > 0);
    }
  }
}

TEST_CASE("SAC's inspection is of its critics' minimum and its own density", "[diagnosis]") {
  SacConfig config;
  config.hidden = {16};
  for (const LogStd log_std : {LogStd::clamp, LogStd::tanh, LogStd::gsde}) {
    config.log_std = log_std;
    Sac sac(config, 3, 2, Rng(5), DType::f64);
    Rng rng(2);
    std::vector<double> obs(12), noise(4 * static_cast<std::size_t>(sac.noise_size()));
    rng.fill_normal(obs);
    rng.fill_normal(noise);
    const Inspection seen = sac.inspect(obs, noise);
    const NoGrad no_grad;
    const Tensor s = to_rows("observations", obs, 3, DType::f64);
    const Tensor q = sac.critic()(s, seen.action);
    const Tensor log_prob = sac.actor()(s).log_prob_of_action(seen.action);
    const std::vector<double> both = q.to_vector(), least = seen.q.to_vector();
    const std::vector<double> seen_log_prob = seen.log_prob.to_vector(), expected = log_prob.to_vector();
    for (std::size_t i = 0; i < 4; ++i) {
      CHECK(least[i] == std::min(both[i], both[4 + i]));
      CHECK(seen_log_prob[i] == Approx(expected[i]).epsilon(1e-9));
    }
    CHECK(seen.target_entropy.value() == -2);
  }
  config.learn_alpha = false;
  CHECK_FALSE(
      Sac(config, 3, 2, Rng(5)).inspect(std::vector<double>(3), std::vector<double>(32)).target_entropy);
}

TEST_CASE("an outlook is the mean over draws of the policy, the same in every state", "[diagnosis]") {
  const std::vector<double> obs = {0.3, -0.8, 0.1, 0.5, 0.3, -0.8};  // three states, the first again
  const Outlook known = outlook(Knower(), obs, 2);
  for (const double q : known.q) CHECK(q == Approx(7));
  for (const double entropy : known.entropy) CHECK(entropy == Approx(2));
  REQUIRE(known.q.size() == 3);
  REQUIRE(known.entropy.size() == 3);

  SacConfig config;
  config.hidden = {16};
  const Sac sac(config, 2, 3, Rng(5));
  const Outlook seen = outlook(sac, obs, 2);
  CHECK(seen.q[0] == seen.q[2]);
  CHECK(seen.entropy[0] == seen.entropy[2]);
  // The same by brute force.
  constexpr std::size_t kMany = 20'000;
  for (std::size_t state = 0; state < 2; ++state) {
    std::vector<double> same, noise(kMany * 3);
    for (std::size_t i = 0; i < kMany; ++i) same.insert(same.end(), &obs[2 * state], &obs[2 * state] + 2);
    Rng rng(9);
    rng.fill_normal(noise);
    const Inspection all = sac.inspect(same, noise);
    CHECK(seen.q[state] == Approx(mean(all.q).item()).margin(0.03));
    CHECK(seen.entropy[state] == Approx(-mean(all.log_prob).item()).margin(0.1));
  }

  const Outlook fixed = outlook(Td3(Td3Config{}, 2, 3, Rng(5)), obs, 2);
  CHECK(fixed.q.size() == 3);
  CHECK(fixed.entropy.empty());
}

TEST_CASE("the norms of gradients are those of the losses, before they are clipped", "[diagnosis]") {
  Td3Config config;
  config.hidden = {8};
  config.max_grad_norm = 1e-3;
  config.policy_delay = 1;
  Rng rng(1);
  const Batch batch = {randn({6, 3}, rng), randn({6, 1}, rng), randn({6, 1}, rng), randn({6, 3}, rng),
                       zeros({6, 1})};
  const Tensor z = randn({6, 1}, rng);
  Td3 td3(config, 3, 1, Rng(1));
  td3.update(batch, z);
  CHECK(td3.gradient_norms().empty());  // nobody asked
  const Tensor loss = td3.critic_loss(batch, td3.critic_target(batch, z)).loss;
  double squares = 0;
  for (const Tensor& g : grad(loss, td3.critic().parameters())) squares += sum(square(g)).item();
  td3.measure_gradients(true);
  td3.update(batch, z);
  const auto norms = td3.gradient_norms();
  REQUIRE(norms.size() == 2);
  CHECK(norms[0].first == "actor");
  CHECK(norms[1].first == "critic");
  CHECK(norms[1].second == Approx(std::sqrt(squares)).epsilon(1e-5));
  // A mean over updates, and over those since it was asked for.
  td3.update(batch, z);
  CHECK(td3.gradient_norms()[1].second != norms[1].second);
  td3.measure_gradients(true);
  CHECK(td3.gradient_norms().empty());
}

TEST_CASE("a run has the same bits with diagnoses and without, and its rows wherever it was stopped",
          "[diagnosis]") {
  const TemporaryFolder folder;
  for (const std::string algorithm : {"sac", "td3", "crossq", "dqn"}) {
    INFO(algorithm);
    RunInfo info = small_run(algorithm == "dqn" ? "CartPole-v1" : "Pendulum-v1", algorithm);
    const std::string with = folder.path(algorithm), without = with + "-without", stopped = with + "-stopped";
    if (algorithm == "td3") info.config.run.diagnose_every = 1;
    go(Training::begin(info, with));
    for (const std::int64_t at : {39, 40, 41}) {
      const std::string path = stopped + std::to_string(at);
      go(Training::begin(info, path), at);
      go(Training::resume(path, {}));
      CHECK(read_file(path + "/diagnostics.jsonl") == read_file(with + "/diagnostics.jsonl"));
    }
    info.config.run.diagnose_every = 0;
    go(Training::begin(info, without));
    const std::string weights = "/checkpoint/weights.safetensors";
    CHECK((read_file(with + weights) == read_file(without + weights)));

    const RunLog log = read_run_log(with);
    const std::size_t every = algorithm == "td3" ? 1 : 20, at_40 = 40 / every - 1;
    REQUIRE(log.diagnoses.size() == 60 / every);
    CHECK(log.diagnoses[at_40].step == 40);
    CHECK_FALSE(log.diagnoses[at_40].diagnosis.gradient_norms.empty());
    CHECK(read_run_log(without).diagnoses.empty());
  }
}

TEST_CASE("a run that began before there were diagnoses goes on and has them", "[diagnosis]") {
  const TemporaryFolder folder;
  const std::string run = folder.path("run");
  go(Training::begin(small_run("Pendulum-v1", "sac"), run), 30);
  using Json = nlohmann::ordered_json;
  const std::string path = run + "/checkpoint/state.json";
  Json state = Json::parse(read_file(path));
  state["extra"]["bytes"].erase("diagnostics.jsonl");
  write_file(path, state.dump());
  // Killed once it had begun to have them, before there was a checkpoint that knows.
  REQUIRE(std::filesystem::exists(run + "/diagnostics.jsonl"));
  go(Training::resume(run, {}));
  CHECK(read_run_log(run).diagnoses.size() == 2);  // at 40 and 60
}
