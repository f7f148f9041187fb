// TD3 and DDPG against whole updates computed elsewhere (td3_update.json, ddpg_update.json): every loss,
// gradient and weight; and what they do besides.
#include "rl/algorithms/td3.h"

#include <map>
#include <string>
#include <vector>

#include "autograd/grad.h"
#include "autograd/ops.h"
#include "base/error.h"
#include "rl/runs/config.h"
#include "tests/support/catch.h"
#include "tests/support/parity.h"
#include "tests/support/reference_data.h"

using namespace saccade;
using namespace saccade::tests;
using rl::ActMode;
using rl::Batch;
using rl::Td3;
using rl::Td3Config;

namespace {

// Both sides compute in doubles and agree to rounding, which Adam's division by sqrt(v) amplifies a little.
constexpr double kTolerance = 1e-11;

using Json = nlohmann::json;
using Critics = std::vector<std::string>;  // the reference's names of them

std::map<std::string, Tensor> as_actor(const Json& w) { return as_network("mu.", w); }

std::map<std::string, Tensor> critics_in(const Json& where, const Critics& critics,
                                         const std::string& suffix = "") {
  return as_critics(critics, [&](auto q, auto name) { return tensor(where.at(q + suffix).at(name)); });
}

Tensor stacked(const Json& u, const Critics& critics, const std::string& prefix = "") {
  TensorList each;
  for (const std::string& critic : critics) each.push_back(tensor(u.at(prefix + critic)));
  return stack(each, 0);
}

void check_update(Td3& agent, const Json& c, const Json& u, const Critics& critics, bool updates_actor) {
  const Batch batch = batch_of(c.at("batches").at(u.at("batch_index").get<std::size_t>()));
  const bool smoothed = u.contains("noise_std_normal");
  const Tensor z = smoothed ? tensor(u.at("noise_std_normal")) : zeros(batch.action.shape(), DType::f64);

  check_close("next_action", agent.target_action(batch.next_obs, z), tensor(u.at("next_action")), kTolerance);
  const Tensor next = agent.target_action(batch.next_obs, z);
  check_close("target_q", agent.target_critic()(batch.next_obs, next), stacked(u, critics, "target_"),
              kTolerance);
  const Tensor y = agent.critic_target(batch, z);
  check_close("y", y, tensor(u.at("y")), kTolerance);
  const auto [loss, q] = agent.critic_loss(batch, y);
  check_close("q", q, stacked(u, critics), kTolerance);
  check_close("critic_loss", loss, scalar(number(u.at("critic_loss")), DType::f64), kTolerance);
  const auto gradient = [&](auto critic, auto name) {
    const Json& all = u.at("critic_grads");
    return tensor(all.at(critics.size() == 1 ? name : critic + "." + name));
  };
  check_parameters("gradient of critic", agent.critic().named_parameters(),
                   grad(loss, agent.critic().parameters()), as_critics(critics, gradient), kTolerance);

  if (updates_actor) {
    // The policy is judged by the critics after their step: a copy that has taken it.
    Td3 stepped({.hidden = {8, 8}, .critics = static_cast<std::int64_t>(critics.size())}, 3, 2, Rng(0),
                DType::f64);
    stepped.load(agent.named_weights(), agent.named_optimizer_state());
    load(stepped.critic(), critics_in(u.at("after"), critics));
    check_close("action", stepped.actor()(batch.obs), tensor(u.at("action")), kTolerance);
    const Tensor actor_loss = stepped.actor_loss(batch.obs);
    check_close("actor_loss", actor_loss, scalar(number(u.at("actor_loss")), DType::f64), kTolerance);
    check_parameters("gradient of actor", stepped.actor().named_parameters(),
                     grad(actor_loss, stepped.actor().parameters()), as_actor(u.at("actor_grads")),
                     kTolerance);
  }

  const rl::Metrics metrics = agent.update(batch, z);
  CHECK(metrics["critic_loss"] == Approx(number(u.at("critic_loss"))).epsilon(kTolerance));
  CHECK(metrics.begin()[1].name == std::string("actor_loss"));
  CHECK(metrics.begin()[1].value.has_value() == updates_actor);
  if (updates_actor) CHECK(metrics["actor_loss"] == Approx(number(u.at("actor_loss"))).epsilon(kTolerance));
  const Json& after = u.at("after");
  check_module("actor", agent.actor(), as_actor(after.at("actor")), kTolerance);
  check_module("target_actor", agent.target_actor(), as_actor(after.at("actor_target")), kTolerance);
  check_module("critic", agent.critic(), critics_in(after, critics), kTolerance);
  check_module("target_critic", agent.target_critic(), critics_in(after, critics, "_target"), kTolerance);
}

void start(Td3& agent, const Json& initial, const Critics& critics) {
  load(agent.actor(), as_actor(initial.at("actor")));
  load(agent.target_actor(), as_actor(initial.at("actor_target")));
  load(agent.critic(), critics_in(initial, critics));
  load(agent.target_critic(), critics_in(initial, critics, "_target"));
}

}  // namespace

