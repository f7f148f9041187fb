// Several members that train one agent: together they do what one would, all or nothing, and the same each
// time.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "autograd/grad.h"
#include "autograd/ops.h"
#include "nn/batch_norm.h"
#include "rl/algorithms/crossq.h"
#include "rl/algorithms/registry.h"
#include "rl/algorithms/sac.h"
#include "rl/components/priorities.h"
#include "rl/runs/config.h"
#include "rl/runs/parts.h"
#include "rl/training/meeting.h"
#include "rl/training/train.h"
#include "tests/support/catch.h"
#include "tests/support/thread_team.h"

using namespace saccade;
using Catch::Contains;
using test::check_all_well;
using test::in_team;

namespace {

using Numbers = std::vector<double>;

Numbers all_numbers(const rl::Agent& agent) {
  Numbers numbers;
  for (const nn::NamedTensors& tensors : {agent.named_weights(), agent.named_optimizer_state()}) {
    for (const auto& [name, tensor] : tensors) {
      const std::vector<double> values = tensor.to_vector();
      numbers.insert(numbers.end(), values.begin(), values.end());
    }
  }
  return numbers;
}

double largest_difference(const Numbers& a, const Numbers& b) {
  REQUIRE(a.size() == b.size());
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

// In a thread of its own, where Catch's macros must not be used.
void expect(bool holds, const char* what) {
  if (!holds) throw Error(what);
}

// Members' parts of 10 rows: 10 of one alone; 5 and 5; 4, 3 and 3.
std::pair<std::int64_t, std::int64_t> part_of(int rank, int n) {
  std::int64_t begin = 0;
  for (int r = 0; r < rank; ++r) begin += 10 / n + (r < 10 % n ? 1 : 0);
  return {begin, begin + 10 / n + (rank < 10 % n ? 1 : 0)};
}

// The agent's numbers after some updates with batches of 10, which members share between them.
template <class Agent, class Config, class Update>
std::vector<Numbers> after_updates(int n, const Config& config, const Update& update) {
  std::vector<Numbers> results(static_cast<std::size_t>(n));
  const auto member = [&](int rank) {
    Agent agent(config, 3, 2, Rng(1), DType::f64);
    const auto [begin, end] = part_of(rank, n);
    if (nn::team() != nullptr) nn::team()->set_share(static_cast<double>(end - begin) / 10);
    Rng rng(7);
    for (int i = 0; i < 6; ++i) {
      const auto rows = [&, begin = begin, end = end](const Tensor& x) { return slice(x, 0, begin, end); };
      const Tensor obs = randn({10, 3}, rng, DType::f64), next_obs = randn({10, 3}, rng, DType::f64);
      const Tensor action = rand({10, 2}, rng, DType::f64, -1, 1), reward = randn({10, 1}, rng, DType::f64);
      const Tensor eps_next = randn({10, 2}, rng, DType::f64), eps = randn({10, 2}, rng, DType::f64);
      update(
          agent,
          rl::Batch{rows(obs), rows(action), rows(reward), rows(next_obs), rows(zeros({10, 1}, DType::f64))},
          rows(eps_next), rows(eps));
    }
    results[static_cast<std::size_t>(rank)] = all_numbers(agent);
  };
  if (n == 1) {
    member(0);
  } else {
    check_all_well(in_team(n, member));
  }
  return results;
}

template <class Agent, class Config, class Update>
void check_parts_make_a_whole(const Config& config, const Update& update) {
  const Numbers alone = after_updates<Agent>(1, config, update)[0];
  for (const int n : {2, 3, 4}) {
    INFO(n << " members");
    const std::vector<Numbers> members = after_updates<Agent>(n, config, update);
    for (const Numbers& member : members) CHECK(member == members[0]);
    // Not closer: Adam divides by the root of squares, and so magnifies the rounding of gradients near 0.
    CHECK(largest_difference(members[0], alone) < 1e-9);
  }
}

// A short run on Pendulum or CartPole, every member's numbers at the end.
std::vector<Numbers> trained(int n, const std::string& algorithm, const std::vector<std::string>& settings) {
  std::vector<Numbers> results(static_cast<std::size_t>(n));
  const auto member = [&](int rank) {
    const bool box = rl::find_algorithm(algorithm).actions == rl::ActionKind::box;
    rl::Config config = rl::config_for(box ? "pendulum" : "cartpole", algorithm);
    for (const char* common : {"hidden=[8]", "steps=120", "learning_starts=40", "batch_size=7",
                               "buffer_size=100", "updates_per_step=0.5"}) {
      rl::update_from_text(config, common);
    }
    for (const std::string& setting : settings) rl::update_from_text(config, setting);
    const std::unique_ptr<rl::Agent> agent = rl::make_agent(config);
    rl::ReplayBuffer buffer = rl::make_buffer(config);
    rl::TrainState state(rl::member_rng(rl::run_rng(1)), config.run.envs);
    std::int64_t episodes = 0;
    rl::train(config.run, config.off_policy, rl::factory(config), *agent, buffer, state,
              {.on_episode = [&](const rl::TrainState&, const rl::Episode&) { ++episodes; }});
    expect(episodes == state.episodes, "episodes");
    expect(state.step == rl::last_step(config.run), "steps");
    Numbers numbers = all_numbers(*agent);
    numbers.push_back(static_cast<double>(state.episodes));
    numbers.push_back(static_cast<double>(state.updates));
    for (const auto& [name, tensor] : agent->named_weights()) {  // the last: how much has been observed
      if (name.ends_with("count")) numbers.push_back(tensor.item());
    }
    results[static_cast<std::size_t>(rank)] = numbers;
  };
  if (n == 1) {
    member(0);
  } else {
    check_all_well(in_team(n, member));
  }
  return results;
}

}  // namespace

TEST_CASE("members' updates with parts of a batch are one update with the whole", "[team]") {
  check_parts_make_a_whole<rl::Sac>(
      rl::SacConfig{.hidden = {8}, .max_grad_norm = 0.5},
      [](rl::Sac& agent, const rl::Batch& batch, const Tensor& eps_next, const Tensor& eps) {
        agent.update(batch, {eps_next, eps});
      });
}

TEST_CASE("batch statistics are those of all members' rows, in the gradient too", "[team]") {
  for (const std::int64_t renorm_after : {2, 1000}) {
    check_parts_make_a_whole<rl::CrossQ>(rl::CrossQConfig{.hidden = {8}, .renorm_after = renorm_after},
                                         [](rl::CrossQ& agent, const rl::Batch& batch, const Tensor& eps_next,
                                            const Tensor& eps) { agent.update(batch, eps_next, eps); });
  }
}

TEST_CASE("every algorithm trains in a team, and gives the same bits each time", "[team]") {
  for (const rl::AlgorithmInfo& info : rl::algorithms()) {
    INFO(info.name);
    const std::vector<Numbers> once = trained(3, info.name, {}), again = trained(3, info.name, {});
    CHECK(once == again);
    for (const Numbers& member : once) CHECK(member == once[0]);
    CHECK(once[0] != trained(1, info.name, {})[0]);
  }
}

TEST_CASE("a team shares priorities, statistics of observations and several environments", "[team]") {
  for (const std::vector<std::string>& settings :
       std::vector<std::vector<std::string>>{{"prioritized=true"},
                                             {"normalize_obs=true"},
                                             {"n_step=3", "envs=2"},
                                             {"batch_per_process=true"}}) {
    INFO(settings[0]);
    const std::vector<Numbers> once = trained(2, "sac", settings), again = trained(2, "sac", settings);
    CHECK(once == again);
    CHECK(once[0] == once[1]);
    CHECK(once != trained(2, "sac", {}));
  }
}

TEST_CASE("members that see the same transitions as one in several environments observe the same", "[team]") {
  // One member with two copies and two members with one each: other streams, but as many observations.
  const std::vector<Numbers> two = trained(2, "sac", {"normalize_obs=true", "updates_per_step=0"});
  const std::vector<Numbers> one = trained(1, "sac", {"normalize_obs=true", "updates_per_step=0", "envs=2"});
  CHECK(two[0].size() == one[0].size());
  CHECK(one[0].back() == 120);
  CHECK(two[0].back() == 120);
  CHECK(two[0] == two[1]);
}

TEST_CASE("what is observed are the observations of all members", "[team]") {
  std::vector<std::vector<Numbers>> seen(3), mean(3);
  check_all_well(in_team(3, [&](int rank) {
    rl::Config config = rl::config_for("pendulum", "sac");
    for (const char* setting :
         {"hidden=[8]", "steps=120", "updates_per_step=0", "normalize_obs=true", "envs=2"})
      rl::update_from_text(config, setting);
    const std::unique_ptr<rl::Agent> agent = rl::make_agent(config);
    rl::ReplayBuffer buffer = rl::make_buffer(config);
    rl::TrainState state(rl::member_rng(rl::run_rng(1)), 2);
    rl::train(config.run, config.off_policy, rl::factory(config), *agent, buffer, state);
    const auto member = static_cast<std::size_t>(rank);
    for (const auto& [name, tensor] : buffer.named_state()) {
      if (name == "obs") seen[member].push_back(tensor.to_vector());
    }
    for (const auto& [name, tensor] : agent->named_weights()) {
      if (name.ends_with("mean")) mean[member].push_back(tensor.to_vector());
    }
  }));
  Numbers expected(3);
  for (const std::vector<Numbers>& member : seen) {
    REQUIRE(member.at(0).size() == 3 * 40);
    for (std::size_t i = 0; i < member[0].size(); ++i) expected[i % 3] += member[0][i] / 120;
  }
  for (const std::vector<Numbers>& member : mean) {
    CHECK(largest_difference(member.at(0), expected) < 1e-6);  // the buffer's are in f32
    CHECK(std::abs(expected[2]) > 1e-3);
  }
}

TEST_CASE("what members give comes whole, in order of rank", "[team]") {
  std::vector<std::vector<Numbers>> numbers(3);
  std::vector<std::vector<rl::Episode>> episodes(3);
  check_all_well(in_team(3, [&](int rank) {
    const auto member = static_cast<std::size_t>(rank);
    const Numbers mine = {0.5 + rank, -3.0 * rank, 1e300};
    numbers[member] = nn::team()->gather(std::span(mine).first(2 - member));
    rl::TrainState state(Rng(1), 1);
    state.copies[0].metrics.set_entries({{"a", 0, 0}, {"b", 0, 0}});
    std::vector<rl::Episode> own;
    for (int i = 0; i < rank; ++i) {  // none, one, two
      own.push_back({.length = 10 * rank + i,
                     .ret = -0.5 * rank,
                     .terminated = i == 0,
                     .updates = 7 + i,
                     .metrics = {}});
      own.back().metrics.set_entries({{"a", 1.5 * rank, 2}, {"b", 0, i}});
    }
    episodes[member] = rl::of_all(own, state);
  }));
  for (std::size_t member = 0; member < 3; ++member) {
    CHECK(numbers[member] == std::vector<Numbers>{{0.5, 0}, {1.5}, {}});
    const std::vector<rl::Episode>& all = episodes[member];
    REQUIRE(all.size() == 3);
    const int rank_of[] = {1, 2, 2}, number[] = {0, 0, 1};
    for (std::size_t i = 0; i < 3; ++i) {
      const int rank = rank_of[i], nth = number[i];
      CHECK(all[i].length == 10 * rank + nth);
      CHECK(all[i].ret == -0.5 * rank);
      CHECK(all[i].terminated == (nth == 0));
      CHECK(all[i].updates == 7 + nth);
      const auto& entries = all[i].metrics.entries();
      REQUIRE(entries.size() == 2);
      CHECK((entries[0].name == "a" && entries[0].sum == 1.5 * rank && entries[0].count == 2));
      CHECK((entries[1].name == "b" && entries[1].sum == 0 && entries[1].count == nth));
    }
  }
}

TEST_CASE("what one member cannot do, none does", "[team]") {
  for (const std::string name : {"sac", "td3", "crossq", "dqn"}) {
    const bool discrete = name == "dqn";
    std::vector<Numbers> before(3), after(3);
    const std::vector<std::string> errors = in_team(3, [&](int rank) {
      rl::Config config(name);
      rl::update_from_text(config, "hidden=[8]");
      if (discrete) rl::update_from_text(config, "loss=squared");
      const auto agent =
          config.algorithm().make(config.own(), {.obs = 3, .actions = discrete ? 3 : 1, .rng = Rng(1)});
      nn::team()->set_share(1.0 / 3);
      Rng rng(static_cast<std::uint64_t>(rank));
      const auto batch = [&] {
        const Tensor action = discrete ? zeros({4, 1}) : rand({4, 1}, rng, DType::f32, -1, 1);
        return rl::Batch{randn({4, 3}, rng), action, randn({4, 1}, rng), randn({4, 3}, rng), zeros({4, 1})};
      };
      for (int i = 0; i < 24; ++i) agent->update(batch(), rng);
      before[static_cast<std::size_t>(rank)] = all_numbers(*agent);
      rl::Batch bad = batch();
      if (rank == 1) bad.reward = full({4, 1}, 3e38);
      try {
        agent->update(bad, rng);
      } catch (const Error&) {
        after[static_cast<std::size_t>(rank)] = all_numbers(*agent);
        throw;
      }
    });
    for (std::size_t rank = 0; rank < 3; ++rank) {
      INFO(name << ", rank " << rank << ": " << errors[rank]);
      CHECK_THAT(errors[rank], Contains("rank 1: ") && Contains("diverged"));
      CHECK(after[rank] == before[rank]);
      CHECK(before[rank] == before[0]);
    }
  }
}

TEST_CASE("members that have come apart are noticed, and named", "[team]") {
  const std::vector<std::string> errors = in_team(3, [&](int rank) {
    rl::Sac agent({.hidden = {8}}, 3, 1, Rng(1));
    rl::check_same_weights(agent, 5);
    if (rank == 2) agent.named_weights()[0].tensor.mutable_data<float>()[0] += 1e-7F;
    rl::check_same_weights(agent, 6);
  });
  for (const std::string& error : errors)
    CHECK_THAT(error, Contains("at step 6") && Contains("weights of rank 2"));
}

TEST_CASE("a batch that does not go round is refused", "[team]") {
  const std::vector<std::string> errors = in_team(3, [&](int rank) {
    expect(rl::own_batch({.batch_size = 8}) == (rank == 2 ? 2 : 3), "its part");
    expect(nn::team()->share() == (rank == 2 ? 2.0 : 3.0) / 8, "its share");
    expect(rl::own_batch({.batch_size = 8, .batch_per_process = true}) == 8, "its own batch");
    expect(nn::team()->share() == 1.0 / 3, "its share of those");
    rl::own_batch({.batch_size = 2});
  });
  for (const std::string& error : errors) CHECK_THAT(error, Contains("batch_size is 2, expected at least 3"));
}

TEST_CASE("weights of a prioritized batch are divided by the largest of all members'", "[team]") {
  std::vector<std::vector<double>> of_members(2);
  const std::vector<std::string> errors = in_team(2, [&](int rank) {
    nn::team()->set_share(0.5);
    rl::Priorities priorities(4, 1);
    for (std::int64_t row = 0; row < 4; ++row) priorities.add(row);
    priorities.update(std::vector<std::int64_t>{0, 1, 2, 3},
                      from_values({1, 1, 1, rank == 0 ? 1.0 : 5.0}, {4, 1}));
    priorities.add(0);
    expect(std::abs(priorities.priority(0) - 5) < 1e-3, "a new one is as likely as the likeliest of all");
    priorities.update(std::vector<std::int64_t>{0}, ones({1, 1}));
    of_members[static_cast<std::size_t>(rank)] =
        priorities.draw(std::vector<double>{0, 0.9}, 1).weight.to_vector();
  });
  check_all_well(errors);
  std::vector<double> weights = of_members[0];
  weights.insert(weights.end(), of_members[1].begin(), of_members[1].end());
  std::sort(weights.begin(), weights.end());
  // P is 1/4 for each row of the first member, and 1/8 or 5/8 for the second's: w is in proportion to 1 / P.
  REQUIRE(weights.size() == 4);
  CHECK(weights[0] == Approx(0.2).epsilon(1e-4));
  CHECK(weights[1] == Approx(0.5).epsilon(1e-4));
  CHECK(weights[2] == Approx(0.5).epsilon(1e-4));
  CHECK(weights[3] == 1);
}
