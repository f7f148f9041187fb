#include "nn/distributions/bernoulli.h"

#include <fmt/format.h>

#include <cmath>

#include "autograd/modes.h"
#include "autograd/ops.h"
#include "base/error.h"
#include "nn/distributions/internal.h"

namespace saccade::nn {

using namespace detail;

namespace {

// The log-probabilities of a coin's sides, 1 and 0.
Tensor log_of_one(const Tensor& logits) { return logsigmoid(logits); }
Tensor log_of_zero(const Tensor& logits) { return logsigmoid(-logits); }

}  // namespace

Bernoulli::Bernoulli(const Tensor& logits) : logits_(logits) {
  if (!logits.defined()) throw ShapeError("Bernoulli: logits are undefined, expected a tensor");
  std::int64_t position = 0;
  for (const double logit : logits.to_vector()) {
    if (std::isnan(logit)) {
      throw ConfigError(
          fmt::format("Bernoulli: the logit at position {} is nan, expected a number", position));
    }
    ++position;
  }
}

Tensor Bernoulli::probs() const { return sigmoid(logits_); }

Tensor Bernoulli::sample(Rng& rng) const {
  const NoGrad no_grad;
  return to(gt(sigmoid(wide(logits_)), rand(logits_.shape(), rng, DType::f64)), logits_.dtype());
}

Tensor Bernoulli::mode() const { return gt(logits_, 0); }

Tensor Bernoulli::log_prob(const Tensor& x) const {
  check_outcome("Bernoulli::log_prob", "x", x, logits_.shape());
  std::int64_t position = 0;
  for (const double value : x.to_vector()) {
    if (value != 0 && value != 1) {
      throw ShapeError(
          fmt::format("Bernoulli::log_prob: x is {} at position {}, expected 0 or 1", value, position));
    }
    ++position;
  }
  return where(to(x.detach(), logits_.dtype()), log_of_one(logits_), log_of_zero(logits_));
}

Tensor Bernoulli::entropy() const { return -(p_log_p(log_of_one(logits_)) + p_log_p(log_of_zero(logits_))); }

Tensor kl_divergence(const Bernoulli& p, const Bernoulli& q) {
  check_same("kl_divergence of Bernoullis", p.logits(), q.logits());
  return p_log_p_over_q(log_of_one(p.logits()), log_of_one(q.logits())) +
         p_log_p_over_q(log_of_zero(p.logits()), log_of_zero(q.logits()));
}

}  // namespace saccade::nn
