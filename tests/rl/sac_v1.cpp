// The first SAC against whole updates computed elsewhere (sac_v1_update.json): every loss, gradient and
// weight.
#include "rl/algorithms/sac_v1.h"

#include <string>

#include "autograd/grad.h"
#include "tests/support/catch.h"
#include "tests/support/parity.h"
#include "tests/support/reference_data.h"

using namespace saccade;
using namespace saccade::tests;
using rl::Batch;
using rl::SacV1;
using Json = nlohmann::json;

namespace {

// Both sides compute in doubles and agree to rounding, which Adam's division by sqrt(v) amplifies a little.
constexpr double kTolerance = 1e-11;

std::map<std::string, Tensor> as_value(const Json& w) {
  std::map<std::string, Tensor> ours;
  for (const auto& [name, value] : w.items()) ours[name] = tensor(value);
  return ours;
}

std::map<std::string, Tensor> critics_in(const Json& where) {
  return as_critics({"q1", "q2"}, [&](auto q, auto name) { return tensor(where.at(q).at(name)); });
}

void check_update(SacV1& agent, const rl::SacV1Config& config, const Json& c, const Json& u) {
  const Batch batch = batch_of(c.at("batches").at(u.at("batch_index").get<std::size_t>()));
  const Tensor eps = tensor(u.at("eps"));
  const auto as_scalar = [&](const char* name) { return scalar(number(u.at(name)), DType::f64); };

  const Tensor v = agent.value_target(batch.obs, eps);
  check_close("v_target_value", v, tensor(u.at("v_target_value")), kTolerance);
  check_close("v", agent.value()(batch.obs), tensor(u.at("v")), kTolerance);
  const Tensor value_loss = agent.value_loss(batch.obs, v);
  check_close("v_loss", value_loss, as_scalar("v_loss"), kTolerance);
  check_parameters("gradient of value", agent.value().named_parameters(),
                   grad(value_loss, agent.value().parameters()), as_value(u.at("v_grads")), kTolerance);

  check_close("next_v", agent.target_value()(batch.next_obs), tensor(u.at("next_v")), kTolerance);
  const Tensor y = agent.critic_target(batch);
  check_close("y", y, tensor(u.at("y")), kTolerance);
  const auto [critic_loss, q] = agent.critic_loss(batch, y);
  check_close("q", q, stacked(u, {"q1", "q2"}), kTolerance);
  check_close("critic_loss", critic_loss, as_scalar("critic_loss"), kTolerance);
  check_parameters(
      "gradient of critic", agent.critic().named_parameters(), grad(critic_loss, agent.critic().parameters()),
      as_critics({"q1", "q2"}, [&](auto k, auto n) { return tensor(u.at("critic_grads").at(k + "." + n)); }),
      kTolerance);

  // The policy is judged by the critics after their step: a copy that has taken it.
  SacV1 stepped(config, 3, 2, Rng(0), DType::f64);
  stepped.load(agent.named_weights(), agent.named_optimizer_state());
  load(stepped.critic(), critics_in(u.at("after")));
  const auto [actor_loss, log_prob] = stepped.actor_loss(batch.obs, eps);
  check_close("log_prob", log_prob, tensor(u.at("log_prob")), kTolerance);
  check_close("actor_loss", actor_loss, as_scalar("actor_loss"), kTolerance);
  check_parameters("gradient of actor", stepped.actor().named_parameters(),
                   grad(actor_loss, stepped.actor().parameters()), as_gaussian_actor(u.at("actor_grads")),
                   kTolerance);

  const rl::Metrics metrics = agent.update(batch, eps);
  CHECK(metrics["value_loss"] == Approx(number(u.at("v_loss"))).epsilon(kTolerance));
  CHECK(metrics["critic_loss"] == Approx(number(u.at("critic_loss"))).epsilon(kTolerance));
  CHECK(metrics["actor_loss"] == Approx(number(u.at("actor_loss"))).epsilon(kTolerance));
  const Json& after = u.at("after");
  check_module("actor", agent.actor(), as_gaussian_actor(after.at("actor")), kTolerance);
  check_module("critic", agent.critic(), critics_in(after), kTolerance);
  check_module("value", agent.value(), as_value(after.at("v")), kTolerance);
  check_module("target_value", agent.target_value(), as_value(after.at("v_target")), kTolerance);
}

}  // namespace

TEST_CASE("whole updates of the first SAC agree with the reference", "[sac_v1]") {
  const Json reference = tests::reference("sac_v1_update.json");
  CHECK(reference.at("cases").size() >= 2);
  for (const Json& c : reference.at("cases")) {
    INFO("case " << c.at("name"));
    rl::SacV1Config config;
    config.hidden = {8, 8};
    config.gamma = c.at("gamma");
    config.tau = c.at("tau");
    config.actor_lr = config.critic_lr = config.value_lr = c.at("lr");
    config.alpha = c.at("alpha");
    SacV1 agent(config, 3, 2, Rng(0), DType::f64);
    const Json& initial = c.at("initial");
    load(agent.actor(), as_gaussian_actor(initial.at("actor")));
    load(agent.critic(), critics_in(initial));
    load(agent.value(), as_value(initial.at("v")));
    load(agent.target_value(), as_value(initial.at("v_target")));
    for (const Json& u : c.at("updates")) check_update(agent, config, c, u);
  }
}
