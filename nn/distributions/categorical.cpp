#include "nn/distributions/categorical.h"

#include <fmt/format.h>

#include <cmath>

#include "autograd/modes.h"
#include "autograd/ops.h"
#include "base/error.h"
#include "nn/distributions/internal.h"

namespace saccade::nn {

using namespace detail;

Categorical::Categorical(const Tensor& logits) : logits_(logits) {
  if (!logits.defined() || logits.dim() == 0 || logits.size(-1) == 0) {
    throw ShapeError(
        fmt::format("Categorical: logits are {}, expected (..., n) with n >= 1", describe(logits)));
  }
  std::int64_t row = 0;
  for (const double max_logit : amax(logits.detach(), {-1}).to_vector()) {
    if (!std::isfinite(max_logit)) {
      throw ConfigError(fmt::format(
          "Categorical: the largest logit of row {} is {}, expected a finite number", row, max_logit));
    }
    ++row;
  }
}

Tensor Categorical::probs() const { return softmax(logits_, -1); }

Tensor Categorical::log_probs() const { return log_softmax(logits_, -1); }

// By the inverse distribution function: the first class at which the running sum of probabilities exceeds u.
// So it is never a class of probability 0. u is below the whole sum, however that is rounded.
Tensor Categorical::sample(Rng& rng) const {
  const NoGrad no_grad;
  const Tensor sums = cumsum(softmax(wide(logits_), -1), -1);
  const Tensor whole = slice(sums, -1, -1, sums.size(-1));
  const Tensor u = rand(whole.shape(), rng, DType::f64) * whole;
  return to(squeeze(sum(ge(u, sums), {-1}, true), -1), DType::i64);
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

}  // namespace saccade::nn
