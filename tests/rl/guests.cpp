// Runs in environments that live elsewhere, by one that only looks like it.
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "envs/guest.h"
#include "rl/algorithms/sac.h"
#include "rl/runs/evaluate_run.h"
#include "rl/runs/guest.h"
#include "rl/runs/training.h"
#include "rl/training/checkpoint.h"
#include "tests/support/catch.h"
#include "tests/support/command.h"
#include "tests/support/runs.h"

using namespace saccade;
using namespace saccade::test;
using Catch::Contains;
using Json = nlohmann::ordered_json;

namespace {

constexpr const char* kId = "python:Walk-v0";

envs::Spec walk() {
  return {.id = kId,
          .observation_space = envs::Box{.low = {0, -1}, .high = {HUGE_VAL, 1}},
          .action_space = envs::Box{.low = {-1}, .high = {1}}};
}

// Observes the episode and its steps, and has no state to go back to; fails in its so many-th step of all.
class Walk final : public envs::Env {
 public:
  explicit Walk(std::int64_t fails_at = 0) : fails_at_(fails_at) {}
  const envs::Spec& spec() const override {
    static const envs::Spec spec = walk();
    return spec;
  }
  void reset(Rng&, std::span<double> observation) override {
    ++episode_;
    steps_ = 0;
    observe(observation);
  }
  envs::StepResult step(std::span<const double>, std::span<double> observation) override {
    if (++all_ == fails_at_) throw envs::GuestFailure("it broke");
    ++steps_;
    observe(observation);
    return {.reward = 1, .terminated = steps_ == 4};
  }
  std::vector<double> state() const override { return {}; }
  void set_state(std::span<const double>) override {}
  void observe(std::span<double> observation) const override {
    observation[0] = static_cast<double>(episode_);
    observation[1] = static_cast<double>(steps_);
  }

 private:
  std::int64_t fails_at_, all_ = 0, episode_ = 0, steps_ = 0;
};

rl::RunInfo small_run(std::int64_t steps, const char* env = kId) {
  rl::RunInfo info;
  info.config.run.env = env;
  rl::update_from_json(info.config,
                       {{"hidden", {8}},
                        {"batch_size", 4},
                        {"buffer_size", 100},
                        {"learning_starts", 6},
                        {"steps", steps},
                        {"eval_every", 0},
                        {"diagnose_every", 0},
                        {"n_step", 2},
                        {"final_eval_episodes", 0}},
                       "test");
  return info;
}

envs::GuestHere here() {
  return envs::GuestHere(kId, [] { return std::make_unique<Walk>(); });
}

std::vector<double> observed(const std::string& run) {
  const auto tensors = nn::safetensors::load(rl::run_file(run, "checkpoint/replay.safetensors"), 1 << 20);
  std::vector<double> all;
  for (const nn::NamedTensor& t : tensors.tensors) {
    if (t.name == "obs") all = t.tensor.to_vector();
  }
  return all;
}

}  // namespace

TEST_CASE("a run without a final evaluation says so", "[runs]") {
  const TemporaryFolder folder;
  rl::TrainingListener nobody;
  const auto summary = rl::Training::begin(small_run(12, "Pendulum-v1"), folder.path("run")).run(nobody);
  CHECK(summary.value().at("final_evaluation").is_null());
  CHECK_FALSE(summary->contains("solved"));
}

TEST_CASE("a failure elsewhere leaves a run that goes on with fresh episodes", "[runs]") {
  const TemporaryFolder folder;
  const std::string run = folder.path("run");
  const envs::GuestHere guest = here();
  rl::TrainingListener nobody;
  {
    rl::Training training = rl::Training::begin(small_run(30), run);
    rl::EnvCopies breaks([] { return std::make_unique<Walk>(11); }, 1);
    CHECK_THROWS_AS(training.run(nobody, &breaks), envs::GuestFailure);
    CHECK(training.state().step == 10);
    CHECK_FALSE(training.state().copies[0].in_episode);
  }
  rl::Training training = rl::Training::resume(run, 16);
  CHECK(training.state().step == 10);
  CHECK_FALSE(training.state().copies[0].in_episode);
  rl::EnvCopies fresh([] { return std::make_unique<Walk>(); }, 1);
  CHECK(training.run(nobody, &fresh).has_value());
  // Two episodes of four steps and the first of two windows of a third; then a fresh one.
  const std::vector<double> obs = observed(run);
  const std::vector<double> expected = {1, 0, 1, 1, 1, 2, 1, 3, 2, 0, 2, 1, 2, 2,
                                        2, 3, 3, 0, 1, 0, 1, 1, 1, 2, 1, 3, 2, 0};
  CHECK(std::vector<double>(obs.begin(), obs.begin() + static_cast<std::ptrdiff_t>(expected.size())) ==
        expected);
}

