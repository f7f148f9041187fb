// Updates and loading: all or nothing, for every algorithm.
#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "autograd/ops.h"
#include "base/error.h"
#include "rl/algorithms/registry.h"
#include "rl/runs/config.h"
#include "tests/support/catch.h"

using namespace saccade;
using Catch::Contains;
using rl::Batch;

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

bool is_discrete(const std::string& algorithm) {
  return rl::find_algorithm(algorithm).actions == rl::ActionKind::discrete;
}

// For observations of 3, and one number of a box or one of 3 choices.
std::unique_ptr<rl::Agent> make_agent(const std::string& algorithm) {
  rl::Config config(algorithm);
  rl::update_from_text(config, "hidden=[16,16]");
  // Huber's loss takes any error that is a number.
  if (config.find("loss").key != nullptr) rl::update_from_text(config, "loss=squared");
  return config.algorithm().make(config.own(),
                                 {.obs = 3, .actions = is_discrete(algorithm) ? 3 : 1, .rng = Rng(1)});
}

Batch draw_batch(const std::string& algorithm, int seed) {
  Rng rng(static_cast<std::uint64_t>(seed));
  const Tensor obs = randn({8, 3}, rng), box = rand({8, 1}, rng, DType::f32, -1, 1);
  const Tensor action = is_discrete(algorithm) ? floor(1.5 * (box + 1)) : box;
  const Tensor reward = randn({8, 1}, rng);
  return {obs, action, reward, randn({8, 3}, rng), zeros({8, 1})};
}

std::vector<double> all_numbers(const rl::Agent& agent) {
  std::vector<double> numbers;
  for (const nn::NamedTensors& tensors : {agent.named_weights(), agent.named_optimizer_state()}) {
    for (const auto& [name, tensor] : tensors) {
      const std::vector<double> values = tensor.to_vector();
      numbers.insert(numbers.end(), values.begin(), values.end());
    }
  }
  return numbers;
}

nn::NamedTensors copies(const nn::NamedTensors& tensors) {
  nn::NamedTensors all;
  for (const auto& [name, tensor] : tensors) all.push_back({name, (1 * tensor).detach()});
  return all;
}

std::vector<std::string> names() {
  std::vector<std::string> all;
  for (const rl::AlgorithmInfo& info : rl::algorithms()) all.push_back(info.name);
  return all;
}

}  // namespace

TEST_CASE("an update that cannot be done changes nothing, and the next one is as if it had not been",
          "[agent]") {
  for (const std::string& name : names()) {
    const std::unique_ptr<rl::Agent> agent = make_agent(name), twin = make_agent(name);
    // So many that copies are kept for what a batch holds, and not because the agent is new.
    for (int i = 0; i < 24; ++i) {
      Rng a(1), b(1);
      agent->update(draw_batch(name, i), a);
      twin->update(draw_batch(name, i), b);
    }
    const auto all = [](const Tensor& like, double value) { return full(like.shape(), value); };
    struct Harm {
      const char* what;
      std::function<void(Batch&)> apply;
    };
    for (const Harm& harm :
         std::vector<Harm>{{"reward 3e38", [&](Batch& b) { b.reward = all(b.reward, 3e38); }},
                           {"reward -3e38", [&](Batch& b) { b.reward = all(b.reward, -3e38); }},
                           {"reward 1e19", [&](Batch& b) { b.reward = all(b.reward, 1e19); }},
                           {"reward inf", [&](Batch& b) { b.reward = all(b.reward, kInf); }},
                           {"reward nan", [&](Batch& b) { b.reward = all(b.reward, std::nan("")); }},
                           {"obs 1e30", [&](Batch& b) { b.obs = all(b.obs, 1e30); }},
                           {"obs nan", [&](Batch& b) { b.obs = all(b.obs, std::nan("")); }},
                           {"next_obs 1e38", [&](Batch& b) { b.next_obs = all(b.next_obs, 1e38); }},
                           {"next_obs nan", [&](Batch& b) { b.next_obs = all(b.next_obs, std::nan("")); }},
                           {"action 1e38", [&](Batch& b) { b.action = all(b.action, 1e38); }},
                           // Every loss is finite; the squares of gradients are not, and the critics' step is
                           // taken by then.
                           {"reward 1e18 and obs 1e4", [&](Batch& b) {
                              b.reward = all(b.reward, 1e18);
                              b.obs = all(b.obs, 1e4);
                            }}}) {
      INFO(name << ": " << harm.what);
      Batch batch = draw_batch(name, 9);
      harm.apply(batch);
      std::vector<double> before = all_numbers(*agent);
      // TD3 updates its policy every second time only: both kinds of update are tried.
      for (int i = 0; i < 2; ++i) {
        Rng rng(1);
        const nn::NamedTensors weights = copies(agent->named_weights()),
                               state = copies(agent->named_optimizer_state());
        try {
          agent->update(batch, rng);
          // Nothing overflowed: layers that normalise, and Huber's loss of quantiles, bound what comes of a
          // number.
          CHECK((name == "droq" || name == "crossq" || name == "tqc"));
          for (const double x : all_numbers(*agent)) REQUIRE(std::isfinite(x));
          agent->load(weights, state);
        } catch (const Error&) {
        }
        CHECK(all_numbers(*agent) == before);
        Rng a(2), b(2);
        agent->update(draw_batch(name, 10 + i), a);
        twin->update(draw_batch(name, 10 + i), b);
        REQUIRE(all_numbers(*agent) == all_numbers(*twin));
        before = all_numbers(*agent);
      }
    }
  }
}

