// The environments with tables, against Gymnasium's own tables.
#include <fmt/format.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "envs/registry.h"
#include "envs/table_env.h"
#include "envs/toy_text/frozen_lake.h"
#include "envs/transition_table.h"
#include "tests/support/catch.h"
#include "tests/support/env_helpers.h"
#include "tests/support/reference_data.h"

using namespace saccade;
using namespace saccade::envs;
using namespace saccade::tests;
using Catch::Contains;
using Json = nlohmann::json;

namespace {

const Json& cases() {
  static const Json file = reference("toy_text.json");
  return file.at("environments");
}

TransitionTable table_of(const std::string& id, const Json& options) {
  if (!options.contains("map_name")) return *make(id)->transitions();
  return frozen_lake_table(options.at("map_name") == "8x8" ? frozen_lake_map_8x8() : frozen_lake_map_4x4(),
                           options.at("is_slippery"));
}

const Outcome* find(const std::vector<Outcome>& outcomes, std::int64_t next) {
  for (const Outcome& outcome : outcomes) {
    if (outcome.next == next) return &outcome;
  }
  return nullptr;
}

}  // namespace

TEST_CASE("starts and transitions are Gymnasium's", "[envs][toy_text]") {
  for (const Json& theirs : cases()) {
    const std::string id = theirs.at("id");
    INFO(id << " " << theirs.at("options").dump());
    const TransitionTable ours = table_of(id, theirs.at("options"));
    REQUIRE_NOTHROW(check_table(id, ours));
    REQUIRE(ours.states == theirs.at("n_states"));
    REQUIRE(ours.actions == theirs.at("n_actions"));
    CHECK(make(id)->spec().max_episode_steps ==
          (theirs.at("time_limit").is_null() ? 0 : theirs.at("time_limit").get<std::int64_t>()));
    const std::vector<double> start = numbers(theirs.at("start"));
    for (std::size_t s = 0; s < start.size(); ++s) CHECK(std::abs(ours.start[s] - start[s]) < 1e-15);
    for (std::int64_t s = 0; s < ours.states; ++s) {
      for (std::int64_t a = 0; a < ours.actions; ++a) {
        const Json& rows = theirs.at("transitions")[static_cast<std::size_t>(s)][static_cast<std::size_t>(a)];
        INFO(fmt::format("state {}, action {}", s, a));
        REQUIRE(ours.of(s, a).size() == rows.size());
        for (const Json& row : rows) {
          const Outcome* outcome = find(ours.of(s, a), row[1]);
          REQUIRE(outcome != nullptr);
          CHECK(std::abs(outcome->probability - row[0].get<double>()) < 1e-15);
          CHECK(outcome->reward == row[2].get<double>());
          CHECK(outcome->terminated == (row[3] == 1));
        }
      }
    }
  }
}

TEST_CASE("the registered tasks are Gymnasium's", "[envs][toy_text]") {
  struct Task {
    std::string id;
    std::int64_t states, actions, limit;
  };
  for (const auto& [id, states, actions, limit] :
       {Task{"FrozenLake-v1", 16, 4, 100}, Task{"FrozenLake8x8-v1", 64, 4, 200},
        Task{"CliffWalking-v1", 48, 4, 0}, Task{"Taxi-v3", 500, 6, 200}}) {
    INFO(id);
    const Spec spec = make(id)->spec();
    CHECK(spec.id == id);
    CHECK(std::get<Discrete>(spec.observation_space).n == states);
    CHECK(std::get<Discrete>(spec.action_space).n == actions);
    CHECK(spec.max_episode_steps == limit);
    REQUIRE(make(id)->transitions() != nullptr);  // through the time limit, too
    CHECK(make(id)->transitions()->grid.arrows.size() == static_cast<std::size_t>(actions));
  }
  CHECK(make("FrozenLake-v1")->spec().reward_threshold == 0.7);
  CHECK(make("FrozenLake8x8-v1")->spec().reward_threshold == 0.85);
  CHECK(make("Taxi-v3")->spec().reward_threshold == 8);
  CHECK(make("Pendulum-v1")->transitions() == nullptr);
}

TEST_CASE("the lake's own table is slippery, and the other one keeps to its course", "[envs][toy_text]") {
  CHECK(make("FrozenLake-v1")->transitions()->of(6, 1).size() == 3);
  CHECK(make("FrozenLake8x8-v1")->transitions()->of(14, 1).size() == 3);
  CHECK(frozen_lake_table(frozen_lake_map_4x4(), false).of(6, 1).size() == 1);
}

TEST_CASE("steps and starts come as often as the table says", "[envs][toy_text]") {
  const std::unique_ptr<Env> lake = make("FrozenLake-v1");
  Rng rng(1);
  std::map<double, int> counts;
  constexpr int draws = 6000;
  for (int i = 0; i < draws; ++i) {
    reset(*lake, rng);
    std::vector<double> state = lake->state();
    state[0] = 6;
    lake->set_state(state);
    ++counts[step(*lake, {1}).observation[0]];  // down: as meant to 10, else into a hole at 5 or 7
  }
  REQUIRE(counts.size() == 3);
  // A count's standard deviation is sqrt(n p (1 - p)): five of these.
  for (const double next : {5.0, 7.0, 10.0}) {
    CHECK(std::abs(counts[next] - draws / 3.0) < 5 * std::sqrt(draws * 2.0 / 9));
  }

  const std::unique_ptr<Env> taxi = make("Taxi-v3");
  std::map<double, int> starts;
  for (int i = 0; i < 300 * 40; ++i) ++starts[reset(*taxi, rng)[0]];
  CHECK(starts.size() == 300);
  for (const auto& [state, count] : starts) {
    CHECK(taxi->transitions()->start[static_cast<std::size_t>(state)] > 0);
    CHECK(std::abs(count - 40) < 5.5 * std::sqrt(40.0));
  }
}

