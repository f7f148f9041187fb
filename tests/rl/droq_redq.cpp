// DroQ and REDQ, which are settings of SAC, against whole updates computed elsewhere (droq_redq_update.json):
// every loss, gradient and weight, with the dropout masks and the subsets of critics given.
#include <cmath>
#include <set>
#include <string>

#include "autograd/grad.h"
#include "base/error.h"
#include "rl/algorithms/sac.h"
#include "rl/runs/config.h"
#include "tests/support/catch.h"
#include "tests/support/parity.h"
#include "tests/support/reference_data.h"

using namespace saccade;
using namespace saccade::tests;
using rl::Batch;
using rl::Sac;
using Json = nlohmann::json;

namespace {

// Both sides compute in doubles and agree to rounding, which Adam's division by sqrt(v) amplifies a little.
constexpr double kTolerance = 1e-11;

struct Case {
  const Json& c;
  std::vector<std::string> critics{}, layers{};
  rl::SacConfig config{};
};

Case read(const Json& c) {
  Case it{c};
  const bool droq = c.at("kind") == "droq";
  for (int i = 1; i <= c.at("n_critics").get<int>(); ++i) it.critics.push_back("q" + std::to_string(i));
  it.layers = droq ? std::vector<std::string>{"l1", "n1", "l2", "n2", "l3"}
                   : std::vector<std::string>{"l1", "l2", "l3"};
  // The algorithm's own defaults, so that what `--algo droq` means is checked.
  it.config = rl::Config(droq ? "droq" : "redq").own<rl::SacConfig>();
  it.config.hidden = {8, 8};
  it.config.gamma = c.at("gamma");
  it.config.tau = c.at("tau");
  it.config.actor_lr = it.config.critic_lr = it.config.alpha_lr = c.at("lr");
  it.config.target_entropy = c.at("target_entropy").get<double>();
  it.config.initial_alpha = std::exp(number(c.at("initial").at("log_alpha")));
  it.config.critics = c.at("n_critics");
  it.config.policy_delay = c.at("utd");
  if (droq) it.config.dropout = c.at("dropout_p");
  return it;
}

std::map<std::string, Tensor> critics_in(const Case& it, const Json& where, const std::string& suffix = "") {
  return as_critics(
      it.critics, [&](auto q, auto name) { return tensor(where.at(q + suffix).at(name)); }, it.layers);
}

// Recorded as [critic, layer, row, unit] of 0 and 1; ours are one a layer, scaled.
TensorList masks(const Case& it, const Json& where, const char* name) {
  if (!where.contains(name)) return {};
  const Tensor all = tensor(where.at(name)) / (1 - it.config.dropout);
  return {select(all, 1, 0), select(all, 1, 1)};
}

Tensor columns(const Json& json) { return unsqueeze(transpose(tensor(json)), 2); }  // [B, M] to (M, B, 1)

void check_update(const Case& it, Sac& agent, const Json& u) {
  const auto as_scalar = [](const Json& json) { return scalar(number(json), DType::f64); };
  const Json& steps = u.at("critic_steps");
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const Json& s = steps[i];
    const bool last = i + 1 == steps.size();
    const Batch batch = batch_of(it.c.at("batches").at(s.at("batch_index").get<std::size_t>()));
    Sac::Draws draws = {.eps_next = tensor(s.at("eps_next")), .eps = tensor(u.at("eps_cur"))};
    std::vector<double> subset;
    for (const Json& k : s.at("subset")) subset.push_back(k.get<double>());
    draws.subset = from_values(subset, {static_cast<std::int64_t>(subset.size())}, DType::f64);
    draws.target_masks = masks(it, s, "masks_target");
    draws.masks = masks(it, s, "masks_current");
    draws.policy_masks = masks(it, u, "masks_policy");

    const Tensor next = agent.actor()(batch.next_obs).rsample(draws.eps_next).action;
    check_close("target_q", agent.target()(batch.next_obs, next, draws.target_masks),
                columns(s.at("target_q")), kTolerance);
    const Tensor y = agent.critic_target(batch, draws);
    check_close("y", y, tensor(s.at("y")), kTolerance);
    const auto [loss, q] = agent.critic_loss(batch, y, draws.masks);
    check_close("q", q, columns(s.at("q")), kTolerance);
    check_close("critic_loss", loss, as_scalar(s.at("critic_loss")), kTolerance);
    check_parameters(
        "gradient of critic", agent.critic().named_parameters(), grad(loss, agent.critic().parameters()),
        as_critics(
            it.critics, [&](auto k, auto n) { return tensor(s.at("critic_grads").at(k + "." + n)); },
            it.layers),
        kTolerance);
    if (last) {
      // The policy is judged by the critics after their step: a copy that has taken it.
      Sac stepped(it.config, 3, 2, Rng(0), DType::f64);
      stepped.load(agent.named_weights(), agent.named_optimizer_state());
      load(stepped.critic(), critics_in(it, u.at("after")));
      const auto [actor_loss, log_prob] = stepped.actor_loss(batch.obs, draws.eps, draws.policy_masks);
      check_close("log_prob", log_prob, tensor(u.at("log_prob")), kTolerance);
      check_close("actor_loss", actor_loss, as_scalar(u.at("actor_loss")), kTolerance);
      check_parameters("gradient of actor", stepped.actor().named_parameters(),
                       grad(actor_loss, stepped.actor().parameters()), as_gaussian_actor(u.at("actor_grads")),
                       kTolerance);
      check_close("alpha_loss", stepped.alpha_loss(log_prob), as_scalar(u.at("alpha_loss")), kTolerance);
    }
    const rl::Metrics metrics = agent.update(batch, draws);
    CHECK(metrics["critic_loss"] == Approx(number(s.at("critic_loss"))).epsilon(kTolerance));
    CHECK(metrics.begin()[1].value.has_value() == last);
  }
  const Json& after = u.at("after");
  check_module("actor", agent.actor(), as_gaussian_actor(after.at("actor")), kTolerance);
  check_module("critic", agent.critic(), critics_in(it, after), kTolerance);
  check_module("target", agent.target(), critics_in(it, after, "_target"), kTolerance);
  check_close("log_alpha", agent.log_alpha(), as_scalar(after.at("log_alpha")), kTolerance);
}

}  // namespace