TEST_CASE("whole TD3 updates agree with the reference", "[td3]") {
  const Json reference = tests::reference("td3_update.json");
  CHECK(reference.at("cases").size() >= 2);
  for (const Json& c : reference.at("cases")) {
    INFO("case " << c.at("name"));
    const Td3Config config = {.hidden = {8, 8},
                              .gamma = c.at("gamma"),
                              .tau = c.at("tau"),
                              .actor_lr = c.at("lr"),
                              .critic_lr = c.at("lr"),
                              .policy_delay = c.at("policy_delay"),
                              .target_noise = c.at("policy_noise"),
                              .target_noise_clip = c.at("noise_clip")};
    Td3 agent(config, 3, 2, Rng(0), DType::f64);
    start(agent, c.at("initial"), {"q1", "q2"});
    for (const Json& u : c.at("updates")) check_update(agent, c, u, {"q1", "q2"}, u.at("actor_updated"));
  }
}

TEST_CASE("whole DDPG updates agree with the reference", "[td3]") {
  const Json reference = tests::reference("ddpg_update.json");
  CHECK(reference.at("cases").size() >= 2);
  for (const Json& c : reference.at("cases")) {
    INFO("case " << c.at("name"));
    // The algorithm's own defaults, so that what `--algo ddpg` means is checked.
    Td3Config config = rl::Config("ddpg").own<Td3Config>();
    config.hidden = {8, 8};
    config.gamma = c.at("gamma");
    config.tau = c.at("tau");
    config.actor_lr = c.at("lr_actor");
    config.critic_lr = c.at("lr_critic");
    Td3 agent(config, 3, 2, Rng(0), DType::f64);
    start(agent, c.at("initial"), {"q"});
    for (const Json& u : c.at("updates")) check_update(agent, c, u, {"q"}, true);
  }
}

TEST_CASE("TD3 explores around its policy, within the box, and evaluates without noise", "[td3]") {
  const Td3 agent({.hidden = {16}, .exploration_noise = 0.5}, 3, 2, Rng(5));
  const std::vector<double> obs = {0.1, -0.2, 0.3, 0.4, 0.5, 0.6};  // two rows
  std::vector<double> best(4), explored(4);
  agent.act(obs, {}, ActMode::exploit, best);
  const std::vector<double> noise = {0.2, -0.4, 100, -100};
  agent.act(obs, noise, ActMode::explore, explored);
  CHECK(explored[0] == Approx(best[0] + 0.1).epsilon(1e-5));
  CHECK(explored[1] == Approx(best[1] - 0.2).epsilon(1e-5));
  CHECK(explored[2] == 1);
  CHECK(explored[3] == -1);
}

TEST_CASE("a checkpoint of TD3 keeps the place in the policy's delay", "[td3]") {
  Rng rng(3);
  const auto batch = [&] {
    return Batch{randn({8, 3}, rng), rand({8, 2}, rng, DType::f32, -1, 1), randn({8, 1}, rng),
                 randn({8, 3}, rng), zeros({8, 1})};
  };
  const Batch first = batch(), second = batch();
  const Tensor z = randn({8, 2}, rng);
  Td3 agent({.hidden = {16}}, 3, 2, Rng(1)), other({.hidden = {16}}, 3, 2, Rng(2));
  agent.update(first, z);
  other.load(agent.named_weights(), agent.named_optimizer_state());
  // The second update is the policy's turn.
  CHECK(agent.update(second, z)["actor_loss"] == other.update(second, z)["actor_loss"]);
  for (std::size_t i = 0; i < agent.named_weights().size(); ++i) {
    CHECK(agent.named_weights()[i].tensor.to_vector() == other.named_weights()[i].tensor.to_vector());
  }
}

TEST_CASE("a TD3 update that is not finite is an error that names the losses", "[td3]") {
  Rng rng(9);
  Td3 agent({.hidden = {16}}, 3, 2, Rng(10));
  const Batch batch = {randn({8, 3}, rng), zeros({8, 2}), full({8, 1}, INFINITY), randn({8, 3}, rng),
                       zeros({8, 1})};
  CHECK_THROWS_WITH(agent.update(batch, rng),
                    Catch::Contains("TD3 has diverged") && Catch::Contains("critic_loss inf"));
}
