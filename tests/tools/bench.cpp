// `saccade bench`: what it counts, and the form of what it prints.

#include <nlohmann/json.hpp>

#include "envs/mujoco/tasks.h"
#include "rl/algorithms/sac.h"
#include "tests/support/catch.h"
#include "tests/support/command.h"
#include "tools/bench/machine.h"
#include "tools/bench/products.h"
#include "tools/bench/random_walk.h"
#include "tools/bench/work.h"

using namespace saccade;
using namespace saccade::test;
using Json = nlohmann::ordered_json;

TEST_CASE("the products of an update are counted once each", "[bench]") {
  const bench::UpdateSize size{"2-1-4", 2, 1, {4, 4}, 10};
  const bench::ProductList list = bench::update_products(size);
  // Multiply-adds a sample: the policy 2 4 + 4 4 + 4 2, a critic 3 4 + 4 4 + 4 1.
  const double actor = 32, critic = 32, twice = 2 * 10;
  CHECK(list.flops(bench::Phase::critic_target) == twice * (actor + 2 * critic));
  CHECK(list.flops(bench::Phase::critic_loss) == twice * 2 * critic);
  // All dW, and dX but the first: 4 4 + 4 1.
  CHECK(list.flops(bench::Phase::critic_grad) == twice * 2 * (critic + 20));
  CHECK(list.flops(bench::Phase::actor_loss) == twice * (actor + 2 * critic));
  // Critics' dX down to the action, 4 1 of the first layer; the policy's dW, and dX but the first: 4 4 + 4 2.
  CHECK(list.flops(bench::Phase::actor_grad) == twice * (2 * (20 + 4) + actor + 24));
  CHECK(list.flops(bench::Phase::polyak) == 0);
}

TEST_CASE("the products are those of the matrices they name", "[bench]") {
  for (const std::string layout : {"nn", "nt", "tn"}) {
    INFO(layout);
    bench::ProductList seen;
    const bench::ProductList one = bench::single_product({3, 5, 2}, layout);
    bench::products(one, [&](bench::ProductList& list, const bench::Product&) { seen = list; })(1);
    const bench::Product& p = one.products.at(0);
    const bench::Matrix &a = seen.matrices[p.a], &b = seen.matrices[p.b];
    CHECK(a.rows * a.cols == 15);
    CHECK(b.rows * b.cols == 10);
    CHECK(p.transpose_a == (a.rows == 5));
    CHECK(p.transpose_b == (b.rows == 2));
    CHECK(a.values.size() == 15);
  }
}

TEST_CASE("the counted parameters are the networks'", "[bench]") {
  for (const bench::UpdateSize& size : bench::update_sizes()) {
    rl::Sac agent({.hidden = size.hidden}, size.obs, size.action, Rng(1));
    const bench::ParameterCounts counts = bench::parameter_counts(size);
    CHECK(counts.actor == static_cast<double>(agent.actor().flat().numel()));
    CHECK(counts.critics == static_cast<double>(agent.critic().flat().numel()));
  }
}

TEST_CASE("every work runs and takes time in each of its parts", "[bench]") {
  const bench::UpdateSize size{"2-1-4", 2, 1, {4, 4}, 10};
  for (const double seconds : bench::update_phases(size)(2)) CHECK(seconds > 0);
  CHECK(bench::update_phases(size)(1).size() == bench::kPhases);
  CHECK(bench::update(size)(1).at(0) > 0);
  CHECK(bench::policy(size)(1).at(0) > 0);
  CHECK(bench::tape()(1).at(0) > 0);
  for (const bench::Elementwise& op : bench::elementwise_ops())
    CHECK(bench::elementwise(op.name)(1).at(0) > 0);
}

TEST_CASE("times and medians", "[bench]") {
  CHECK(bench::time_text(1.234) == "1.23 s ");
  CHECK(bench::time_text(0.0123) == "12.3 ms");
  CHECK(bench::time_text(456e-6) == "456 us");
  CHECK(bench::time_text(7.89e-9) == "7.89 ns");
  CHECK(bench::median({3, 1, 2}) == 2);
  CHECK(bench::median({4, 1, 2, 3}) == 2.5);
}

TEST_CASE("bench --json has the machine, and a row with its limit for each line", "[bench]") {
  const TemporaryFolder folder;
  const Output output =
      run_command(folder, "bench --json --repeats 2 --threads 1 --filter '^gemm/256x23x256/nn$'");
  REQUIRE(output.exit_code == 0);
  const Json json = Json::parse(output.out);
  CHECK(json.at("machine").at("cores").get<int>() >= 1);
  REQUIRE(json.at("rows").size() == 2);
  const Json &peak = json.at("rows")[0], &gemm = json.at("rows")[1];
  CHECK(peak.at("name") == "peak/fma");
  CHECK(peak.at("limit").is_null());
  CHECK(gemm.at("name") == "gemm/256x23x256/nn");
  CHECK(gemm.at("threads") == 1);
  CHECK(gemm.at("repeats") == 2);
  CHECK(gemm.at("unit") == "GFLOP/s");
  const double median = gemm.at("median_s"), value = gemm.at("value"), limit = gemm.at("limit");
  CHECK(value == Approx(2e-9 * 256 * 23 * 256 / median));
  CHECK(limit == Approx(peak.at("value").get<double>()));
  CHECK(gemm.at("part_of_limit").get<double>() == Approx(value / limit));
  CHECK(gemm.at("min_s").get<double>() <= median);
  CHECK(gemm.at("max_s").get<double>() >= median);
}

TEST_CASE("bench holds a MuJoCo task's step against its physics alone", "[bench]") {
  if (envs::mujoco_version().empty()) return;
  const TemporaryFolder folder;
  const Output output =
      run_command(folder, "bench --json --repeats 2 --filter '^env/(Reacher-v4|Pendulum-v1)$'");
  REQUIRE(output.exit_code == 0);
  const Json rows = Json::parse(output.out).at("rows");
  REQUIRE(rows.size() >= 2);
  for (const Json& row : rows) {
    INFO(row.dump());
    if (row.at("name") == "env/Pendulum-v1") CHECK(row.at("limit").is_null());
    if (row.at("name") == "env/Reacher-v4") CHECK(row.at("part_of_limit").get<double>() > 0);
  }
}

TEST_CASE("a random walk is the same in every round", "[bench]") {
  bench::RandomWalk walk("Acrobot-v1");
  std::vector<std::vector<double>> first;
  for (int round = 0; round < 2; ++round) {
    for (std::size_t i = 0; i < bench::RandomWalk::kSteps; ++i) {
      CHECK(walk.at_start() == (i == 0 || i == 500 || i == 1000));
      walk.step();
      if (round == 0) first.push_back(walk.env().state());
      CHECK(walk.env().state() == first[i]);
    }
  }
}
