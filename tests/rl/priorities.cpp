// Prioritised replay against per.json, and its edges.
#include "rl/components/priorities.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <vector>

#include "autograd/ops.h"
#include "base/error.h"
#include "rl/training/train.h"
#include "tests/support/catch.h"
#include "tests/support/counting_env.h"
#include "tests/support/reference_data.h"

using namespace saccade;
using namespace saccade::tests;
using rl::Priorities;

namespace {

std::vector<double> data(const nlohmann::json& json) { return numbers(json.at("data")); }

Tensor errors(const std::vector<double>& values) {
  return from_values(values, {static_cast<std::int64_t>(values.size()), 1}, DType::f64);
}

}  // namespace

TEST_CASE("every draw, weight and priority of the reference", "[priorities]") {
  const nlohmann::json reference = tests::reference("per.json");
  CHECK(reference.at("cases").size() >= 4);
  for (const auto& c : reference.at("cases")) {
    INFO("case " << c.at("name"));
    const auto capacity = c.at("capacity").get<std::int64_t>();
    Priorities priorities(capacity, c.at("alpha"), c.at("epsilon"));
    const auto check = [&](const std::vector<double>& expected) {
      for (std::int64_t i = 0; i < capacity; ++i) {
        CHECK(priorities.priority(i) == Approx(expected[static_cast<std::size_t>(i)]).epsilon(1e-12));
      }
    };
    for (const auto& round : c.at("rounds")) {
      for (const auto& added : round.at("added")) priorities.add(added.at(0));
      CHECK(priorities.size() == round.at("stored").get<std::int64_t>());
      check(data(round.at("priorities_before")));
      const Priorities::Drawn drawn = priorities.draw(data(round.at("uniform")), round.at("beta"));
      const std::vector<double> rows(drawn.rows.begin(), drawn.rows.end());
      CHECK(rows == data(round.at("indices")));
      const std::vector<double> weight = drawn.weight.to_vector(), expected = data(round.at("weight"));
      REQUIRE(weight.size() == expected.size());
      for (std::size_t j = 0; j < weight.size(); ++j) CHECK(weight[j] == Approx(expected[j]).epsilon(1e-7));
      priorities.update(drawn.rows, errors(data(round.at("td_error"))));
      check(data(round.at("priorities_after")));
      CHECK(priorities.named_state()[1].tensor.item() ==
            Approx(number(round.at("max_priority"))).epsilon(1e-12));
    }
  }
}

