#include "tools/explain/builtin.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "autograd/grad.h"
#include "autograd/ops.h"
#include "base/error.h"
#include "base/text.h"
#include "nn/distributions/tanh_normal.h"
#include "nn/mlp.h"
#include "rl/algorithms/sac.h"
#include "rl/algorithms/td3.h"
#include "tools/explain/expression.h"

namespace saccade::study {

namespace {

// Observations of 3, actions of 1.
constexpr std::int64_t kObs = 3, kAction = 1;

Tensor leaf(std::initializer_list<double> values, const Shape& shape) {
  return from_values(values, shape, DType::f64).requires_grad_();
}

// "critic/q/l1/weight"
void add_parameters(std::vector<Named>& to, const std::string& prefix, const nn::Module& module) {
  for (const nn::NamedTensor& parameter : module.named_parameters()) {
    std::string name = prefix.empty() ? parameter.name : prefix + "/" + parameter.name;
    std::replace(name.begin(), name.end(), '.', '/');
    to.push_back({name, parameter.tensor});
  }
}

void expression(Subject& s, const Sizes&) {
  const Tensor x = leaf({0.5}, {}), w = leaf({-1.2}, {});
  s.f = [=] { return tanh(x * w) + x; };
  s.wrt = {{"x", x}, {"w", w}};
}

void mlp(Subject& s, const Sizes& sizes) {
  Rng rng(1);
  const auto net = std::make_shared<nn::Mlp>(std::vector<std::int64_t>{kObs, sizes.hidden, sizes.hidden, 1},
                                             rng, nn::MlpOptions{.hidden = Activation::tanh}, DType::f64);
  const Tensor x = randn({sizes.batch, kObs}, rng, DType::f64), y = randn({sizes.batch, 1}, rng, DType::f64);
  s.f = [=] { return mse_loss((*net)(x), y); };
  add_parameters(s.wrt, "", *net);
  s.names = {{"x", x}, {"y", y}};
}

void cross_entropy_loss(Subject& s, const Sizes& sizes) {
  Rng rng(2);
  const Tensor logits = randn({sizes.batch, 3}, rng, DType::f64).requires_grad_();
  const Tensor target = empty({sizes.batch}, DType::i64);
  for (std::int64_t i = 0; i < sizes.batch; ++i) target.mutable_data<std::int64_t>()[i] = (2 * i + 1) % 3;
  s.f = [=] { return cross_entropy(logits, target); };
  s.wrt = {{"logits", logits}};
}

void log_prob(Subject& s, const Sizes& sizes) {
  Rng rng(3);
  const Tensor mean = randn({sizes.batch, 1}, rng, DType::f64).requires_grad_();
  const Tensor log_std = rand({sizes.batch, 1}, rng, DType::f64, -1, 0.5).requires_grad_();
  const Tensor eps = randn({sizes.batch, 1}, rng, DType::f64);
  s.f = [=] {
    const nn::TanhNormal pi(mean, log_std);
    return saccade::mean(pi.log_prob(pi.rsample(eps)));
  };
  s.wrt = {{"mean", mean}, {"log_std", log_std}};
  s.names = {{"eps", eps}};
}

// What an update is made from, and the agent that makes it.
template <class Agent>
struct Update {
  std::shared_ptr<Agent> agent;
  rl::Batch batch;
  Tensor eps, eps_next;

