// The environments against what envs/env.h promises.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <numbers>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/rng.h"
#include "envs/classic/mountain_car_continuous.h"
#include "envs/classic/pendulum.h"
#include "envs/env.h"
#include "envs/registry.h"
#include "envs/time_limit.h"
#include "tests/support/catch.h"
#include "tests/support/env_helpers.h"
#include "tests/support/reference_data.h"

using saccade::ConfigError;
using saccade::Error;
using saccade::FormatError;
using saccade::Rng;
using saccade::ShapeError;
using saccade::envs::bounds_of;
using saccade::envs::Discrete;
using saccade::envs::size_of;
using namespace saccade::envs;
using namespace saccade::tests;
using Catch::Contains;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Before any test has added its own.
const std::vector<std::string> kBuiltIn = ids();

// Counts its steps, pays 1 for each and terminates after `length` of them.
class Counter final : public Env {
 public:
  Counter(double length, std::int64_t limit)
      : length_(length),
        spec_{.id = "Counter-v0",
              .observation_space = Box{.low = {0}, .high = {kInfinity}},
              .action_space = Box{.low = {-1}, .high = {1}},
              .max_episode_steps = limit} {}

  const Spec& spec() const override { return spec_; }
  void reset(Rng&, std::span<double> observation) override {
    count_ = 0;
    observe(observation);
  }
  StepResult step(std::span<const double>, std::span<double> observation) override {
    ++count_;
    observe(observation);
    return {.reward = 1, .terminated = count_ == length_};
  }
  std::vector<double> state() const override { return {count_}; }
  void set_state(std::span<const double> state) override { count_ = state[0]; }
  void observe(std::span<double> observation) const override { observation[0] = count_; }

 private:
  double length_;
  Spec spec_;
  double count_ = 0;
};

}  // namespace

TEST_CASE("a spec gives Gymnasium's boxes and time limit", "[envs]") {
  const Spec pendulum = make("Pendulum-v1")->spec();
  CHECK(pendulum.id == "Pendulum-v1");
  CHECK(bounds_of(pendulum.observation_space).low == std::vector<double>{-1, -1, -8});
  CHECK(bounds_of(pendulum.observation_space).high == std::vector<double>{1, 1, 8});
  CHECK(bounds_of(pendulum.action_space).low == std::vector<double>{-2});
  CHECK(bounds_of(pendulum.action_space).high == std::vector<double>{2});
  CHECK(pendulum.max_episode_steps == 200);

  const Spec car = make("MountainCarContinuous-v0")->spec();
  CHECK(car.id == "MountainCarContinuous-v0");
  CHECK(bounds_of(car.observation_space).low == std::vector<double>{-1.2F, -0.07F});
  CHECK(bounds_of(car.observation_space).high == std::vector<double>{0.6F, 0.07F});
  CHECK(bounds_of(car.action_space).low == std::vector<double>{-1});
  CHECK(bounds_of(car.action_space).high == std::vector<double>{1});
  CHECK(car.max_episode_steps == 999);

  const Spec pole = make("CartPole-v1")->spec();
  CHECK(bounds_of(pole.observation_space).high ==
        std::vector<double>{4.8F, kInfinity, 0.41887903F, kInfinity});
  CHECK(std::get<Discrete>(pole.action_space).n == 2);
  CHECK(pole.max_episode_steps == 500);

  const Spec acrobot = make("Acrobot-v1")->spec();
  CHECK(bounds_of(acrobot.observation_space).high == std::vector<double>{1, 1, 1, 1, 12.566371F, 28.274334F});
  CHECK(acrobot.max_episode_steps == 500);
}