TEST_CASE("whole DroQ and REDQ updates agree with the reference", "[sac]") {
  const Json reference = tests::reference("droq_redq_update.json");
  CHECK(reference.at("cases").size() >= 3);
  for (const Json& c : reference.at("cases")) {
    INFO("case " << c.at("name"));
    const Case it = read(c);
    Sac agent(it.config, 3, 2, Rng(0), DType::f64);
    const Json& initial = c.at("initial");
    load(agent.actor(), as_gaussian_actor(initial.at("actor")));
    load(agent.critic(), critics_in(it, initial));
    load(agent.target(), critics_in(it, initial, "_target"));
    for (const Json& u : c.at("updates")) check_update(it, agent, u);
  }
}

TEST_CASE("a subset of critics is of different ones, any of them, and no larger than all", "[sac]") {
  Rng rng(1);
  std::set<std::pair<double, double>> seen;
  for (int i = 0; i < 400; ++i) {
    const std::vector<double> two = to(rl::draw_subset(2, 4, rng), DType::f64).to_vector();
    REQUIRE(two.size() == 2);
    CHECK(two[0] != two[1]);
    seen.insert({two[0], two[1]});
  }
  CHECK(seen.size() == 12);
  rl::SacConfig config;
  config.target_critics = 3;
  CHECK_THROWS_WITH(Sac(config, 3, 2, Rng(0)),
                    Catch::Contains("target_critics is 3, expected at most critics, 2"));
  config.target_critics = 2;
  CHECK_NOTHROW(Sac(config, 3, 2, Rng(0)));
}

TEST_CASE("dropout leaves out its share, and keeps the mean", "[sac]") {
  rl::SacConfig config;
  config.hidden = {200, 100};
  config.dropout = 0.25;
  Sac agent(config, 3, 2, Rng(0));
  Rng rng(1);
  const TensorList masks = agent.critic().draw_masks(50, rng);
  REQUIRE(masks.size() == 2);
  CHECK(masks[0].shape() == Shape{2, 50, 200});
  CHECK(masks[1].shape() == Shape{2, 50, 100});
  CHECK(mean(eq(masks[0], zeros(masks[0].shape()))).item() == Approx(0.25).epsilon(0.05));
  CHECK(mean(masks[0]).item() == Approx(1).epsilon(0.02));
  config.dropout = 0;
  CHECK(Sac(config, 3, 2, Rng(0)).critic().draw_masks(50, rng).empty());
}
