// Several copies of an environment in one run: what the buffer holds, who ends when, and that errors get out.
#include <fmt/format.h>

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/threads.h"
#include "envs/time_limit.h"
#include "rl/algorithms/sac.h"
#include "rl/components/vector_env.h"
#include "rl/training/train.h"
#include "tests/support/catch.h"
#include "tests/support/counting_env.h"

using namespace saccade;
using tests::Counting;

namespace {

struct Settings {
  rl::RunConfig run = {.steps = 120};
  rl::OffPolicyConfig off_policy = {.learning_starts = 30, .batch_size = 4, .buffer_size = 1000};
  rl::ReplayOptions replay{};
};

Settings small_settings(std::int64_t envs) {
  Settings settings;
  settings.run.envs = envs;
  return settings;
}

struct Run {
  explicit Run(const Settings& settings, Counting::Script script)
      : agent({.hidden = {8}}, 2, 1, Rng(1)),
        buffer(settings.off_policy.buffer_size, 2, 1, settings.replay),
        state(Rng(1), settings.run.envs) {
    rl::TrainCallbacks callbacks;
    callbacks.on_episode = [&](const rl::TrainState&, const rl::Episode& e) { episodes.push_back(e); };
    rl::train(
        settings.run, settings.off_policy,
        [script] { return std::make_unique<envs::TimeLimit>(std::make_unique<Counting>(script)); }, agent,
        buffer, state, callbacks);
  }
  // A field of all transitions, row by row.
  std::vector<double> field(const std::string& name) const {
    for (const nn::NamedTensor& t : buffer.named_state()) {
      if (t.name == name) return t.tensor.to_vector();
    }
    throw Error(name);
  }

  rl::Sac agent;
  rl::ReplayBuffer buffer;
  rl::TrainState state;
  std::vector<rl::Episode> episodes;
};

}  // namespace

TEST_CASE("the buffer keeps the observation that ended an episode, with any number of copies", "[train]") {
  for (const std::int64_t n : {1, 3, 4}) {
    INFO(n << " copies");
    // Episodes are cut short after 10 steps; every third one terminates after 4.
    const Run run(small_settings(n), {.terminates_after = 4, .every = 3});
    const std::vector<double> obs = run.field("obs"), next = run.field("next_obs"),
                              terminated = run.field("terminated");
    REQUIRE(run.buffer.size() == 120);
    int truncations = 0, terminations = 0;
    std::set<double> marks;
    for (std::size_t i = 0; i < 120; ++i) {
      INFO("transition " << i);
      // An observation is the episode's own random mark and the steps so far, so a first observation in the
      // place of a last one shows.
      CHECK(next[2 * i] == obs[2 * i]);
      CHECK(next[2 * i + 1] == obs[2 * i + 1] + 1);
      marks.insert(obs[2 * i]);
      truncations += next[2 * i + 1] == 10;
      terminations += terminated[i] == 1;
      CHECK((terminated[i] == 1) <= (next[2 * i + 1] == 4));
    }
    CHECK(truncations > 0);
    CHECK(terminations > 0);
    CHECK(static_cast<std::int64_t>(run.episodes.size()) == truncations + terminations);
    CHECK(run.state.episodes == truncations + terminations);
    // Every copy has its own stream: no two episodes are alike.
    std::int64_t unfinished = 0;
    for (const rl::EnvCopy& copy : run.state.copies) unfinished += copy.in_episode;
    CHECK(static_cast<std::int64_t>(marks.size()) == run.state.episodes + unfinished);
    for (const rl::Episode& e : run.episodes) CHECK(e.ret == static_cast<double>(e.length));
  }
}

TEST_CASE("there is one update a transition, however many copies there are", "[train]") {
  for (const auto& [envs, steps, updates_per_step] :
       {std::tuple{1, 120, 1}, {4, 120, 1}, {7, 126, 1}, {4, 120, 3}, {50, 150, 2}}) {
    INFO(envs << " copies");
    Settings settings = small_settings(envs);
    settings.off_policy.updates_per_step = updates_per_step;
    const Run run(settings, {});
    // 120 steps were asked for: 7 copies take 18 rounds, 50 take 3.
    CHECK(run.state.step == steps);
    CHECK(run.state.step == rl::last_step(settings.run));
    CHECK(run.state.updates == (steps - 30) * updates_per_step);
    CHECK(run.buffer.size() == steps);
  }
}

TEST_CASE("updates may be fewer than steps", "[train]") {
  for (const auto& [share, updates] : {std::pair{0.25, 22}, {0.1, 9}, {0.0, 0}, {1.5, 135}}) {
    INFO(share);
    Settings settings = small_settings(1);
    settings.off_policy.updates_per_step = share;
    CHECK(Run(settings, {}).state.updates == updates);
  }
}

