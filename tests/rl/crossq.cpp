// CrossQ against whole updates computed elsewhere (crossq_update.json): every loss, gradient, weight and
// running statistic.
#include "rl/algorithms/crossq.h"

#include <cmath>
#include <string>

#include "autograd/grad.h"
#include "tests/support/catch.h"
#include "tests/support/parity.h"
#include "tests/support/reference_data.h"

using namespace saccade;
using namespace saccade::tests;
using rl::Batch;
using rl::CrossQ;
using Json = nlohmann::json;

namespace {

// Both sides compute in doubles and agree to rounding, which Adam's division by sqrt(v) amplifies a little.
constexpr double kTolerance = 1e-10;

const std::vector<std::string> kLayers = {"bn0", "l1", "bn1", "l2", "bn2", "l3"};

std::map<std::string, Tensor> critics_in(const Json& where) {
  return as_critics(
      {"q1", "q2"}, [&](auto q, auto name) { return tensor(where.at(q).at(name)); }, kLayers, "");
}

// The reference keeps the two heads apart; ours are one layer, l3.
std::map<std::string, Tensor> as_actor(const Json& w) {
  std::map<std::string, Tensor> ours;
  for (const char* part : {".weight", ".bias"}) {
    for (const char* layer : {"bn0", "l1", "bn1", "l2", "bn2"}) {
      ours[std::string(layer) + part] = tensor(w.at(std::string(layer) + part));
    }
    ours[std::string("l3") + part] =
        cat({tensor(w.at(std::string("mean") + part)), tensor(w.at(std::string("log_std") + part))}, 0);
  }
  return ours;
}

const char* const kNorms[] = {"bn0", "bn1", "bn2"};

// Each of our running statistics beside the reference's.
template <class F>
void with_statistics(CrossQ& agent, const Json& where, const F& f) {
  const auto of = [&](const nn::NamedTensors& state, const std::string& name) {
    for (const auto& [key, value] : state)
      if (key == name) return value;
    throw std::logic_error(name);
  };
  const nn::NamedTensors actor = agent.actor().named_state(), critic = agent.critic().named_state();
  for (const std::string norm : kNorms) {
    const Json& a = where.at("actor_stats").at(norm);
    const Json &q1 = where.at("q1_stats").at(norm), &q2 = where.at("q2_stats").at(norm);
    for (const auto& [ours, theirs] : {std::pair{"mean", "mean"}, std::pair{"variance", "var"}}) {
      f(of(actor, norm + "." + ours), unsqueeze(tensor(a.at(theirs)), 0));
      f(of(critic, norm + "." + ours),
        unsqueeze(stack({tensor(q1.at(theirs)), tensor(q2.at(theirs))}, 0), 1));
    }
    f(of(actor, norm + ".passes"), scalar(number(a.at("steps")), DType::f64));
    f(of(critic, norm + ".passes"), scalar(number(q1.at("steps")), DType::f64));
  }
}

void check_update(CrossQ& agent, const rl::CrossQConfig& config, const Json& c, const Json& u) {
  const Batch batch = batch_of(c.at("batches").at(u.at("batch_index").get<std::size_t>()));
  const bool updates_actor = u.at("actor_updated");
  const Tensor eps_next = tensor(u.at("eps_next"));
  const Tensor eps = updates_actor ? tensor(u.at("eps_cur")) : zeros(eps_next.shape(), DType::f64);
  const auto as_scalar = [&](const char* name) { return scalar(number(u.at(name)), DType::f64); };
  CHECK(agent.alpha() == Approx(number(u.at("alpha_used"))).epsilon(kTolerance));

  check_close("next_action", agent.policy(batch.next_obs).rsample(eps_next).action,
              tensor(u.at("next_action")), kTolerance);
  const CrossQ::CriticLoss critic = agent.critic_loss(batch, eps_next);
  check_close("y", critic.y, tensor(u.at("y")), kTolerance);
  check_close("q", critic.q, stacked(u, {"q1", "q2"}), kTolerance);
  check_close("critic_loss", critic.loss, as_scalar("critic_loss"), kTolerance);
  check_parameters(
      "gradient of critic", agent.critic().named_parameters(), grad(critic.loss, agent.critic().parameters()),
      as_critics(
          {"q1", "q2"}, [&](auto k, auto n) { return tensor(u.at("critic_grads").at(k + "." + n)); }, kLayers,
          ""),
      kTolerance);

  const Json& after = u.at("after");
  if (updates_actor) {
    // The policy is judged by the critics after their step: a copy that has taken it.
    CrossQ stepped(config, 3, 2, Rng(0), DType::f64);
    stepped.load(agent.named_weights(), agent.named_optimizer_state());
    load(stepped.critic(), critics_in(after));
    stepped.critic().follow(critic.seen);
    const CrossQ::ActorLoss actor = stepped.actor_loss(batch.obs, eps);
    check_close("log_prob", actor.log_prob, tensor(u.at("log_prob")), kTolerance);
    check_close("actor_loss", actor.loss, as_scalar("actor_loss"), kTolerance);
    check_parameters("gradient of actor", stepped.actor().named_parameters(),
                     grad(actor.loss, stepped.actor().parameters()), as_actor(u.at("actor_grads")),
                     kTolerance);
    const Tensor alpha_loss = stepped.alpha_loss(actor.log_prob);
    check_close("alpha_loss", alpha_loss, as_scalar("alpha_loss"), kTolerance);
    check_close("log_alpha_grad", grad(alpha_loss, stepped.log_alpha()), as_scalar("log_alpha_grad"),
                kTolerance);
  }

  const rl::Metrics metrics = agent.update(batch, eps_next, eps);
  CHECK(metrics["critic_loss"] == Approx(number(u.at("critic_loss"))).epsilon(kTolerance));
  for (const char* name : {"actor_loss", "alpha_loss"}) {
    const auto* metric = std::find_if(metrics.begin(), metrics.end(),
                                      [&](const rl::Metric& m) { return std::string(m.name) == name; });
    REQUIRE(metric != metrics.end());
    CHECK(metric->value.has_value() == updates_actor);
    if (updates_actor)
      CHECK(*metric->value == Approx(number(u.at(name))).epsilon(kTolerance).margin(kTolerance));
  }
  check_module("actor", agent.actor(), as_actor(after.at("actor")), kTolerance);
  check_module("critic", agent.critic(), critics_in(after), kTolerance);
  check_close("log_alpha", agent.log_alpha(), scalar(number(after.at("log_alpha")), DType::f64), kTolerance);
  with_statistics(agent, after, [](const Tensor& ours, const Tensor& theirs) {
    check_close("statistics", ours, theirs, kTolerance);
  });
}

}  // namespace