TEST_CASE("a run elsewhere is read here, but does not go on", "[runs]") {
  const TemporaryFolder folder;
  const std::string run = folder.path("run");
  {
    const envs::GuestHere guest = here();
    rl::TrainingListener nobody;
    rl::EnvCopies copies([] { return std::make_unique<Walk>(); }, 1);
    CHECK(rl::Training::begin(small_run(12), run).run(nobody, &copies).has_value());
  }
  const rl::RunInfo info = rl::read_run_info(run);
  CHECK(info.config.run.env == kId);
  CHECK(rl::load_agent(run) != nullptr);
  CHECK_THROWS_WITH(rl::Training::resume(run, 20), Contains("only Python can step"));
  CHECK_THROWS_WITH(rl::evaluate_agent(
                        *rl::load_agent(run), [] { return rl::make_env(kId); }, 1, 1),
                    Contains("only Python can step"));
  CHECK(rl::checkpoint_step(rl::run_file(run, "checkpoint")) == 12);
}

TEST_CASE("what an environment elsewhere says of itself comes back from JSON", "[runs]") {
  for (envs::Spec spec : {walk(), envs::Spec{.id = kId,
                                  .observation_space = envs::Discrete{3},
                                  .action_space = envs::Discrete{5},
                                  .max_episode_steps = 9,
                                  .reward_threshold = -2.5}}) {
    const Json json = rl::guest_to_json(spec);
    const envs::Spec back = rl::guest_from_json(json, kId, "there.json");
    CHECK(rl::guest_to_json(back) == json);
    CHECK(back.max_episode_steps == spec.max_episode_steps);
    CHECK(back.reward_threshold == spec.reward_threshold);
    CHECK(envs::bounds_of(back.observation_space).high == envs::bounds_of(spec.observation_space).high);
    CHECK(envs::bounds_of(back.action_space).low == envs::bounds_of(spec.action_space).low);
  }
}

TEST_CASE("a damaged environment in a run's configuration is one clear error", "[runs]") {
  const Json good = rl::guest_to_json(walk());
  const auto with = [&](const char* key, const Json& value) {
    Json json = good;
    json[key] = value;
    return json;
  };
  const std::pair<Json, const char*> cases[] = {
      {Json::object(), "observation_space"},
      {with("observation_space", {{"n", 0}}), "n is 0, expected at least 1"},
      {with("observation_space", {{"n", -3}}), "n"},
      {with("action_space", {{"low", {0, 1}}, {"high", {2}}}), "two lists of as many numbers"},
      {with("action_space", {{"low", Json::array()}, {"high", Json::array()}}), "two lists"},
      {with("action_space", {{"low", {"a"}}, {"high", {2}}}), "is damaged"},
      {with("action_space", {{"low", {3}}, {"high", {2}}}), "low[0] is 3"},
      {with("action_space", {{"low", {nullptr}}, {"high", {2}}}), "finite bounds"},
      {with("action_space", {{"low", {0}}, {"high", {2}}, {"shape", {2}}}),
       "shape is [2], expected one of 1"},
      {with("observation_space", {{"n", 3}}), "start"},
      {with("max_episode_steps", 1.5), "max_episode_steps"},
      {with("reward_threshold", "high"), "is damaged"}};
  for (const auto& [json, words] : cases) {
    CAPTURE(json.dump());
    CHECK_THROWS_WITH(rl::guest_from_json(json, kId, "there.json"),
                      Contains("there.json: environment") && Contains(words));
  }
}

TEST_CASE("a stranger's networks are not made where the checkpoint is too small for them", "[runs]") {
  const TemporaryFolder folder;
  const std::string run = folder.path("run");
  {
    const envs::GuestHere guest = here();
    rl::Training::begin(small_run(12), run);
  }
  const std::string file = rl::run_file(run, "config.json");
  for (const char* space : {"observation_space", "action_space"}) {
    Json json = read_json(file);
    json["environment"][space] = {{"n", 9'000'000'000'000'000}, {"start", 0}};
    rl::write_json(file, json);
    CHECK_THROWS_WITH(rl::load_agent(run), Contains("weights") || Contains("discrete"));
    json["environment"] = rl::guest_to_json(walk());
    rl::write_json(file, json);
  }
}