  template <class Config>
  Update(Config config, const Sizes& sizes) {
    Rng rng(4);
    config.hidden = {sizes.hidden, sizes.hidden};
    agent = std::make_shared<Agent>(config, kObs, kAction, rng, DType::f64);
    const std::int64_t n = sizes.batch;
    batch = {randn({n, kObs}, rng, DType::f64), rand({n, kAction}, rng, DType::f64, -1, 1),
             randn({n, 1}, rng, DType::f64), randn({n, kObs}, rng, DType::f64), zeros({n, 1}, DType::f64)};
    eps = randn({n, kAction}, rng, DType::f64);
    eps_next = randn({n, kAction}, rng, DType::f64);
  }
};

Update<rl::Sac> sac_update(const Sizes& sizes) { return {rl::SacConfig{.initial_alpha = 0.2}, sizes}; }
Update<rl::Td3> td3_update(const Sizes& sizes) { return {rl::Td3Config{}, sizes}; }

void sac_critic(Subject& s, const Sizes& sizes) {
  const auto u = sac_update(sizes);
  const Tensor y = u.agent->critic_target(u.batch, {.eps_next = u.eps_next, .eps = u.eps});
  s.f = [=] { return u.agent->critic_loss(u.batch, y).loss; };
  add_parameters(s.wrt, "critic", u.agent->critic());
  s.names = {{"y", y}};
}

void sac_actor(Subject& s, const Sizes& sizes) {
  const auto u = sac_update(sizes);
  s.f = [=] { return u.agent->actor_loss(u.batch.obs, u.eps).loss; };
  add_parameters(s.wrt, "actor", u.agent->actor());
  add_parameters(s.names, "critic", u.agent->critic());
  s.names.push_back({"eps", u.eps});
  s.names.push_back({"obs", u.batch.obs});
}

void sac_temperature(Subject& s, const Sizes& sizes) {
  const auto u = sac_update(sizes);
  Tensor now;
  {
    const NoGrad no_grad;
    now = u.agent->actor_loss(u.batch.obs, u.eps).log_prob;
  }
  s.f = [=] { return u.agent->alpha_loss(now); };
  s.wrt = {{"log_alpha", u.agent->log_alpha()}};
}

void td3_critic(Subject& s, const Sizes& sizes) {
  const auto u = td3_update(sizes);
  const Tensor y = u.agent->critic_target(u.batch, u.eps_next);
  s.f = [=] { return u.agent->critic_loss(u.batch, y).loss; };
  add_parameters(s.wrt, "critic", u.agent->critic());
  s.names = {{"y", y}};
}

void td3_actor(Subject& s, const Sizes& sizes) {
  const auto u = td3_update(sizes);
  s.f = [=] { return u.agent->actor_loss(u.batch.obs); };
  add_parameters(s.wrt, "actor", u.agent->actor());
  add_parameters(s.names, "critic", u.agent->critic());
  s.names.push_back({"obs", u.batch.obs});
}

// create_graph: the first backward pass puts itself on the tape, and the second goes through it.
void second_derivative(Subject& s, const Sizes&) {
  const Tensor x = leaf({0.5}, {}), w = leaf({-1.2}, {});
  s.f = [=] { return square(grad(tanh(x * w), x, {.create_graph = true})); };
  s.wrt = {{"x", x}, {"w", w}};
}

}  // namespace

const std::vector<Builtin>& builtins() {
  static const std::vector<Builtin> all = {
      {"expression", "Two variables", "y = tanh(x w) + x", expression},
      {"mlp", "A network's mean squared error", "J = mean (net(x) - y)^2, tanh in two hidden layers", mlp},
      {"cross-entropy", "Softmax cross-entropy", "J = -mean log softmax(logits)[target]", cross_entropy_loss},
      {"log-prob", "SAC's log-probability, a tanh-squashed Gaussian's",
       "log pi(a) = log N(u; m, s) - 2 (log 2 - u - softplus(-2 u)), u = m + s eps", log_prob},
      {"sac-critic", "SAC's critic loss", "J = sum_i mean (Q_i(s, a) - y)^2", sac_critic},
      {"sac-actor", "SAC's actor loss",
       "J = mean (alpha log pi(a | s) - min_i Q_i(s, a)), a = tanh(m + s eps)", sac_actor},
      {"sac-temperature", "SAC's temperature loss", "J = -mean alpha (log pi(a | s) + H0), in log alpha",
       sac_temperature},
      {"td3-critic", "TD3's critic loss", "J = sum_i mean (Q_i(s, a) - y)^2", td3_critic},
      {"td3-actor", "TD3's actor loss", "J = -mean Q_1(s, mu(s))", td3_actor},
      {"second-derivative", "A gradient of a gradient", "y = (d tanh(x w) / d x)^2", second_derivative},
  };
  return all;
}

Subject make_builtin(const std::string& name, const Sizes& sizes) {
  std::vector<std::string> names;
  for (const Builtin& builtin : builtins()) {
    names.emplace_back(builtin.name);
    if (name != builtin.name) continue;
    Subject subject{builtin.name, builtin.title, builtin.formula, {}, {}, {}};
    builtin.make(subject, sizes);
    return subject;
  }
  const std::string near = nearest(name, names);
  throw ConfigError(
      fmt::format("there is no graph '{}'; {}", name,
                  near.empty() ? "there are " + listed(names) : fmt::format("did you mean '{}'?", near)));
}

Subject make_expression(const std::string& text, const std::vector<std::string>& assignments) {
  const Expression expression(text);
  std::map<std::string, Tensor> values;
  Subject subject{"", text, "y = " + text, {}, {}, {}};
  for (const std::string& assignment : assignments) {
    const std::size_t equals = assignment.find('=');
    if (equals == 0 || equals == std::string::npos)
      throw ConfigError(fmt::format("'{}' gives no value; expected NAME=VALUE, such as x=0.5", assignment));
    const std::string name = assignment.substr(0, equals);
    const auto& used = expression.names();
    if (std::find(used.begin(), used.end(), name) == used.end()) {
      const std::string near = nearest(name, used);
      throw ConfigError(fmt::format("'{}' is not in the expression; {}", name,
                                    used.empty()   ? "it has no names"
                                    : near.empty() ? "it has " + listed(used)
                                                   : fmt::format("did you mean '{}'?", near)));
    }
    const auto [place, is_new] = values.try_emplace(name, parse_value(name, assignment.substr(equals + 1)));
    if (!is_new) throw ConfigError(fmt::format("'{}' is given two values", name));
    subject.wrt.push_back({name, place->second.requires_grad_()});
  }
  subject.f = [expression, values] {
    const Tensor y = expression(values);
    return y.numel() == 1 ? y : sum(y);
  };
  Tensor y;
  {
    const NoGrad no_grad;
    y = expression(values);
  }
  if (y.numel() == 0) throw ConfigError("the expression's result has no elements");
  if (subject.wrt.empty() || !subject.f().requires_grad()) {
    throw ConfigError(
        "the expression depends on no name that has a value, so there is nothing to differentiate; give one, "
        "as in "
        "'tanh(x)' x=0.5");
  }
  if (y.numel() > 1) {
    subject.formula = "sum of " + text;
    subject.title = fmt::format("{}, its {} elements added", text, y.numel());
  }
  return subject;
}

}  // namespace saccade::study
