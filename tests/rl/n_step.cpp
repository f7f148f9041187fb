// n-step windows against nstep.json, and what may happen to them on the way.
#include "rl/components/n_step.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/error.h"
#include "tests/support/catch.h"
#include "tests/support/reference_data.h"

using namespace saccade;
using namespace saccade::tests;
using rl::NStep;

namespace {

std::vector<double> data(const nlohmann::json& json) { return numbers(json.at("data")); }

struct Window {
  double reward = 0, last = 0, discount = 0;
  bool terminated = false;
};

}  // namespace

TEST_CASE("every n-step window of the reference comes out, once, in time", "[n_step]") {
  const nlohmann::json reference = tests::reference("nstep.json");
  CHECK(reference.at("cases").size() >= 6);
  for (const auto& c : reference.at("cases")) {
    INFO("case " << c.at("name"));
    const auto n = c.at("n").get<std::int64_t>();
    const auto steps = c.at("steps").get<std::size_t>(), envs = c.at("envs").get<std::size_t>();
    const std::vector<double> reward = data(c.at("reward")), terminated = data(c.at("terminated")),
                              truncated = data(c.at("truncated")), value = data(c.at("next_value"));
    const auto& w = c.at("windows");
    const std::vector<double> sum = data(w.at("reward_sum")), discount = data(w.at("discount")),
                              last = data(w.at("last")), ended = data(w.at("terminated")),
                              complete = data(w.at("complete")), target = data(w.at("target"));
    NStep n_step(n, c.at("gamma"), envs, 1, 1);
    std::vector<int> seen(steps * envs);
    for (std::size_t t = 0; t < steps; ++t) {
      for (std::size_t e = 0; e < envs; ++e) {
        const std::size_t now = t * envs + e;
        // Observations and actions name their step.
        const double obs = static_cast<double>(t), action = -obs, next = obs + 1;
        for (const NStep::Transition& got :
             n_step.step(e, {&obs, 1}, {&action, 1}, reward[now], {&next, 1}, terminated[now] != 0,
                         terminated[now] != 0 || truncated[now] != 0)) {
          const auto start = static_cast<std::size_t>(got.obs[0]) * envs + e;
          INFO("window from step " << got.obs[0] << " of copy " << e);
          ++seen[start];
          CHECK(got.action[0] == -got.obs[0]);
          CHECK(got.next_obs[0] == last[start] + 1);
          CHECK(static_cast<double>(t) == last[start]);
          CHECK(got.reward == Approx(sum[start]).epsilon(1e-13).margin(1e-13));
          CHECK(got.discount == Approx(discount[start]).epsilon(1e-13));
          CHECK(got.terminated == (ended[start] != 0));
          const auto at = static_cast<std::size_t>(last[start]) * envs + e;
          CHECK(got.reward + (got.terminated ? 0 : got.discount * value[at]) ==
                Approx(target[start]).epsilon(1e-13).margin(1e-12));
        }
      }
    }
    for (std::size_t i = 0; i < seen.size(); ++i) CHECK(seen[i] == static_cast<int>(complete[i]));
  }
}

TEST_CASE("n-step windows that wait survive a checkpoint, and a cut gives them out", "[n_step]") {
  NStep a(3, 0.5, 2, 1, 1);
  const double obs[] = {1, 2, 3, 4};
  CHECK(a.step(1, {&obs[0], 1}, {&obs[0], 1}, 10, {&obs[1], 1}, false, false).empty());
  CHECK(a.step(1, {&obs[1], 1}, {&obs[1], 1}, 20, {&obs[2], 1}, false, false).empty());
  NStep b(3, 0.5, 2, 1, 1);
  b.set_state(a.state());
  CHECK(b.state() == a.state());
  std::vector<double> rewards, discounts, next;
  for (const NStep::Transition& got : b.cut(1, {&obs[3], 1})) {
    rewards.push_back(got.reward);
    discounts.push_back(got.discount);
    next.push_back(got.next_obs[0]);
    CHECK_FALSE(got.terminated);
  }
  CHECK(rewards == std::vector<double>{20, 20});
  CHECK(discounts == std::vector<double>{0.25, 0.5});
  CHECK(next == std::vector<double>{4, 4});
  CHECK(b.cut(0, {&obs[3], 1}).empty());
  CHECK(b.state() == std::vector<double>{0, 0});
  // What does not fit is refused, and changes nothing.
  for (const std::vector<double>& wrong :
       {std::vector<double>{0}, {0, 3}, {0, 0, 0}, {0, 1, 1}, {0, -1}, {NAN, 0}}) {
    CHECK_THROWS_AS(a.set_state(wrong), FormatError);
    CHECK(a.state().size() == 12);
  }
  a.set_state({});
  CHECK(a.state() == std::vector<double>{0, 0});
  CHECK_THROWS_WITH(NStep(0, 0.9, 1, 1, 1), Catch::Contains("n_step is 0"));
}

TEST_CASE("a saved window that is full already is refused: it would have gone out", "[n_step]") {
  rl::NStep n_step(2, 0.9, 1, 1, 1);
  const std::vector<double> row = {1, 0.5, 0.9, 3, 4};  // steps, reward, discount, observation, action
  std::vector<double> state = {1};
  state.insert(state.end(), row.begin(), row.end());
  CHECK_NOTHROW(n_step.set_state(state));
  CHECK(n_step.state() == state);
  for (const double steps : {0.0, -1.0, 1.5, 2.0, 1e300, HUGE_VAL}) {
    std::vector<double> damaged = state;
    damaged[1] = steps;
    CHECK_THROWS_WITH(n_step.set_state(damaged), Catch::Contains("expected 1 to 1"));
  }
  state[0] = 2;
  state.insert(state.end(), row.begin(), row.end());
  CHECK_THROWS_WITH(n_step.set_state(state), Catch::Contains("2 are waiting, expected fewer than n_step, 2"));
}