TEST_CASE("whole CrossQ updates agree with the reference", "[crossq]") {
  const Json reference = tests::reference("crossq_update.json");
  CHECK(reference.at("cases").size() >= 3);
  for (const Json& c : reference.at("cases")) {
    INFO("case " << c.at("name"));
    rl::CrossQConfig config;
    config.hidden = {8, 8};
    config.critic_widening = 1;
    config.gamma = c.at("gamma");
    config.actor_lr = config.critic_lr = config.alpha_lr = c.at("lr");
    config.policy_delay = c.at("policy_delay");
    config.target_entropy = c.at("target_entropy").get<double>();
    config.initial_alpha = std::exp(number(c.at("initial").at("log_alpha")));
    config.norm_momentum = c.at("renorm_momentum");
    config.norm_eps = c.at("renorm_eps");
    config.renorm_after = c.at("renorm_warmup_steps");
    CrossQ agent(config, 3, 2, Rng(0), DType::f64);
    const Json& initial = c.at("initial");
    load(agent.actor(), as_actor(initial.at("actor")));
    load(agent.critic(), critics_in(initial));
    with_statistics(agent, initial, [](const Tensor& ours, const Tensor& theirs) { ours.copy_(theirs); });
    if (c.at("updates")[0].at("update") == 1) {
      for (const Json& u : c.at("updates")) check_update(agent, config, c, u);
      continue;
    }
    // One that starts in the midst of a run, with fresh optimisers: whether the policy's turn has come is
    // given.
    for (const Json& u : c.at("updates")) {
      config.policy_delay = u.at("actor_updated") ? 1 : 1000;
      CrossQ now(config, 3, 2, Rng(0), DType::f64);
      now.load(agent.named_weights(), agent.named_optimizer_state());
      check_update(now, config, c, u);
      agent.load(now.named_weights(), now.named_optimizer_state());
    }
  }
}
