#include "nn/distributions/categorical.h"

#include <fmt/format.h>

#include <cmath>

#include "autograd/grad.h"
#include "autograd/ops.h"
#include "base/error.h"

namespace saccade::nn {

namespace {

void check_same(const char* function, const Tensor& p, const Tensor& q) {
  const auto message = [&] {
    return fmt::format("{}: p's logits are {}, but q's are {}", function, describe(p), describe(q));
  };
  if (p.dtype() != q.dtype()) throw DTypeError(message());
  if (p.shape() != q.shape()) throw ShapeError(message());
}

// Outcomes have the shape of a draw.
void check_outcome(const char* function, const char* argument, const Tensor& outcome, const Shape& expected) {
  if (!outcome.defined() || outcome.shape() != expected) {
    throw ShapeError(fmt::format("{}: {} is {}, expected shape {}", function, argument, describe(outcome),
                                 expected.str()));
  }
}

// 1 for an outcome of probability 0.
Tensor impossible(const Tensor& log_p) { return eq(log_p, scalar(-INFINITY, log_p.dtype())); }

// p log p. What `where` drops it drops from gradients too, so that 0 times -inf is met in neither.
Tensor p_log_p(const Tensor& log_p) {
  return exp(log_p) * where(impossible(log_p), zeros_like(log_p), log_p);
}

// p (log p - log q)
Tensor p_log_p_over_q(const Tensor& log_p, const Tensor& log_q) {
  const Tensor p_none = impossible(log_p), q_none = impossible(log_q), zero = zeros_like(log_p);
  const Tensor log_ratio = where(p_none, zero, where(q_none, zero, log_p - log_q));
  return where(gt(q_none, p_none), scalar(INFINITY, log_p.dtype()), exp(log_p) * log_ratio);
}

// The log-probabilities of a coin's sides, 1 and 0.
Tensor log_of_one(const Tensor& logits) { return logsigmoid(logits); }
Tensor log_of_zero(const Tensor& logits) { return logsigmoid(-logits); }

// A draw's probabilities and its noise are f64, so that rare outcomes are as rare as they should be.
Tensor wide(const Tensor& logits) { return to(logits.detach(), DType::f64); }

}  // namespace

// ---- Categorical ----

Categorical::Categorical(const Tensor& logits) : logits_(logits) {
  if (!logits.defined() || logits.dim() == 0 || logits.size(-1) == 0) {
    throw ShapeError(
        fmt::format("Categorical: logits are {}, expected (..., n) with n >= 1", describe(logits)));
  }
  std::int64_t row = 0;
  for (const double largest : amax(logits.detach(), {-1}).to_vector()) {
    if (!std::isfinite(largest)) {
      throw ConfigError(fmt::format(
          "Categorical: the largest logit of row {} is {}, expected a finite number", row, largest));
    }
    ++row;
  }
}

Tensor Categorical::probs() const { return softmax(logits_, -1); }

Tensor Categorical::log_probs() const { return log_softmax(logits_, -1); }

// By the inverse distribution function: the first class whose sum of probabilities up to it exceeds u, so
// never one of probability 0. u is below the whole sum, however that is rounded.
Tensor Categorical::sample(Rng& rng) const {
  const NoGrad no_grad;
  const Tensor sums = cumsum(softmax(wide(logits_), -1), -1);
  const Tensor whole = slice(sums, -1, -1, sums.size(-1));
  const Tensor u = rand(whole.shape(), rng, DType::f64) * whole;
  return to(squeeze(sum(ge(u, sums), {-1}, true), -1), logits_.dtype());
}

Tensor Categorical::mode() const { return argmax(logits_, -1); }

Tensor Categorical::log_prob(const Tensor& index) const {
  Shape rows = logits_.shape();
  rows.erase(rows.size() - 1);
  check_outcome("Categorical::log_prob", "index", index, rows);
  return squeeze(gather(log_probs(), -1, unsqueeze(index, -1)), -1);
}

Tensor Categorical::entropy() const { return -squeeze(sum(p_log_p(log_probs()), {-1}, true), -1); }

Tensor kl_divergence(const Categorical& p, const Categorical& q) {
  check_same("kl_divergence of Categoricals", p.logits(), q.logits());
  return squeeze(sum(p_log_p_over_q(p.log_probs(), q.log_probs()), {-1}, true), -1);
}

// ---- Bernoulli ----

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
