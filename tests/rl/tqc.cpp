// TQC against whole updates computed elsewhere (tqc_update.json): every loss, gradient and weight.
#include "rl/algorithms/tqc.h"

#include <cmath>
#include <string>

#include "autograd/grad.h"
#include "base/error.h"
#include "tests/support/catch.h"
#include "tests/support/parity.h"
#include "tests/support/reference_data.h"

using namespace saccade;
using namespace saccade::tests;
using rl::Batch;
using rl::Tqc;
using Json = nlohmann::json;

namespace {

// Both sides compute in doubles and agree to rounding, which Adam's division by sqrt(v) amplifies a little.
constexpr double kTolerance = 1e-11;

std::map<std::string, Tensor> critics_in(const Json& where, const std::string& suffix = "") {
  return as_critics({"q1", "q2"}, [&](auto q, auto name) { return tensor(where.at(q + suffix).at(name)); });
}

void check_update(Tqc& agent, const rl::TqcConfig& config, const Json& c, const Json& u) {
  const Batch batch = batch_of(c.at("batches").at(u.at("batch_index").get<std::size_t>()));
  const Tensor eps_next = tensor(u.at("eps_next")), eps = tensor(u.at("eps_cur"));
  const auto as_scalar = [&](const char* name) { return scalar(number(u.at(name)), DType::f64); };
  CHECK(agent.alpha() == Approx(number(u.at("alpha_used"))).epsilon(kTolerance));

  const Tensor next = agent.actor()(batch.next_obs).rsample(eps_next).action;
  check_close("target_z", agent.target()(batch.next_obs, next), stacked(u, {"target_z1", "target_z2"}),
              kTolerance);
  const Tensor y = agent.critic_target(batch, eps_next);
  CHECK(y.size(1) == c.at("n_kept").get<std::int64_t>());
  check_close("y", y, tensor(u.at("y")), kTolerance);
  const auto [critic_loss, z] = agent.critic_loss(batch, y);
  check_close("z", z, stacked(u, {"z1", "z2"}), kTolerance);
  check_close("critic_loss", critic_loss, as_scalar("critic_loss"), kTolerance);
  check_parameters(
      "gradient of critic", agent.critic().named_parameters(), grad(critic_loss, agent.critic().parameters()),
      as_critics({"q1", "q2"}, [&](auto k, auto n) { return tensor(u.at("critic_grads").at(k + "." + n)); }),
      kTolerance);

  // The policy is judged by the critics after their step: a copy that has taken it.
  Tqc stepped(config, 3, 2, Rng(0), DType::f64);
  stepped.load(agent.named_weights(), agent.named_optimizer_state());
  load(stepped.critic(), critics_in(u.at("after")));
  const auto [actor_loss, log_prob] = stepped.actor_loss(batch.obs, eps);
  check_close("log_prob", log_prob, tensor(u.at("log_prob")), kTolerance);
  check_close("actor_loss", actor_loss, as_scalar("actor_loss"), kTolerance);
  check_parameters("gradient of actor", stepped.actor().named_parameters(),
                   grad(actor_loss, stepped.actor().parameters()), as_gaussian_actor(u.at("actor_grads")),
                   kTolerance);
  const Tensor alpha_loss = stepped.alpha_loss(log_prob);
  check_close("alpha_loss", alpha_loss, as_scalar("alpha_loss"), kTolerance);
  check_close("log_alpha_grad", grad(alpha_loss, stepped.log_alpha()), as_scalar("log_alpha_grad"),
              kTolerance);

  const rl::Metrics metrics = agent.update(batch, eps_next, eps);
  for (const char* name : {"critic_loss", "actor_loss", "alpha_loss"}) {
    CHECK(metrics[name] == Approx(number(u.at(name))).epsilon(kTolerance));
  }
  const Json& after = u.at("after");
  check_module("actor", agent.actor(), as_gaussian_actor(after.at("actor")), kTolerance);
  check_module("critic", agent.critic(), critics_in(after), kTolerance);
  check_module("target", agent.target(), critics_in(after, "_target"), kTolerance);
  check_close("log_alpha", agent.log_alpha(), scalar(number(after.at("log_alpha")), DType::f64), kTolerance);
}

}  // namespace

TEST_CASE("whole TQC updates agree with the reference", "[tqc]") {
  const Json reference = tests::reference("tqc_update.json");
  CHECK(reference.at("cases").size() >= 2);
  for (const Json& c : reference.at("cases")) {
    INFO("case " << c.at("name"));
    rl::TqcConfig config;
    config.hidden = {8, 8};
    config.gamma = c.at("gamma");
    config.tau = c.at("tau");
    config.actor_lr = config.critic_lr = config.alpha_lr = c.at("lr");
    config.target_entropy = c.at("target_entropy").get<double>();
    config.initial_alpha = std::exp(number(c.at("initial").at("log_alpha")));
    config.quantiles = c.at("n_quantiles");
    config.drop_per_critic = c.at("drop_per_net");
    config.critic_loss_factor = c.at("critic_loss_factor");
    Tqc agent(config, 3, 2, Rng(0), DType::f64);
    const Json& initial = c.at("initial");
    load(agent.actor(), as_gaussian_actor(initial.at("actor")));
    load(agent.critic(), critics_in(initial));
    load(agent.target(), critics_in(initial, "_target"));
    for (const Json& u : c.at("updates")) check_update(agent, config, c, u);
  }
}

TEST_CASE("a truncation that leaves no quantile is refused", "[tqc]") {
  rl::TqcConfig config;
  config.quantiles = config.drop_per_critic = 5;
  CHECK_THROWS_WITH(Tqc(config, 3, 2, Rng(0)), Catch::Contains("drop_per_critic is 5") &&
                                                   Catch::Contains("none of 5 quantiles") &&
                                                   Catch::Contains("at most 4"));
}
