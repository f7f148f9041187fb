// SAC against whole updates computed elsewhere (sac_update.json): every loss, gradient and weight; and its
// parts by themselves.

#include "rl/algorithms/sac.h"

#include <cmath>
#include <map>

#include "autograd/grad.h"
#include "autograd/ops.h"
#include "autograd/pool.h"
#include "base/error.h"
#include "tests/support/catch.h"
#include "tests/support/parity.h"
#include "tests/support/reference_data.h"

using namespace saccade;
using rl::Batch;
using rl::Sac;
using namespace saccade::tests;

namespace {

rl::SacConfig config_of(const nlohmann::json& c) {
  rl::SacConfig config;
  config.hidden = {8, 8};
  config.gamma = c.at("gamma");
  config.tau = c.at("tau");
  config.actor_lr = config.critic_lr = config.alpha_lr = c.at("lr");
  config.target_entropy = c.at("target_entropy").get<double>();
  config.log_prob = c.at("log_prob_form") == "stable" ? nn::LogProbForm::stable : nn::LogProbForm::eps1e6;
  config.critic_loss_factor = c.at("critic_loss_factor");
  config.initial_alpha = std::exp(tests::number(c.at("initial").at("log_alpha")));
  return config;
}

void run_case(const nlohmann::json& c) {
  INFO("case " << c.at("name"));
  // Both sides compute in doubles and agree to rounding, about 1e-15 an operation, amplified a little by
  // Adam's division by sqrt(v). With log sigma at its lower bound of -20 the reference's (u - mean) / std
  // cancels to eight digits where we use eps itself, which is exact; y, the losses and from the first step on
  // all weights inherit that.
  const bool cancels = c.at("name") == "log_std_clamp_active";
  const double tolerance = cancels ? 1e-7 : 1e-11;

  Sac agent(config_of(c), 3, 2, Rng(0), DType::f64);
  const auto& initial = c.at("initial");
  load(agent.actor(), as_gaussian_actor(initial.at("actor")));
  load(agent.critic(), as_critics({"q1", "q2"}, [&](auto q, auto n) { return tensor(initial.at(q).at(n)); }));
  load(agent.target(),
       as_critics({"q1", "q2"}, [&](auto q, auto n) { return tensor(initial.at(q + "_target").at(n)); }));

  for (const auto& u : c.at("updates")) {
    const Batch batch = batch_of(c.at("batches").at(u.at("batch_index").get<std::size_t>()));
    const Tensor eps_next = tensor(u.at("eps_next")), eps = tensor(u.at("eps_cur"));
    CHECK(agent.alpha() == Approx(tests::number(u.at("alpha_used"))).epsilon(tolerance));

    // The target and the critics.
    const nn::TanhNormal::Sample next = agent.actor()(batch.next_obs).rsample(eps_next);
    check_close("next_action", next.action, tensor(u.at("next_action")), tolerance);
    check_close("next_log_prob", agent.actor()(batch.next_obs).log_prob(next, config_of(c).log_prob),
                tensor(u.at("next_log_prob")), tolerance);
    check_close("target_q", agent.target()(batch.next_obs, next.action),
                stack({tensor(u.at("target_q1")), tensor(u.at("target_q2"))}, 0), tolerance);
    const Tensor y = agent.critic_target(batch, {eps_next, eps});
    check_close("y", y, tensor(u.at("y")), tolerance);
    const auto [critic_loss, q] = agent.critic_loss(batch, y);
    check_close("q", q, stack({tensor(u.at("q1")), tensor(u.at("q2"))}, 0), tolerance);
    check_close("critic_loss", critic_loss, scalar(tests::number(u.at("critic_loss")), DType::f64),
                tolerance);
    check_parameters("gradient of critic", agent.critic().named_parameters(),
                     grad(critic_loss, agent.critic().parameters()),
                     as_critics({"q1", "q2"},
                                [&](auto k, auto n) { return tensor(u.at("critic_grads").at(k + "." + n)); }),
                     tolerance);

    // The policy is judged by the critics after their step, so its loss is checked on a copy that has taken
    // it: the update below computes the same, and its metrics and the weights after it are compared.
    const nn::TanhNormal::Sample now = agent.actor()(batch.obs).rsample(eps);
    check_close("u", now.u, tensor(u.at("u")), tolerance);
    check_close("action", now.action, tensor(u.at("action")), tolerance);
    Sac stepped(config_of(c), 3, 2, Rng(0), DType::f64);
    stepped.load(agent.named_weights(), agent.named_optimizer_state());
    load(stepped.critic(),
         as_critics({"q1", "q2"}, [&](auto k, auto n) { return tensor(u.at("after").at(k).at(n)); }));
    check_close("q_pi", stepped.critic()(batch.obs, now.action),
                stack({tensor(u.at("q1_pi")), tensor(u.at("q2_pi"))}, 0), tolerance);
    const auto [actor_loss, log_prob] = stepped.actor_loss(batch.obs, eps);
    check_close("log_prob", log_prob, tensor(u.at("log_prob")), tolerance);
    check_close("actor_loss", actor_loss, scalar(tests::number(u.at("actor_loss")), DType::f64), tolerance);
    check_parameters("gradient of actor", stepped.actor().named_parameters(),
                     grad(actor_loss, stepped.actor().parameters()), as_gaussian_actor(u.at("actor_grads")),
                     tolerance);
    const Tensor alpha_loss = stepped.alpha_loss(log_prob);
    check_close("alpha_loss", alpha_loss, scalar(tests::number(u.at("alpha_loss")), DType::f64), tolerance);
    check_close("log_alpha_grad", grad(alpha_loss, stepped.log_alpha()),
                scalar(tests::number(u.at("log_alpha_grad")), DType::f64), tolerance);

    // The whole update.
    const rl::Metrics metrics = agent.update(batch, {eps_next, eps});
    CHECK(metrics["critic_loss"] == Approx(tests::number(u.at("critic_loss"))).epsilon(tolerance));
    CHECK(metrics["actor_loss"] == Approx(tests::number(u.at("actor_loss"))).epsilon(tolerance));
    CHECK(metrics["alpha_loss"] == Approx(tests::number(u.at("alpha_loss"))).epsilon(tolerance));
    const auto& after = u.at("after");
    check_parameters("actor", agent.actor().named_parameters(), agent.actor().parameters(),
                     as_gaussian_actor(after.at("actor")), tolerance);
    check_parameters("critic", agent.critic().named_parameters(), agent.critic().parameters(),
                     as_critics({"q1", "q2"}, [&](auto k, auto n) { return tensor(after.at(k).at(n)); }),
                     tolerance);
    check_parameters(
        "target", agent.target().named_parameters(), agent.target().parameters(),
        as_critics({"q1", "q2"}, [&](auto k, auto n) { return tensor(after.at(k + "_target").at(n)); }),
        tolerance);
    check_close("log_alpha", agent.log_alpha(), scalar(tests::number(after.at("log_alpha")), DType::f64),
                tolerance);
  }
}

}  // namespace

