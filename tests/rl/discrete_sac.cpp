// Discrete SAC against whole updates computed elsewhere (discrete_sac_update.json): every loss, gradient,
// weight and moment; and what it does besides.
#include "rl/algorithms/discrete_sac.h"

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "autograd/grad.h"
#include "autograd/ops.h"
#include "base/error.h"
#include "tests/support/catch.h"
#include "tests/support/parity.h"
#include "tests/support/reference_data.h"

using namespace saccade;
using namespace saccade::tests;
using rl::ActMode;
using rl::Batch;
using rl::DiscreteSac;
using rl::DiscreteSacConfig;

namespace {

using Json = nlohmann::json;

std::map<std::string, Tensor> as_actor(const Json& w) { return as_network("logits.", w); }

std::map<std::string, Tensor> critics_in(const Json& where, const std::string& suffix = "") {
  return as_critics({"q1", "q2"}, [&](auto q, auto name) { return tensor(where.at(q + suffix).at(name)); });
}

std::map<std::string, Tensor> critics_by_name(const Json& where) {
  return as_critics({"q1", "q2"}, [&](auto q, auto name) { return tensor(where.at(q + "." + name)); });
}

Tensor both(const Json& u, const char* q1, const char* q2) {
  return stack({tensor(u.at(q1)), tensor(u.at(q2))}, 0);
}

Tensor scalar_of(const Json& value) { return scalar(number(value), DType::f64); }

DiscreteSacConfig config_of(const Json& c) {
  DiscreteSacConfig config;
  config.hidden = {8, 8};
  config.gamma = c.at("gamma");
  config.tau = c.at("tau");
  config.actor_lr = config.critic_lr = config.alpha_lr = c.at("lr");
  config.adam_eps = c.at("adam_eps");
  config.initial_alpha = std::exp(number(c.at("initial").at("log_alpha")));
  // Where the reference takes 0.98 log n, ours must do so by itself.
  if (c.at("target_entropy_scale").is_null()) config.target_entropy = number(c.at("target_entropy"));
  return config;
}

void check_update(DiscreteSac& agent, const Json& c, const Json& u, double tolerance) {
  const Batch batch = batch_of(c.at("batches").at(u.at("batch_index").get<std::size_t>()));
  CHECK(agent.alpha() == Approx(number(u.at("alpha_used"))).epsilon(tolerance));

  check_close("next_log_pi", log_softmax(agent.actor()(batch.next_obs), -1), tensor(u.at("next_log_pi")),
              tolerance);
  check_close("target_q", agent.target()(batch.next_obs), both(u, "target_q1", "target_q2"), tolerance);
  const Tensor y = agent.critic_target(batch);
  check_close("y", y, tensor(u.at("y")), tolerance);
  check_close("q", agent.critic()(batch.obs), both(u, "q1", "q2"), tolerance);
  const auto [critic_loss, q] = agent.critic_loss(batch, y);
  check_close("q_taken", q, both(u, "q1_taken", "q2_taken"), tolerance);
  check_close("critic_loss", critic_loss, scalar_of(u.at("critic_loss")), tolerance);
  check_parameters("gradient of critic", agent.critic().named_parameters(),
                   grad(critic_loss, agent.critic().parameters()), critics_by_name(u.at("critic_grads")),
                   tolerance);

  // The policy is judged by the critics after their step: a copy that has taken it.
  DiscreteSac stepped(config_of(c), 3, c.at("n_actions"), Rng(0), DType::f64);
  stepped.load(agent.named_weights(), agent.named_optimizer_state());
  load(stepped.critic(), critics_in(u.at("after")));
  const Tensor logits = stepped.actor()(batch.obs);
  check_close("logits", logits, tensor(u.at("logits")), tolerance);
  check_close("log_pi", log_softmax(logits, -1), tensor(u.at("log_pi")), tolerance);
  check_close("q_pi", stepped.critic()(batch.obs), both(u, "q1_pi", "q2_pi"), tolerance);
  const auto [actor_loss, entropy] = stepped.actor_loss(batch.obs);
  CHECK(entropy.shape() == Shape{batch.obs.size(0), 1});
  check_close("entropy", mean(entropy), scalar_of(u.at("entropy")), tolerance);
  check_close("actor_loss", actor_loss, scalar_of(u.at("actor_loss")), tolerance);
  check_parameters("gradient of actor", stepped.actor().named_parameters(),
                   grad(actor_loss, stepped.actor().parameters()), as_actor(u.at("actor_grads")), tolerance);
  const Tensor alpha_loss = stepped.alpha_loss(entropy);
  check_close("alpha_loss", alpha_loss, scalar_of(u.at("alpha_loss")), tolerance);
  check_close("log_alpha_grad", grad(alpha_loss, stepped.log_alpha()), scalar_of(u.at("log_alpha_grad")),
              tolerance);

  const rl::Metrics metrics = agent.update(batch);
  for (const char* name : {"critic_loss", "actor_loss", "alpha_loss", "entropy"}) {
    INFO(name);
    CHECK(metrics[name] == Approx(number(u.at(name))).epsilon(tolerance).margin(tolerance));
  }
  const Json& after = u.at("after");
  check_module("actor", agent.actor(), as_actor(after.at("actor")), tolerance);
  check_module("critic", agent.critic(), critics_in(after), tolerance);
  check_module("target", agent.target(), critics_in(after, "_target"), tolerance);
  check_close("log_alpha", agent.log_alpha(), scalar_of(after.at("log_alpha")), tolerance);
}

// What Adam has come to in the end.
void check_adam(DiscreteSac& agent, const Json& state, double tolerance) {
  const nn::NamedTensors ours = agent.named_optimizer_state();
  const auto moments = [](const Json& all, const std::string& moment) {
    Json of;
    for (const auto& [name, each] : all.items()) of[name] = each.at(moment);
    return of;
  };
  check_moments(
      agent.critic(), nn::with_prefix(ours, "critic."),
      [&](const std::string& moment) { return critics_by_name(moments(state.at("critics"), moment)); },
      tolerance);
  check_moments(
      agent.actor(), nn::with_prefix(ours, "actor."),
      [&](const std::string& moment) { return as_actor(moments(state.at("actor"), moment)); }, tolerance);
  for (const auto& [name, moment] : nn::with_prefix(ours, "alpha.")) {
    if (name == "steps") continue;
    const Json& of = state.at("log_alpha").at("log_alpha");
    check_close("moment of log_alpha", moment, tensor(of.at(name == "m" ? "exp_avg" : "exp_avg_sq")),
                tolerance);
  }
}

}  // namespace