TEST_CASE("a reset draws from Gymnasium's distribution", "[envs]") {
  struct Range {
    std::string id;
    std::size_t coordinate;
    double low, high;
  };
  const auto range =
      GENERATE(Range{"Pendulum-v1", 0, -std::numbers::pi, std::numbers::pi}, Range{"Pendulum-v1", 1, -1, 1},
               Range{"MountainCarContinuous-v0", 0, -0.6, -0.4}, Range{"MountainCarContinuous-v0", 1, 0, 0},
               Range{"CartPole-v1", 0, -0.05, 0.05}, Range{"CartPole-v1", 3, -0.05, 0.05},
               Range{"Acrobot-v1", 0, -0.1F, 0.1F}, Range{"Acrobot-v1", 3, -0.1F, 0.1F});
  INFO(range.id << ", state " << range.coordinate);

  constexpr int draws = 2000;
  const std::unique_ptr<Env> env = make(range.id);
  Rng rng(0);
  double smallest = kInfinity, largest = -kInfinity, sum = 0;
  for (int i = 0; i < draws; ++i) {
    const std::vector<double> observation = reset(*env, rng);
    CHECK(observation == observation_of(*env));
    CHECK(is_inside(observation, std::get<Box>(env->spec().observation_space)));
    const double drawn = env->state()[range.coordinate];
    smallest = std::min(smallest, drawn);
    largest = std::max(largest, drawn);
    sum += drawn;
  }
  const double width = range.high - range.low;
  CHECK(smallest >= range.low);
  CHECK(largest <= range.high);
  CHECK(smallest <= range.low + 0.01 * width);
  CHECK(largest >= range.high - 0.01 * width);
  // The mean of a uniform draw has a standard deviation of width / sqrt(12 draws): five of these.
  CHECK(std::abs(sum / draws - (range.low + range.high) / 2) <= 5 * width / std::sqrt(12.0 * draws));
}

TEST_CASE("the same seed gives the same episode, another seed another", "[envs]") {
  const auto play = [](const std::string& id, std::uint64_t seed) {
    const std::unique_ptr<Env> env = make(id);
    Rng rng(seed);
    std::vector<std::vector<double>> observations = {reset(*env, rng)};
    for (int t = 0; t < 100; ++t) {
      const auto [transition, observation] = step(*env, random_action(*env, rng));
      observations.push_back(transition.ends_episode() ? reset(*env, rng) : observation);
    }
    return observations;
  };
  for (const std::string& id : kBuiltIn) {
    INFO(id);
    const auto one = play(id, 1), two = play(id, 2);
    CHECK(play(id, 1) == one);
    CHECK(two != one);
    // A table may have all episodes begin in one state.
    if (make(id)->transitions() == nullptr) CHECK(two[0] != one[0]);
  }
}

TEST_CASE("state() is all that is needed to go on bit for bit", "[envs]") {
  for (const std::string& id : kBuiltIn) {
    INFO(id);
    const std::unique_ptr<Env> original = make(id);
    Rng rng(3);
    reset(*original, rng);
    for (int t = 0; t < 150; ++t) {
      if (step(*original, random_action(*original, rng)).transition.ends_episode()) reset(*original, rng);
    }

    const std::unique_ptr<Env> copy = make(id);
    copy->set_state(original->state());
    CHECK(observation_of(*copy) == observation_of(*original));

    bool running = true;
    while (running) {
      const std::vector<double> action = random_action(*original, rng);
      const auto [first, first_observation] = step(*original, action);
      const auto [second, second_observation] = step(*copy, action);
      CHECK(first.reward == second.reward);
      CHECK(first.terminated == second.terminated);
      CHECK(first.truncated == second.truncated);
      CHECK(first_observation == second_observation);
      CHECK(original->state() == copy->state());
      running = !first.ends_episode() && !second.ends_episode();
    }
  }
}

