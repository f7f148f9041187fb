// DQN and soft Q-learning against whole updates computed elsewhere (dqn_update.json, soft_q_update.json):
// every loss, gradient, weight and moment; and what they do besides.
#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "autograd/grad.h"
#include "autograd/ops.h"
#include "base/error.h"
#include "rl/algorithms/dqn.h"
#include "rl/algorithms/soft_q.h"
#include "tests/support/catch.h"
#include "tests/support/parity.h"
#include "tests/support/reference_data.h"

using namespace saccade;
using namespace saccade::tests;
using rl::ActMode;
using rl::Batch;
using rl::Dqn;
using rl::DqnConfig;
using rl::SoftQ;
using rl::SoftQConfig;

namespace {

// Both sides compute in doubles and agree to rounding, which Adam's division by sqrt(v) amplifies a little.
constexpr double kTolerance = 1e-11;

using Json = nlohmann::json;

Tensor scalar_of(const Json& value) { return scalar(number(value), DType::f64); }

std::map<std::string, Tensor> as_critic(const Json& w) { return as_network("q.", w); }

template <class Agent>
void start(Agent& agent, const Json& initial) {
  load(agent.critic(), as_critic(initial.at("q")));
  load(agent.target(), as_critic(initial.at("q_target")));
}

// What both kinds of update have in common, but for y.
template <class Agent>
void check_update(Agent& agent, const Batch& batch, const Json& u) {
  check_close("next_q_target", agent.target()(batch.next_obs), tensor(u.at("next_q_target")), kTolerance);
  const Tensor y = agent.critic_target(batch);
  check_close("y", y, tensor(u.at("y")), kTolerance);
  check_close("q", agent.critic()(batch.obs), tensor(u.at("q")), kTolerance);
  check_close("q_taken", rl::q_of(agent.critic()(batch.obs), batch.action), tensor(u.at("q_taken")),
              kTolerance);
  const Tensor loss = agent.critic_loss(batch, y).loss;
  check_close("loss", loss, scalar_of(u.at("loss")), kTolerance);
  check_parameters("gradient", agent.critic().named_parameters(), grad(loss, agent.critic().parameters()),
                   as_critic(u.at("q_grads")), kTolerance);
  const rl::Metrics metrics = agent.update(batch);
  CHECK(metrics["critic_loss"] == Approx(number(u.at("loss"))).epsilon(kTolerance));
  CHECK(metrics["q"] == Approx(mean(tensor(u.at("q_taken"))).item()).epsilon(kTolerance));
  check_module("critic", agent.critic(), as_critic(u.at("after").at("q")), kTolerance);
  check_module("target", agent.target(), as_critic(u.at("after").at("q_target")), kTolerance);
}

template <class Agent>
void check_adam(Agent& agent, const Json& u) {
  check_moments(
      agent.critic(), nn::with_prefix(agent.named_optimizer_state(), "critic."),
      [&](const std::string& moment) {
        Json of;
        for (const auto& [name, each] : u.at("adam_state").at("q").items()) of[name] = each.at(moment);
        return as_critic(of);
      },
      kTolerance);
}

Batch draw_batch(Rng& rng, std::int64_t n = 8) {
  return {randn({n, 3}, rng), floor(rand({n, 1}, rng, DType::f32, 0, 4)), randn({n, 1}, rng),
          randn({n, 3}, rng), zeros({n, 1})};
}

std::vector<double> numbers_of(const nn::Module& module) { return module.flat().to_vector(); }

}  // namespace

TEST_CASE("whole DQN updates agree with the reference", "[dqn]") {
  const Json reference = tests::reference("dqn_update.json");
  CHECK(reference.at("cases").size() >= 4);
  for (const Json& c : reference.at("cases")) {
    INFO("case " << c.at("name"));
    DqnConfig config;
    config.hidden = {8, 8};
    config.gamma = c.at("gamma");
    config.critic_lr = c.at("lr");
    config.double_q = c.at("double");
    config.loss = c.at("loss") == "huber" ? rl::QLoss::huber : rl::QLoss::squared;
    const bool hard = c.at("target_update") == "hard";
    config.target_every = hard ? c.at("hard_every").get<std::int64_t>() : 1;
    config.tau = hard ? 1 : c.at("tau").get<double>();
    Dqn agent(config, 3, c.at("n_actions"), Rng(0), DType::f64);
    start(agent, c.at("initial"));
    for (const Json& u : c.at("updates")) {
      const Batch batch = batch_of(c.at("batches").at(u.at("batch_index").get<std::size_t>()));
      check_close("next_q_online", agent.critic()(batch.next_obs), tensor(u.at("next_q_online")), kTolerance);
      CHECK(agent.next_action(batch.next_obs).to_vector() == tensor(u.at("next_action")).to_vector());
      check_update(agent, batch, u);
    }
    check_adam(agent, c.at("updates").back());
  }
}