TEST_CASE("a first update that overflows in a deep network changes nothing", "[agent]") {
  rl::Config config("sac");
  for (const char* setting : {"critic_lr=1", "actor_lr=1"}) rl::update_from_text(config, setting);
  std::string hidden = "hidden=[128";
  for (int i = 1; i < 26; ++i) hidden += ",128";
  rl::update_from_text(config, hidden + "]");
  const std::unique_ptr<rl::Agent> agent =
      config.algorithm().make(config.own(), {.obs = 3, .actions = 1, .rng = Rng(1)});
  Batch batch = draw_batch("sac", 1);
  batch.reward = full({8, 1}, -5e5);
  const std::vector<double> before = all_numbers(*agent);
  Rng rng(1);
  bool threw = false;
  try {
    agent->update(batch, rng);
  } catch (const Error&) {
    threw = true;
  }
  CHECK(threw);
  const bool unchanged = all_numbers(*agent) == before;  // not to be printed: a million numbers
  CHECK(unchanged);
}

TEST_CASE("steps that are too large for a deep network end in an error that changes nothing", "[agent]") {
  // Nothing is enormous at first; every weight then moves by 1 in each update.
  rl::Config config("sac");
  for (const char* setting : {"critic_lr=1", "actor_lr=1", "hidden=[64,64,64,64,64,64,64,64,64,64,64,64]"})
    rl::update_from_text(config, setting);
  const std::unique_ptr<rl::Agent> agent =
      config.algorithm().make(config.own(), {.obs = 3, .actions = 1, .rng = Rng(1)});
  std::vector<double> before;
  bool threw = false, unchanged = false;
  for (int i = 0; i < 50 && !threw; ++i) {
    before = all_numbers(*agent);
    Rng rng(1);
    try {
      agent->update(draw_batch("sac", i), rng);
    } catch (const Error&) {
      threw = true;
      unchanged = all_numbers(*agent) == before;
    }
    for (const double x : all_numbers(*agent)) {
      if (!std::isfinite(x)) FAIL("update " << i << " left a number that is not finite");
    }
  }
  CHECK(threw);
  CHECK(unchanged);
}

TEST_CASE("large rewards that an update can take are taken", "[agent]") {
  for (const std::string& name : names()) {
    INFO(name);
    const std::unique_ptr<rl::Agent> agent = make_agent(name);
    Batch batch = draw_batch(name, 1);
    batch.reward = full({8, 1}, 1e8);
    const std::vector<double> before = all_numbers(*agent);
    Rng rng(1);
    agent->update(batch, rng);
    CHECK(all_numbers(*agent) != before);
  }
}

TEST_CASE("an agent loads all of a checkpoint or nothing", "[agent]") {
  for (const std::string& name : names()) {
    const std::unique_ptr<rl::Agent> agent = make_agent(name), other = make_agent(name);
    Rng rng(3);
    other->update(draw_batch(name, 1), rng);
    const nn::NamedTensors weights = copies(other->named_weights()),
                           state = copies(other->named_optimizer_state());
    const std::vector<double> before = all_numbers(*agent);
    const auto refuses = [&](const nn::NamedTensors& w, const nn::NamedTensors& s, const std::string& word) {
      INFO(name << ": " << word);
      CHECK_THROWS_WITH(agent->load(w, s), Contains(word));
      CHECK(all_numbers(*agent) == before);
    };
    nn::NamedTensors fewer = state, more = state, reshaped = state, uncounted = state, twice = state,
                     no_weight = weights;
    fewer.pop_back();
    more.push_back({"stranger.m", zeros({1})});
    reshaped.back().tensor = zeros({3});
    twice.push_back(twice.back());
    no_weight.pop_back();
    for (auto& [key, tensor] : uncounted) {
      if (key.ends_with("steps")) tensor = scalar(1.5, DType::f64);
    }
    refuses(weights, fewer, "is missing");
    refuses(weights, more, "stranger.m");
    refuses(weights, reshaped, "expected");
    refuses(weights, uncounted, "a whole number");
    refuses(weights, twice, "given twice");
    refuses(no_weight, state, "is missing");
    agent->load(weights, state);
    CHECK(all_numbers(*agent) == all_numbers(*other));
  }
}
