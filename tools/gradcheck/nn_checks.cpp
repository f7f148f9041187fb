// Checks of layers, distributions, SAC's losses and Adam's step. Modules keep their parameters to themselves,
// so each is written here as a function of its weights; tests/sac.cpp and tests/nn.cpp compare the modules
// with these.

#include <cmath>

#include "autograd/ops.h"
#include "nn/distributions/bernoulli.h"
#include "nn/distributions/categorical.h"
#include "nn/distributions/tanh_normal.h"
#include "tools/gradcheck/suite.h"

namespace saccade::suite {

namespace {

constexpr DType kWide = DType::f64;

Tensor like(const Tensor& constant, const TensorList& x) { return to(constant, x[0].dtype()); }

}  // namespace

// Layers l1, l2, ..., each weight then bias, with a relu after all but the last.
Tensor mlp(Tensor x, const TensorList& weights, std::size_t first) {
  for (std::size_t i = first; i < weights.size(); i += 2) {
    x = linear(x, weights[i], weights[i + 1], i + 2 < weights.size() ? Activation::relu : Activation::none);
  }
  return x;
}

// sum_i mean (Q_i(s, a) - y)^2
Tensor critic_loss(const TensorList& weights, const Tensor& obs_action, const Tensor& y) {
  return sum(mean(square(mlp(obs_action, weights, 0) - y), {1, 2}));
}

// One step from the moments m and v: what kernels::adam computes, as a function of parameter and gradient.
Tensor adam_step(const Tensor& p, const Tensor& g, const Tensor& m, const Tensor& v, double lr, double t) {
  const double beta1 = 0.9, beta2 = 0.999, eps = 1e-8;
  const Tensor m_hat = (beta1 * m + (1 - beta1) * g) / (1 - std::pow(beta1, t));
  const Tensor v_hat = (beta2 * v + (1 - beta2) * square(g)) / (1 - std::pow(beta2, t));
  return p - lr * (m_hat / (sqrt(v_hat) + eps));
}

std::vector<Check> nn_checks() {
  Rng rng(11);
  const auto draw = [&](const Shape& shape, double size = 1) { return size * randn(shape, rng, kWide); };
  std::vector<Check> checks;
  const auto add = [&](const char* group, const char* name, const char* variant, const char* formula,
                       TensorFunction f, TensorList inputs, std::vector<std::string> names) {
    checks.push_back({group, name, variant, std::move(f), std::move(inputs), std::move(names), true, formula});
  };

  const Tensor x = draw({5, 3});
  add("nn", "Linear", "3 to 4, batch 5",
      "y = x w^T + b;  dx = g w,  dw = g^T x,  db = sum_rows g",
      [](const TensorList& in) { return TensorList{linear(in[0], in[1], in[2])}; },
      {x, draw({4, 3}), draw({4})}, {"x", "weight", "bias"});
  add("nn", "Linear", "ensemble of 2",
      "",
      [](const TensorList& in) { return TensorList{linear(in[0], in[1], in[2])}; },
      {x, draw({2, 4, 3}), draw({2, 4})}, {"x", "weight", "bias"});
  add("nn", "Mlp", "3-6-6-2, relu",
      "h_1 = relu(x w_1^T + b_1), ...,  y = h w^T + b;  by the chain rule", [](const TensorList& in) { return TensorList{mlp(in[0], in, 1)}; },
      {x, draw({6, 3}), draw({6}), draw({6, 6}, 0.5), draw({6}), draw({2, 6}), draw({2})},
      {"x", "l1.weight", "l1.bias", "l2.weight", "l2.bias", "l3.weight", "l3.bias"});
  add("nn", "layer_norm", "after a Linear",
      "n = (x - mean) / sqrt(var + eps),  y = w n + b;  the gradients are layer_norm's and Linear's",
      [](const TensorList& in) { return TensorList{layer_norm(linear(in[0], in[1]), in[2], in[3])}; },
      {x, draw({4, 3}), draw({4}), draw({4})}, {"x", "weight", "gain", "bias"});

  const Tensor mean_ = draw({3, 2}), log_std = rand({3, 2}, rng, kWide, -2, 1), eps = draw({3, 2});
  add("distributions", "Normal log_prob", "(3, 2)",
      "y = sum_i -z_i^2 / 2 - log s_i - log(2 pi) / 2,  z = (x - m) / s;  dm = g z / s,  dlog s = g (z^2 - 1)",
      [](const TensorList& in) { return TensorList{nn::Normal(in[1], in[2]).log_prob(in[0])}; },
      {draw({3, 2}), mean_, log_std}, {"x", "mean", "log_std"});
  add("distributions", "Normal rsample", "(3, 2)",
      "y = m + s eps;  dm = g,  dlog s = g s eps",
      [eps](const TensorList& in) { return TensorList{nn::Normal(in[0], in[1]).rsample(like(eps, in))}; },
      {mean_, log_std}, {"mean", "log_std"});
  add("distributions", "Normal entropy", "(3, 2)",
      "y = sum_i log s_i + (1 + log 2 pi) / 2;  dlog s_i = g",
      [](const TensorList& in) { return TensorList{nn::Normal(in[0], in[1]).entropy()}; }, {mean_, log_std},
      {"mean", "log_std"});
  add("distributions", "TanhNormal log_prob", "of an action alone",
      "y = log N(u; m, s) - sum_i log(1 - tanh(u_i)^2);  du = g (-z / s + 2 tanh u)",
      [](const TensorList& in) { return TensorList{nn::TanhNormal(in[1], in[2]).log_prob_of_action(in[0])}; },
      {rand({3, 2}, rng, kWide, -0.8, 0.8), mean_, log_std}, {"action", "mean", "log_std"});
  add("distributions", "TanhNormal log_prob", "1e-6 form",
      "",
      [](const TensorList& in) {
        return TensorList{nn::TanhNormal(in[1], in[2]).log_prob(in[0], nn::LogProbForm::eps1e6)};
      },
      {draw({3, 2}), mean_, log_std}, {"u", "mean", "log_std"});

  // From a stream of their own, so that the networks below stay clear of relu's corners.
  Rng own = rng.split("divergences");
  const TensorList two_normals = {mean_, log_std, randn({3, 2}, own, kWide), rand({3, 2}, own, kWide, -2, 1)};
  const std::vector<std::string> of_both = {"p.mean", "p.log_std", "q.mean", "q.log_std"};
  add(
      "distributions", "Normal KL", "(3, 2)",
      "y = sum_i log(s_q / s_p) + (s_p^2 + (m_p - m_q)^2) / (2 s_q^2) - 1/2",
      [](const TensorList& in) {
        return TensorList{kl_divergence(nn::Normal(in[0], in[1]), nn::Normal(in[2], in[3]))};
      },
      two_normals, of_both);
  add(
      "distributions", "TanhNormal KL", "(3, 2)",
      "y = KL of the Normals behind: tanh's Jacobians cancel",
      [](const TensorList& in) {
        return TensorList{kl_divergence(nn::TanhNormal(in[0], in[1]), nn::TanhNormal(in[2], in[3]))};
      },
      two_normals, of_both);
  const Tensor logits = 2 * randn({3, 4}, own, kWide), others = 2 * randn({3, 4}, own, kWide);
  const Tensor index = from_values({2, 0, 3}, {3}), coins = slice(eye(4), 0, 0, 3);
  add("distributions", "Categorical log_prob", "(3, 4)",
      "y = log softmax(x)[k];  dx = g (onehot(k) - softmax x)",
      [index](const TensorList& in) { return TensorList{nn::Categorical(in[0]).log_prob(index)}; }, {logits},
      {"logits"});
  add("distributions", "Categorical entropy", "(3, 4)",
      "y = -sum_i p_i log p_i;  dx_i = -g p_i (log p_i + y)",
      [](const TensorList& in) { return TensorList{nn::Categorical(in[0]).entropy()}; }, {logits},
      {"logits"});
  add("distributions", "Categorical KL", "(3, 4)",
      "y = sum_i p_i (log p_i - log q_i);  dx_q = g (q - p)",
      [](const TensorList& in) {
        return TensorList{kl_divergence(nn::Categorical(in[0]), nn::Categorical(in[1]))};
      },
      {logits, others}, {"p.logits", "q.logits"});
  add("distributions", "Bernoulli log_prob", "(3, 4)",
      "y = sum_i t_i x_i - softplus(x_i);  dx_i = g (t_i - sigmoid(x_i))",
      [coins](const TensorList& in) { return TensorList{nn::Bernoulli(in[0]).log_prob(coins)}; }, {logits},
      {"logits"});
  add("distributions", "Bernoulli entropy", "(3, 4)",
      "y = sum_i softplus(x_i) - p_i x_i;  dx_i = -g x_i p_i (1 - p_i)",
      [](const TensorList& in) { return TensorList{nn::Bernoulli(in[0]).entropy()}; }, {logits}, {"logits"});
  add("distributions", "Bernoulli KL", "(3, 4)",
      "y = sum_i p_i (x_p - x_q) - softplus(x_p) + softplus(x_q);  dx_q = g (q - p)",
      [](const TensorList& in) {
        return TensorList{kl_divergence(nn::Bernoulli(in[0]), nn::Bernoulli(in[1]))};
      },
      {logits, others}, {"p.logits", "q.logits"});

  // SAC's losses on a batch of 5: observations of 3, actions of 2. Their points have no relu near its corner.
  rng = Rng(13);
  const Tensor obs = draw({5, 3}), noise = draw({5, 2}), y = draw({5, 1}), obs_action = draw({5, 5});
  const TensorList critic = {draw({2, 6, 5}, 0.5), draw({2, 6}, 0.3), draw({2, 6, 6}, 0.4),
                             draw({2, 6}, 0.2),    draw({2, 1, 6}),   draw({2, 1})};
  const std::vector<std::string> layers = {"l1.weight", "l1.bias",   "l2.weight",
                                           "l2.bias",   "l3.weight", "l3.bias"};
  add(
      "SAC losses", "critic loss", "two critics 5-6-6-1, batch 5",
      "J = mean (Q_1 - y)^2 + mean (Q_2 - y)^2;  dQ_i = 2 g (Q_i - y) / n",
      [obs_action, y](const TensorList& w) {
        return TensorList{critic_loss(w, like(obs_action, w), like(y, w))};
      },
      critic, layers);
  const TensorList actor = {draw({6, 3}, 0.6), draw({6}, 0.3),    draw({6, 6}, 0.4),
                            draw({6}, 0.2),    draw({4, 6}, 0.3), draw({4}, 0.3)};
  add("SAC losses", "actor loss", "policy 3-6-6-2, through both critics",
      "J = mean (alpha log pi(a) - min(Q_1, Q_2)(s, a)),  a = tanh(m + s eps)",
      [obs, noise, critic](const TensorList& w) {
        TensorList frozen;
        for (const Tensor& t : critic) frozen.push_back(like(t, w));
        const TensorList halves = chunk(mlp(like(obs, w), w, 0), 2, -1);
        const nn::TanhNormal pi(halves[0], clamp(halves[1], -20, 2));
        const nn::TanhNormal::Sample now = pi.rsample(like(noise, w));
        const Tensor q = mlp(cat({like(obs, w), now.action}, -1), frozen, 0);
        return TensorList{mean(0.2 * pi.log_prob(now) - amin(q, {0}))};
      },
      actor, {"l1.weight", "l1.bias", "l2.weight", "l2.bias", "head.weight", "head.bias"});
  const Tensor log_prob = draw({5, 1});
  add("SAC losses", "temperature loss", "through alpha",
      "J = -mean alpha (log pi + H_0);  dlog alpha = g J",
      [log_prob](const TensorList& in) { return TensorList{-mean(exp(in[0]) * (like(log_prob, in) - 2))}; },
      {scalar(-0.7, kWide)}, {"log_alpha"});
  add("SAC losses", "temperature loss", "on log alpha",
      "",
      [log_prob](const TensorList& in) { return TensorList{-mean(in[0] * (like(log_prob, in) - 2))}; },
      {scalar(-0.7, kWide)}, {"log_alpha"});

  const Tensor m = draw({6}, 0.1), v = rand({6}, rng, kWide, 0.01, 0.1);
  add("optimisers", "Adam step", "the parameters after it",
      "p' = p - lr m^ / (sqrt(v^) + eps),  m^ = (b1 m + (1 - b1) grad) / (1 - b1^t),  v^ = (b2 v + (1 - b2) grad^2) / (1 - b2^t)",
      [m, v](const TensorList& in) {
        return TensorList{adam_step(in[0], in[1], like(m, in), like(v, in), 1e-2, 3)};
      },
      {draw({6}), draw({6})}, {"parameter", "gradient"});
  add("optimisers", "Polyak step", "the targets after it",
      "t' = t + tau (p - t);  dt = (1 - tau) g,  dp = tau g",
      [](const TensorList& in) { return TensorList{in[0] + 0.005 * (in[1] - in[0])}; },
      {draw({6}), draw({6})}, {"target", "online"});
  return checks;
}

}  // namespace saccade::suite