TEST_CASE("whole discrete SAC updates agree with the reference", "[discrete_sac]") {
  const Json reference = tests::reference("discrete_sac_update.json");
  CHECK(reference.at("cases").size() >= 3);
  for (const Json& c : reference.at("cases")) {
    INFO("case " << c.at("name"));
    // Both sides compute in doubles and agree to rounding, which Adam's division by sqrt(v) amplifies: a
    // little, or where gradients are as small as exp(-50), as in "sharp", more. Those reach what follows the
    // first step alone.
    const bool sharp = c.at("name") == "sharp";
    DiscreteSac agent(config_of(c), 3, c.at("n_actions"), Rng(0), DType::f64);
    CHECK(agent.target_entropy() == Approx(number(c.at("target_entropy"))).epsilon(1e-14));
    const Json& initial = c.at("initial");
    load(agent.actor(), as_actor(initial.at("actor")));
    load(agent.critic(), critics_in(initial));
    load(agent.target(), critics_in(initial, "_target"));
    for (const Json& u : c.at("updates")) check_update(agent, c, u, sharp ? 1e-9 : 1e-11);
    check_adam(agent, c.at("updates").back().at("adam_state"), sharp ? 1e-9 : 1e-11);
  }
}

TEST_CASE("discrete SAC draws actions as often as its policy says, and evaluates by the most probable",
          "[discrete_sac]") {
  const std::int64_t n = 5000;
  const DiscreteSac agent({.hidden = {16}}, 3, 4, Rng(5));
  std::vector<double> obs, z(n), drawn(n), best(n);
  for (std::int64_t i = 0; i < n; ++i) obs.insert(obs.end(), {3.0, -2.0, 1.0});
  Rng(1).fill_normal(z);
  agent.act(obs, z, ActMode::explore, drawn);
  agent.act(obs, {}, ActMode::exploit, best);
  DiscreteSac same({.hidden = {16}}, 3, 4, Rng(5));
  const std::vector<double> pi = softmax(same.actor()(from_values({3, -2, 1}, {1, 3})), -1).to_vector();
  for (std::size_t a = 0; a < 4; ++a) {
    const auto times = static_cast<double>(std::count(drawn.begin(), drawn.end(), static_cast<double>(a)));
    // Four standard deviations.
    CHECK(std::abs(times / n - pi[a]) < 4 * std::sqrt(pi[a] * (1 - pi[a]) / n));
  }
  const auto most_probable = std::max_element(pi.begin(), pi.end()) - pi.begin();
  CHECK(best == std::vector<double>(n, static_cast<double>(most_probable)));
}

TEST_CASE("a fixed temperature stays, and a learned one follows the entropy", "[discrete_sac]") {
  Rng rng(9);
  const Batch batch = {randn({8, 3}, rng), zeros({8, 1}), randn({8, 1}, rng), randn({8, 3}, rng),
                       zeros({8, 1})};
  DiscreteSac fixed({.hidden = {16}, .learn_alpha = false, .initial_alpha = 0.3}, 3, 2, Rng(10));
  CHECK(fixed.update(batch)["alpha_loss"] == 0);
  CHECK(fixed.alpha() == Approx(0.3));
  for (const auto& [wanted, rises] : {std::pair(0.1, false), std::pair(0.6931, true)}) {
    DiscreteSac agent({.hidden = {16}, .initial_alpha = 0.3, .target_entropy = wanted}, 3, 2, Rng(10));
    agent.update(batch);
    CHECK((agent.alpha() > 0.3) == rises);
  }
  CHECK_THROWS_WITH(DiscreteSac({.target_entropy = 5}, 3, 2, Rng(10)),
                    Catch::Contains("target_entropy is 5, but a policy over 2 choices has at most 0.6931"));
}

TEST_CASE("a discrete SAC update that is not finite, or with what is no action, is an error",
          "[discrete_sac]") {
  Rng rng(9);
  DiscreteSac agent({.hidden = {16}}, 3, 2, Rng(10));
  Batch batch = {randn({8, 3}, rng), zeros({8, 1}), full({8, 1}, INFINITY), randn({8, 3}, rng),
                 zeros({8, 1})};
  CHECK_THROWS_WITH(agent.update(batch),
                    Catch::Contains("discrete SAC has diverged") && Catch::Contains("critic_loss inf"));
  batch.reward = zeros({8, 1});
  for (const double none : {-1.0, 2.0, 0.5}) {
    batch.action = full({8, 1}, none);
    CHECK_THROWS_AS(agent.update(batch), ShapeError);
  }
}