TEST_CASE("an episode pays and ends as the table says", "[envs][toy_text]") {
  const std::unique_ptr<Env> cliff = make("CliffWalking-v1");
  Rng rng(2);
  CHECK(reset(*cliff, rng) == std::vector<double>{36});
  const Stepped fallen = step(*cliff, {1});
  CHECK(fallen.transition.reward == -100);
  CHECK(fallen.observation == std::vector<double>{36});
  CHECK_FALSE(fallen.transition.ends_episode());
  double ret = step(*cliff, {0}).transition.reward;
  for (int i = 0; i < 11; ++i) ret += step(*cliff, {1}).transition.reward;
  const Stepped last = step(*cliff, {2});
  CHECK(ret + last.transition.reward == -13);
  CHECK(last.transition.terminated);
  CHECK(last.observation == std::vector<double>{47});
}

TEST_CASE("which states end an episode, and which it can come to", "[envs][toy_text]") {
  const auto numbers_of = [](const std::vector<bool>& flags) {
    std::vector<std::size_t> all;
    for (std::size_t s = 0; s < flags.size(); ++s) {
      if (flags[s]) all.push_back(s);
    }
    return all;
  };
  const auto lake = *make("FrozenLake-v1")->transitions(), cliff = *make("CliffWalking-v1")->transitions();
  CHECK(numbers_of(terminal_states(lake)) == std::vector<std::size_t>{5, 7, 11, 12, 15});
  CHECK(numbers_of(reachable_states(lake)).size() == 16);
  CHECK(numbers_of(terminal_states(cliff)) == std::vector<std::size_t>{47});
  CHECK(numbers_of(reachable_states(cliff)).size() == 38);  // all but the ten of the cliff
  const auto taxi = *make("Taxi-v3")->transitions();
  CHECK(numbers_of(terminal_states(taxi)) == std::vector<std::size_t>{0, 85, 410, 475});  // delivered
  CHECK(numbers_of(reachable_states(taxi)).size() == 404);
}

TEST_CASE("an episode begins where the table says, whatever state the last one ended in",
          "[envs][toy_text]") {
  // Two states, one action: from either to the other.
  const TransitionTable two = {
      .states = 2, .actions = 1, .start = {1, 0}, .outcomes = {{{.next = 1}}, {{.next = 0}}}};
  TableEnv env("Two-v0", two);
  Rng rng(1);
  for (int i = 0; i < 3; ++i) {
    CHECK(reset(env, rng) == std::vector<double>{0});
    CHECK(step(env, {0}).observation == std::vector<double>{1});
  }
  env.set_state(std::vector<double>{0, 0, 0});
  CHECK(observation_of(env) == std::vector<double>{0});
  CHECK(env.state() == std::vector<double>{0, 0, 0});
}

TEST_CASE("a table that is none is one error, and so is a state", "[envs][toy_text]") {
  const TransitionTable good = *make("CliffWalking-v1")->transitions();
  const auto error_of = [&](const auto& spoil) -> std::string {
    TransitionTable bad = good;
    spoil(bad);
    try {
      check_table("mine", bad);
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "";
  };
  CHECK(error_of([](TransitionTable&) {}).empty());
  CHECK_THAT(error_of([](TransitionTable& t) { t.states = 47; }), Contains("mine") && Contains("47 states"));
  CHECK_THAT(error_of([](TransitionTable& t) { t.outcomes.pop_back(); }), Contains("191 lists of outcomes"));
  CHECK_THAT(error_of([](TransitionTable& t) { t.start[3] = 0.5; }), Contains("add up to 1.5"));
  CHECK_THAT(error_of([](TransitionTable& t) { t.start[3] = -1; }), Contains("probability -1"));
  CHECK_THAT(error_of([](TransitionTable& t) { t.outcomes[5][0].probability = 0.5; }),
             Contains("action 1 in state 1") && Contains("0.5"));
  CHECK_THAT(error_of([](TransitionTable& t) {
               t.outcomes[5] = {{1.5, 1, 0}, {-0.5, 2, 0}};
             }),
             Contains("probability -0.5"));
  CHECK_THAT(error_of([](TransitionTable& t) { t.outcomes[5][0].next = 48; }),
             Contains("action 1 in state 1") && Contains("from 0 to 47"));
  CHECK_THAT(error_of([](TransitionTable& t) { t.outcomes[5][0].reward = std::nan(""); }),
             Contains("reward nan"));
  TransitionTable bad = good;
  bad.start.clear();
  CHECK_THROWS_AS(TableEnv("Mine-v0", bad), ConfigError);

  const std::unique_ptr<Env> cliff = make("CliffWalking-v1");
  for (const std::vector<double>& state : {std::vector<double>{48, 0, 0},
                                           {0.5, 0, 0},
                                           {-1, 0, 0},
                                           {0, 4294967296.0, 0},
                                           {0, 0.5, 0},
                                           {0, 0, -1}}) {
    CHECK_THROWS_WITH(cliff->set_state(state),
                      Contains("CliffWalking-v1: state[") && Contains("a whole number from 0"));
  }
}