TEST_CASE("a wrong argument is an error that says what was expected, and changes nothing", "[envs]") {
  for (const std::string& id : kBuiltIn) {
    INFO(id);
    const std::unique_ptr<Env> env = make(id);
    Rng rng(4);
    std::vector<double> observation = reset(*env, rng);
    const std::vector<double> before = env->state();

    std::vector<double> short_observation(observation.size() - 1);
    const std::vector<double> zeros(size_of(env->spec().action_space));
    std::vector<double> action = zeros;
    action.push_back(0);
    CHECK_THROWS_AS(step(*env, {}), ShapeError);
    CHECK_THROWS_AS(step(*env, action), ShapeError);
    CHECK_THROWS_WITH(step(*env, action),
                      fmt::format("{}: action of size {} was given, but size {} is expected", id,
                                  action.size(), zeros.size()));
    CHECK_THROWS_AS(env->step(zeros, short_observation), ShapeError);
    CHECK_THROWS_AS(env->reset(rng, short_observation), ShapeError);
    CHECK_THROWS_AS(env->observe(short_observation), ShapeError);

    action = zeros;
    action.back() = kNaN;
    CHECK_THROWS_AS(step(*env, action), Error);
    CHECK_THROWS_WITH(
        step(*env, action),
        fmt::format("{}: action[{}] is nan, but a finite number is expected", id, zeros.size() - 1));
    action = zeros;
    action[0] = -kInfinity;
    CHECK_THROWS_WITH(step(*env, action), id + ": action[0] is -inf, but a finite number is expected");

    CHECK_THROWS_AS(env->set_state({}), ShapeError);
    CHECK_THROWS_AS(env->set_state(std::vector<double>(before.size() + 1)), ShapeError);
    std::vector<double> state = before;
    state[0] = kNaN;
    CHECK_THROWS_WITH(env->set_state(state), id + ": state[0] is nan, but a finite number is expected");
    for (const double steps_left : {-1.0, 0.5, static_cast<double>(env->spec().max_episode_steps) + 1}) {
      if (env->spec().max_episode_steps == 0) break;
      state = before;
      state[0] = 0.25;
      state.back() = steps_left;
      CHECK_THROWS_WITH(env->set_state(state), Contains(id) && Contains("steps left"));
    }

    CHECK(env->state() == before);
  }
}

TEST_CASE("a discrete action is one of its choices", "[envs]") {
  const std::unique_ptr<Env> env = make("Acrobot-v1");
  CHECK(std::get<Discrete>(env->spec().action_space).n == 3);
  CHECK(bounds_of(env->spec().action_space).low == std::vector<double>{0});
  CHECK(bounds_of(env->spec().action_space).high == std::vector<double>{2});
  Rng rng(5);
  reset(*env, rng);
  for (const double choice : {-1.0, 0.5, 3.0}) {
    CHECK_THROWS_WITH(
        step(*env, {choice}),
        fmt::format("Acrobot-v1: the action is {}, but a whole number from 0 to 2 is expected", choice));
  }
  for (const double choice : {0.0, 1.0, 2.0}) CHECK_NOTHROW(step(*env, {choice}));
}

TEST_CASE("an angle that Acrobot never has is an error", "[envs]") {
  const std::unique_ptr<Env> env = make("Acrobot-v1");
  CHECK_THROWS_WITH(env->set_state(std::vector<double>{0, 4, 0, 0, 500}),
                    "Acrobot-v1: a state with an angle of 4 was given, but -pi to pi is expected");
}

TEST_CASE("a reward's terms add up to it, and cost nothing where nothing is done", "[envs]") {
  std::vector<std::string> with_terms;
  for (const std::string& id : kBuiltIn) {
    INFO(id);
    const std::unique_ptr<Env> env = make(id);
    Rng rng(4);
    reset(*env, rng);
    std::size_t terms = 0;
    bool idle = false;
    for (int i = 0; i < 40; ++i) {
      std::vector<double> action = random_action(*env, rng);
      if (std::holds_alternative<Box>(env->spec().action_space) && i % 2 == 1) {
        std::fill(action.begin(), action.end(), 0.0);
        idle = true;
      }
      const StepResult result = step(*env, action).transition;
      terms = 0;
      double sum = 0;
      for (const RewardTerm& term : result.terms) {
        if (term.name == nullptr) continue;
        ++terms;
        sum += term.value;
        const std::string name = term.name;
        if (name != "ctrl" && name != "torque" && name != "force" && name != "action") continue;
        CHECK((term.value == 0) == (i % 2 == 1));
        CHECK(term.value <= 0);
      }
      if (terms > 0) CHECK(sum == Approx(result.reward).margin(1e-12));
      if (result.ends_episode()) reset(*env, rng);
    }
    if (terms > 0) {
      CHECK(idle);
      with_terms.push_back(id.substr(0, id.find('-')));
    }
  }
  with_terms.erase(std::unique(with_terms.begin(), with_terms.end()), with_terms.end());
  std::vector<std::string> expected = {"LinearQuadratic", "MountainCarContinuous", "Pendulum"};
  if (unavailable_ids().empty()) {
    expected = {"Ant",
                "HalfCheetah",
                "Hopper",
                "Humanoid",
                "InvertedDoublePendulum",
                "LinearQuadratic",
                "MountainCarContinuous",
                "Pendulum",
                "Pusher",
                "Reacher",
                "Swimmer",
                "Walker2d"};
  }
  CHECK(with_terms == expected);
}