TEST_CASE("the buffer's n-step transitions stay within their episodes, with any number of copies",
          "[train]") {
  // Episodes end after 10 steps by a time limit; every other one after 6 by termination, or at 7 because the
  // step after it diverges.
  for (const bool diverges : {false, true}) {
    for (const std::int64_t n : {1, 3}) {
      INFO(n << " copies, diverges " << diverges);
      Settings settings = small_settings(n);
      settings.off_policy.n_step = 4;
      settings.off_policy.reward_scale = 2;
      settings.replay.discounts = true;
      Counting::Script script = {.every = 2};
      (diverges ? script.diverges_after : script.terminates_after) = diverges ? 8 : 6;
      const double early = diverges ? 7 : 6;
      const Run run(settings, script);
      const std::vector<double> obs = run.field("obs"), next = run.field("next_obs"),
                                reward = run.field("reward"), terminated = run.field("terminated"),
                                discount = run.field("discount");
      int whole = 0, at_limit = 0, cut_early = 0;
      for (std::size_t i = 0; i < reward.size(); ++i) {
        INFO("transition " << i);
        CHECK(next[2 * i] == obs[2 * i]);  // the same episode
        const double end = next[2 * i + 1], k = end - obs[2 * i + 1];
        CHECK((k >= 1 && k <= 4));
        // Every reward is 1, times 2.
        CHECK(reward[i] == Approx(2 * (1 - std::pow(0.99, k)) / 0.01));
        CHECK(discount[i] == Approx(std::pow(0.99, k)));
        if (k < 4) CHECK((end == 10 || end == early));
        if (terminated[i] == 1) CHECK((end == early && !diverges));
        if (k < 4 && end == early) CHECK((terminated[i] == 1) == !diverges);
        whole += k == 4;
        at_limit += k < 4 && end == 10;
        cut_early += k < 4 && end == early;
      }
      CHECK(whole > 20);
      CHECK(at_limit >= 9);
      CHECK(cut_early >= 9);
    }
  }
}

TEST_CASE("a copy that diverges ends its own episode and is counted, and the others go on", "[train]") {
  const Run run(small_settings(4), {.diverges_after = 6, .every = 2});
  // Of 30 steps of each copy: 10, then 6 of which the last never happened, and again.
  CHECK(run.state.divergences == 4);
  CHECK(run.state.episodes == 12);
  CHECK(run.buffer.size() == 116);
  for (const double x : run.field("next_obs")) CHECK(x != Counting::kPoison);
}

TEST_CASE("an error within a copy gets out of training", "[train]") {
  CHECK_THROWS_WITH(Run(small_settings(4), {.fails_after = 5}), Catch::Contains("copy failed in step 5"));
}

TEST_CASE("copies that take a while are shared out, and the first error gets out of any thread", "[train]") {
  const int threads = num_threads();
  set_num_threads(3);
  rl::EnvCopies copies([] { return std::make_unique<Counting>(Counting::Script{}); }, 6);
  const auto wait = [] {  // a step of some 50 us
    const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(50);
    while (std::chrono::steady_clock::now() < end) continue;
  };
  std::set<std::thread::id> seen;
  std::mutex mutex;
  for (int call = 0; call < 50; ++call) {
    std::vector<int> visits(6);
    copies.for_each([&](std::size_t i) {
      wait();
      ++visits[i];
      const std::lock_guard lock(mutex);
      seen.insert(std::this_thread::get_id());
    });
    CHECK(visits == std::vector<int>(6, 1));
    CHECK_THROWS_WITH(copies.for_each([&](std::size_t i) {
      wait();
      if (i >= 2) throw Error(fmt::format("copy {} failed", i));
    }),
                      "copy 2 failed");
  }
  CHECK(seen.size() > 1);
  set_num_threads(threads);
}

TEST_CASE("a state of other copies than the configuration's is refused", "[train]") {
  const Settings settings = small_settings(3);
  rl::Sac agent({.hidden = {8}}, 2, 1, Rng(1));
  rl::ReplayBuffer buffer(10, 2, 1);
  rl::TrainState state(Rng(1), 2);
  const rl::EnvFactory make = [] { return std::make_unique<Counting>(Counting::Script{}); };
  CHECK_THROWS_WITH(rl::train(settings.run, settings.off_policy, make, agent, buffer, state),
                    Catch::Contains("envs is 3") && Catch::Contains("2 copies"));
}