TEST_CASE("whole soft Q-learning updates agree with the reference", "[soft_q]") {
  const Json reference = tests::reference("soft_q_update.json");
  CHECK(reference.at("cases").size() >= 3);
  for (const Json& c : reference.at("cases")) {
    INFO("case " << c.at("name"));
    SoftQConfig config;
    config.hidden = {8, 8};
    config.gamma = c.at("gamma");
    config.tau = c.at("tau");
    config.critic_lr = c.at("lr");
    config.alpha = c.at("alpha");
    SoftQ agent(config, 3, c.at("n_actions"), Rng(0), DType::f64);
    start(agent, c.at("initial"));
    for (const Json& u : c.at("updates")) {
      const Batch batch = batch_of(c.at("batches").at(u.at("batch_index").get<std::size_t>()));
      check_close("next_v", agent.value(agent.target()(batch.next_obs)), tensor(u.at("next_v")), kTolerance);
      // Q / alpha magnifies the rounding of Q by 1 / alpha.
      const double tolerance = kTolerance / std::min(1.0, config.alpha);
      check_close("log_pi", agent.log_policy(agent.critic()(batch.obs)), tensor(u.at("log_pi")), tolerance);
      SoftQ same(config, 3, c.at("n_actions"), Rng(0), DType::f64);
      same.load(agent.named_weights(), agent.named_optimizer_state());
      CHECK(same.update(batch)["entropy"] ==
            Approx(mean(tensor(u.at("entropy"))).item()).epsilon(tolerance).margin(tolerance));
      check_update(agent, batch, u);
    }
    check_adam(agent, c.at("updates").back());
  }
}

TEST_CASE("DQN's epsilon falls in a straight line, and is a checkpoint's to keep", "[dqn]") {
  const DqnConfig config = {.hidden = {16}, .epsilon_start = 0.9, .epsilon_end = 0.1, .epsilon_updates = 4};
  Dqn agent(config, 3, 4, Rng(1));
  Rng rng(3);
  for (const double expected : {0.9, 0.7, 0.5, 0.3, 0.1, 0.1}) {
    CHECK(agent.epsilon() == Approx(expected));
    CHECK(agent.update(draw_batch(rng))["epsilon"] == Approx(expected));
  }
  Dqn other(config, 3, 4, Rng(2));
  other.load(agent.named_weights(), agent.named_optimizer_state());
  CHECK(other.epsilon() == Approx(0.1));
}

TEST_CASE("DQN's target is a copy in every n-th update, exactly, and stands still between", "[dqn]") {
  Dqn agent({.hidden = {16}, .critic_lr = 0.1, .target_every = 3}, 3, 4, Rng(1));
  Rng rng(3);
  std::vector<double> before = numbers_of(agent.target());
  for (int i = 1; i <= 7; ++i) {
    agent.update(draw_batch(rng));
    CHECK(numbers_of(agent.target()) == (i % 3 == 0 ? numbers_of(agent.critic()) : before));
    before = numbers_of(agent.target());
  }
}

TEST_CASE("DQN explores with probability epsilon, and not in evaluation", "[dqn]") {
  const std::size_t n = 8000;
  const Dqn agent({.hidden = {16}, .epsilon_start = 0.4}, 3, 4, Rng(5));
  std::vector<double> obs, z(n), drawn(n), best(n);
  for (std::size_t i = 0; i < n; ++i) obs.insert(obs.end(), {1.0, -2.0, 0.5});
  Rng(1).fill_normal(z);
  agent.act(obs, z, ActMode::explore, drawn);
  agent.act(obs, {}, ActMode::exploit, best);
  CHECK(best == std::vector<double>(n, best[0]));
  for (int a = 0; a < 4; ++a) {
    const double expected = a == best[0] ? 0.7 : 0.1;
    const auto times = static_cast<double>(std::count(drawn.begin(), drawn.end(), a));
    // Four standard deviations.
    CHECK(std::abs(times / n - expected) < 4 * std::sqrt(expected * (1 - expected) / n));
  }
}

TEST_CASE("soft Q-learning explores by its softmax, and takes the best action in evaluation", "[soft_q]") {
  const std::size_t n = 8000;
  SoftQ agent({.hidden = {16}, .alpha = 0.2}, 3, 4, Rng(5));
  std::vector<double> obs, z(n), drawn(n), best(n);
  for (std::size_t i = 0; i < n; ++i) obs.insert(obs.end(), {1.0, -2.0, 0.5});
  Rng(1).fill_normal(z);
  agent.act(obs, z, ActMode::explore, drawn);
  agent.act(obs, {}, ActMode::exploit, best);
  const std::vector<double> q = agent.critic()(from_values({1, -2, 0.5}, {1, 3})).to_vector();
  CHECK(best ==
        std::vector<double>(n, static_cast<double>(std::max_element(q.begin(), q.end()) - q.begin())));
  double total = 0;
  for (const double each : q) total += std::exp(each / 0.2);
  for (std::size_t a = 0; a < 4; ++a) {
    const double expected = std::exp(q[a] / 0.2) / total;
    const auto times = static_cast<double>(std::count(drawn.begin(), drawn.end(), static_cast<double>(a)));
    CHECK(std::abs(times / n - expected) < 4 * std::sqrt(expected * (1 - expected) / n));
  }
}

TEST_CASE("an update of DQN or soft Q-learning that is not finite, or with what is no action, is an error",
          "[dqn]") {
  Rng rng(9);
  Dqn dqn({.hidden = {16}}, 3, 4, Rng(10));
  SoftQ soft_q({.hidden = {16}}, 3, 4, Rng(10));
  Batch batch = draw_batch(rng);
  batch.reward = full({8, 1}, INFINITY);
  CHECK_THROWS_WITH(dqn.update(batch), Catch::Contains("DQN has diverged"));
  CHECK_THROWS_WITH(soft_q.update(batch), Catch::Contains("soft Q-learning has diverged"));
  batch.reward = zeros({8, 1});
  for (const double none : {-1.0, 4.0, 0.5}) {
    batch.action = full({8, 1}, none);
    CHECK_THROWS_AS(dqn.update(batch), ShapeError);
    CHECK_THROWS_AS(soft_q.update(batch), ShapeError);
  }
}