TEST_CASE("whole SAC updates agree with the reference", "[sac]") {
  const nlohmann::json reference = tests::reference("sac_update.json");
  CHECK(reference.at("cases").size() >= 4);
  for (const auto& c : reference.at("cases")) run_case(c);
}

namespace {

rl::SacConfig small() {
  rl::SacConfig config;
  config.hidden = {16, 16};
  return config;
}

Batch random_batch(std::int64_t n, Rng& rng) {
  return {randn({n, 3}, rng), rand({n, 2}, rng, DType::f32, -1, 1), randn({n, 1}, rng), randn({n, 3}, rng),
          gt(rand({n, 1}, rng), 0.8)};
}

}  // namespace

TEST_CASE("termination cuts the bootstrap, and nothing else does", "[sac]") {
  Rng rng(2);
  const Sac agent(small(), 3, 2, Rng(1));
  Batch batch = random_batch(6, rng);
  const Tensor eps = randn({6, 2}, rng);
  batch.terminated = ones({6, 1});
  CHECK(agent.critic_target(batch, {eps, eps}).to_vector() == batch.reward.to_vector());
  batch.terminated = zeros({6, 1});
  CHECK(agent.critic_target(batch, {eps, eps}).to_vector() != batch.reward.to_vector());
}

TEST_CASE("evaluation takes tanh(mu), and acting in training draws", "[sac]") {
  const Sac agent(small(), 3, 2, Rng(5));
  const std::vector<double> obs = {0.1, -0.2, 0.3};
  std::vector<double> a(2), b(2);
  agent.act(obs, {}, rl::ActMode::exploit, a);
  agent.act(obs, {}, rl::ActMode::exploit, b);
  CHECK(a == b);
  agent.act(obs, std::vector{0.5, -1.0}, rl::ActMode::explore, a);
  CHECK(a != b);
  agent.act(obs, std::vector{0.0, 0.0}, rl::ActMode::explore, a);
  CHECK(a == b);
  std::vector<double> wrong(3);
  CHECK_THROWS_AS(agent.act(obs, {}, rl::ActMode::exploit, wrong), ShapeError);
  CHECK_THROWS_AS(agent.act(obs, wrong, rl::ActMode::explore, a), ShapeError);
  CHECK_THROWS_AS(agent.act(a, {}, rl::ActMode::exploit, a), ShapeError);
}

TEST_CASE("an update that is not finite is an error that names the losses", "[sac]") {
  Rng rng(9);
  Sac agent(small(), 3, 2, Rng(10));
  Batch batch = random_batch(8, rng);
  batch.reward.fill_(INFINITY);
  CHECK_THROWS_WITH(agent.update(batch, rng),
                    Catch::Contains("diverged") && Catch::Contains("critic_loss inf"));
}

TEST_CASE("options of the policy and the losses", "[sac]") {
  Rng rng(11);
  const Batch batch = random_batch(8, rng);
  rl::SacConfig config = small();
  config.log_std = rl::LogStd::tanh;
  Sac rescaled(config, 3, 2, Rng(12));
  CHECK_NOTHROW(rescaled.update(batch, rng));
  config = small();
  config.learn_alpha = false;
  config.initial_alpha = 0.2;
  Sac fixed(config, 3, 2, Rng(12));
  fixed.update(batch, rng);
  CHECK(fixed.alpha() == Approx(0.2));
  config = small();
  config.alpha_loss = rl::AlphaLoss::log_alpha;
  config.initial_alpha = 0.5;
  const Sac on_log(config, 3, 2, Rng(12));
  const Tensor log_prob = randn({8, 1}, rng);
  // d/d log alpha of -mean log alpha (log pi + H0): without the factor alpha that the paper's form has.
  const double expected = -(mean(log_prob).item() - 2);
  CHECK(grad(on_log.alpha_loss(log_prob), on_log.log_alpha()).item() == Approx(expected));
}