TEST_CASE("a time limit truncates and never terminates", "[envs]") {
  Rng rng(0);
  // Steps to termination, time limit, and what the last step should say.
  struct Case {
    double length;
    std::int64_t limit;
    int steps;
    bool terminated, truncated;
  };
  const auto c = GENERATE(Case{100, 3, 3, false, true}, Case{3, 3, 3, true, true},
                          Case{3, 100, 3, true, false}, Case{100, 1, 1, false, true});
  TimeLimit env(std::make_unique<Counter>(c.length, c.limit));

  CHECK_THROWS_WITH(step(env, {0}),
                    "Counter-v0: step() outside an episode: call reset() first, and again after each end");
  for (int episode = 0; episode < 2; ++episode) {
    reset(env, rng);
    for (int t = 1; t < c.steps; ++t) CHECK_FALSE(step(env, {0}).transition.ends_episode());
    const StepResult last = step(env, {0}).transition;
    CHECK(last.terminated == c.terminated);
    CHECK(last.truncated == c.truncated);
    CHECK_THROWS_AS(step(env, {0}), Error);
  }

  // A reset in mid-episode starts the count anew.
  reset(env, rng);
  if (c.steps > 1) step(env, {0});
  reset(env, rng);
  for (int t = 1; t < c.steps; ++t) CHECK_FALSE(step(env, {0}).transition.ends_episode());
  CHECK(step(env, {0}).transition.ends_episode());

  CHECK_THROWS_AS(TimeLimit(std::make_unique<Counter>(100, 0)), ConfigError);
}

TEST_CASE("an environment of one's own can be added", "[envs]") {
  const auto counter = [](std::int64_t limit) {
    return [limit] { return std::make_unique<Counter>(100, limit); };
  };
  add("Counter-v9", counter(2));
  add("Counter-v10", counter(0));

  Rng rng(0);
  const std::unique_ptr<Env> env = make("counter-v9");
  reset(*env, rng);
  CHECK_FALSE(step(*env, {0}).transition.truncated);
  CHECK(step(*env, {0}).transition.truncated);
  CHECK(canonical_id("counter") == "Counter-v10");

  const std::unique_ptr<Env> endless = make("Counter-v10");
  reset(*endless, rng);
  for (int t = 1; t <= 100; ++t) CHECK_FALSE(step(*endless, {0}).transition.truncated);

  CHECK_THROWS_AS(add("Counter-v9", counter(2)), ConfigError);
  CHECK_THROWS_WITH(add("pendulum", counter(2)),
                    "cannot add an environment called \"pendulum\": Pendulum-v1 is already there");
  CHECK_THROWS_AS(add("", counter(2)), ConfigError);
  CHECK_THROWS_AS(add("Nothing-v0", nullptr), ConfigError);
  CHECK_THROWS_AS(canonical_id("Nothing-v0"), ConfigError);
}

TEST_CASE("reference numbers may be strings for what JSON lacks", "[reference]") {
  CHECK(numbers(nlohmann::json::parse(R"([1.5, "Infinity", "-Infinity", "inf", "-inf"])")) ==
        std::vector<double>{1.5, kInfinity, -kInfinity, kInfinity, -kInfinity});
  CHECK(std::isnan(number("NaN")));
  CHECK_THROWS_AS(number("1.5"), FormatError);
  CHECK_THROWS_AS(number(true), FormatError);
  CHECK_THROWS_AS(numbers(1.5), FormatError);
  CHECK_THROWS_WITH(reference("absent.json"), Contains("absent.json: cannot be opened"));
}

TEST_CASE("the car that stands still at the goal has arrived", "[envs]") {
  const std::unique_ptr<Env> env = make("MountainCarContinuous-v0");
  Rng rng(1);
  std::vector<double> observation(2);
  env->reset(rng, observation);
  std::vector<double> state = env->state();
  state[0] = 0.5;
  state[1] = -(1 * 0.0015 - 0.0025 * std::cos(3 * 0.5));  // what a full push makes 0
  env->set_state(state);
  const StepResult result = env->step(std::vector<double>{1}, observation);
  CHECK(observation[1] == 0);
  CHECK(result.terminated);
  CHECK(result.reward == Approx(99.9));
}