TEST_CASE("rows are drawn as often as their priorities say", "[priorities]") {
  Priorities priorities(5, 1, 1e-9);
  for (int row = 0; row < 4; ++row) priorities.add(row);
  const std::vector<std::int64_t> rows = {0, 1, 2, 3};
  priorities.update(rows, errors({1, 2, -3, 4}));
  Rng rng(1);
  std::vector<double> count(5);
  for (int i = 0; i < 5000; ++i) {
    for (const std::int64_t row : priorities.draw(2, 1, rng).rows) ++count[static_cast<std::size_t>(row)];
  }
  for (std::size_t row = 0; row < 4; ++row)
    CHECK(count[row] / 10'000 == Approx(static_cast<double>(row + 1) / 10).epsilon(0.05));
  CHECK(count[4] == 0);
}

TEST_CASE("priorities go through a checkpoint, and refuse what is none", "[priorities]") {
  Priorities priorities(6, 0.6);
  CHECK_THROWS_WITH(priorities.draw(std::vector<double>{0.5}, 1), Catch::Contains("nothing to draw"));
  for (int row = 0; row < 5; ++row) priorities.add(row);
  const std::vector<std::int64_t> rows = {1, 3};
  priorities.update(rows, errors({5, 0.25}));
  CHECK_THROWS_WITH(priorities.update(rows, errors({7, NAN})), Catch::Contains("row 3 is nan"));
  CHECK_THROWS_WITH(priorities.update(rows, errors({1})), Catch::Contains("1 errors given for 2 rows"));
  CHECK_THROWS_WITH(priorities.update(rows, {}), Catch::Contains("0 errors given for 2 rows"));
  CHECK(priorities.priority(1) == Approx(5));
  Priorities other(6, 0.6);
  other.add(5);  // goes
  other.load_state(priorities.named_state());
  CHECK(other.size() == 5);
  const std::vector<double> uniform = {0.1, 0.9, 0.5, 0.3};
  CHECK(other.draw(uniform, 0.5).rows == priorities.draw(uniform, 0.5).rows);
  CHECK(other.draw(uniform, 0.5).weight.to_vector() == priorities.draw(uniform, 0.5).weight.to_vector());
  priorities.add(5);
  other.add(5);
  CHECK(other.priority(5) == Approx(5));

  const auto refused = [&](const nn::NamedTensors& state) {
    CHECK_THROWS_AS(other.load_state(state), FormatError);
    CHECK(other.size() == 6);
    CHECK(other.priority(1) == Approx(5));
  };
  const Tensor largest = scalar(1, DType::f64);
  refused({});
  refused({{"priority", ones({7}, DType::f64)}, {"largest", largest}});
  refused({{"priority", ones({3})}, {"largest", largest}});
  refused({{"priority", from_values({1, NAN}, {2}, DType::f64)}, {"largest", largest}});
  refused({{"priority", from_values({1, 0}, {2}, DType::f64)}, {"largest", largest}});
  refused({{"priority", ones({3}, DType::f64)}, {"largest", scalar(INFINITY, DType::f64)}});
  refused({{"largest", largest}, {"priority", ones({3}, DType::f64)}});
  CHECK_THROWS_AS(Priorities(0, 1), ConfigError);
  CHECK_THROWS_AS(Priorities(3, -1), ConfigError);
  CHECK_THROWS_AS(Priorities(3, 1, 0), ConfigError);
}

namespace {

// Does nothing, finds late observations the more surprising, and remembers each batch's smallest weight.
struct Watcher final : rl::Agent {
  std::int64_t noise_size() const override { return 1; }
  void act(std::span<const double>, std::span<const double>, rl::ActMode,
           std::span<double> action) const override {
    std::fill(action.begin(), action.end(), 0);
  }
  rl::Metrics update(const rl::Batch& batch, Rng&) override {
    smallest.push_back(amin(batch.weight).item());
    surprise = 1 + slice(batch.obs, 1, 1, 2);
    return {{"loss", 0.0}};
  }
  Tensor last_td_errors() const override { return surprise; }
  nn::NamedTensors named_weights() const override { return {}; }
  nn::NamedTensors named_optimizer_state() const override { return {}; }
  void load(const nn::NamedTensors&, const nn::NamedTensors&) override {}
  void load_weights(const nn::NamedTensors&) override {}

  Tensor surprise;
  std::vector<double> smallest;
};

std::vector<double> smallest_weights(std::int64_t beta_steps) {
  rl::RunConfig run;
  run.steps = 120;
  rl::OffPolicyConfig config;
  config.learning_starts = 20;
  config.batch_size = 32;
  config.prioritized = true;
  config.priority_beta = 0;
  config.priority_beta_steps = beta_steps;
  Watcher agent;
  rl::ReplayBuffer buffer(200, 2, 1, {.priority_alpha = 1.0});
  rl::TrainState state(Rng(1));
  rl::train(
      run, config, [] { return std::make_unique<Counting>(Counting::Script{.terminates_after = 9}); }, agent,
      buffer, state);
  return agent.smallest;
}

}  // namespace

TEST_CASE("weights make up for priorities, more and more", "[priorities]") {
  for (const double weight : smallest_weights(1'000'000'000)) CHECK(weight > 0.999);
  const std::vector<double> growing = smallest_weights(100);
  REQUIRE(growing.size() == 100);
  CHECK(growing[5] > 0.5);
  CHECK(growing.back() < 0.5);  // 1 / 3 where the most surprising drawn is so 3 times as much as the least
}
