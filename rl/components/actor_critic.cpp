#include "rl/components/actor_critic.h"

#include <numeric>
#include <utility>

#include "autograd/modes.h"
#include "autograd/ops.h"
#include "autograd/pool.h"
#include "nn/dropout.h"
#include "rl/components/rows.h"

namespace saccade::rl {

namespace {

std::vector<std::int64_t> sizes(std::int64_t in, std::vector<std::int64_t> hidden) {
  hidden.insert(hidden.begin(), in);
  return hidden;
}

std::vector<std::int64_t> sizes(std::int64_t in, std::vector<std::int64_t> hidden, std::int64_t out) {
  hidden.push_back(out);
  return sizes(in, std::move(hidden));
}

}  // namespace

GaussianActor::GaussianActor(std::int64_t obs_dim, std::int64_t action_dim,
                             const std::vector<std::int64_t>& hidden, LogStd log_std, Rng& rng, DType dtype,
                             double gsde_log_std)
    : body_(sizes(obs_dim, hidden), rng, {.output = Activation::relu}, dtype),
      head_(hidden.back(), log_std == LogStd::gsde ? action_dim : 2 * action_dim, rng, {}, dtype),
      log_std_(log_std),
      width_(hidden.back()),
      action_dim_(action_dim) {
  register_module("body", body_);
  register_module("head", head_);
  if (log_std == LogStd::gsde)
    log_sigma_ = register_parameter("log_sigma", full({width_, action_dim}, gsde_log_std, dtype));
}

nn::TanhNormal GaussianActor::operator()(const Tensor& obs) const {
  const Scope scope("actor");
  const Tensor h = body_(obs), out = head_(h);
  if (log_std_ == LogStd::gsde) {
    // Where all features are 0, the variance is, too; its logarithm needs a little more.
    return {out, 0.5 * log(matmul(square(h), exp(2 * log_sigma_)) + 1e-6)};
  }
  const Tensor mean = slice(out, -1, 0, action_dim_), x = slice(out, -1, action_dim_, 2 * action_dim_);
  return {mean, log_std_ == LogStd::clamp ? clamp(x, -20, 2) : -5 + 3.5 * (tanh(x) + 1)};
}

std::int64_t GaussianActor::noise_size() const {
  return log_std_ == LogStd::gsde ? width_ * action_dim_ : action_dim_;
}

Tensor GaussianActor::explore(const Tensor& obs, const Tensor& noise) const {
  if (log_std_ != LogStd::gsde) return (*this)(obs).rsample(noise).action;
  const Tensor h = body_(obs), z = reshape(noise, {obs.size(0), width_, action_dim_});
  return tanh(head_(h) + sum(unsqueeze(h, 2) * (exp(log_sigma_) * z), {1}));
}

void act_by(const nn::TanhNormal& pi, std::span<const double> noise, ActMode mode, std::span<double> action) {
  if (mode == ActMode::exploit) return copy_rows("actions", pi.mode(), action);
  const Tensor& mean = pi.normal().mean();
  copy_rows("actions", pi.rsample(to_rows("noise", noise, mean.size(-1), mean.dtype())).action, action);
}

DeterministicActor::DeterministicActor(std::int64_t obs_dim, std::int64_t action_dim,
                                       const std::vector<std::int64_t>& hidden, Rng& rng, DType dtype)
    : mu_(sizes(obs_dim, hidden, action_dim), rng, {.output = Activation::tanh}, dtype) {
  register_module("mu", mu_);
}

Tensor DeterministicActor::operator()(const Tensor& obs) const {
  const Scope scope("actor");
  return mu_(obs);
}

CategoricalActor::CategoricalActor(std::int64_t obs_dim, std::int64_t choices,
                                   const std::vector<std::int64_t>& hidden, Rng& rng, DType dtype)
    : logits_(sizes(obs_dim, hidden, choices), rng, {}, dtype) {
  register_module("logits", logits_);
}

Critic::Critic(std::int64_t obs_dim, std::int64_t action_dim, const std::vector<std::int64_t>& hidden,
               Rng& rng, DType dtype, const CriticOptions& options)
    : options_(options),
      hidden_(hidden),
      q_(sizes(obs_dim + action_dim, hidden, options.outputs), rng,
         {.ensemble = options.n, .layer_norm = options.layer_norm}, dtype) {
  register_module("q", q_);
}

Tensor Critic::operator()(const Tensor& obs, const Tensor& action, const TensorList& masks) const {
  const Scope scope("critic");
  return q_(cat({obs, action}, -1), masks);
}

TensorList Critic::draw_masks(std::int64_t batch, Rng& rng) const {
  TensorList masks;
  if (options_.dropout == 0) return masks;
  for (const std::int64_t width : hidden_) {
    masks.push_back(
        nn::dropout_mask({options_.n, batch, width}, options_.dropout, rng, parameters()[0].dtype()));
  }
  return masks;
}

Tensor draw_subset(std::int64_t n, std::int64_t of, Rng& rng) {
  // The first n places of a shuffle (Fisher and Yates).
  PoolVector<std::int64_t> all(static_cast<std::size_t>(of));
  std::iota(all.begin(), all.end(), 0);
  const Tensor chosen = empty({n}, DType::i64);
  for (std::int64_t i = 0; i < n; ++i) {
    const auto other = i + static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(of - i)));
    std::swap(all[static_cast<std::size_t>(i)], all[static_cast<std::size_t>(other)]);
    chosen.mutable_data<std::int64_t>()[i] = all[static_cast<std::size_t>(i)];
  }
  return chosen;
}

DiscreteCritic::DiscreteCritic(std::int64_t obs_dim, std::int64_t choices,
                               const std::vector<std::int64_t>& hidden, Rng& rng, DType dtype, std::int64_t n)
    : q_(sizes(obs_dim, hidden, choices), rng, {.ensemble = n}, dtype) {
  register_module("q", q_);
}

Tensor q_of(const Tensor& q, const Tensor& action) {
  Shape one_each = q.shape();
  one_each[one_each.size() - 1] = 1;
  return gather(q, -1, expand(action, one_each));
}

}  // namespace saccade::rl
