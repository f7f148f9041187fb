// Helpers that several distributions use. Internal to this folder.
#pragma once

#include <cmath>
#include <numbers>

#include "autograd/tensor.h"

namespace saccade::nn::detail {

// ---- over real vectors ----

/// ShapeError or DTypeError unless x has mean's shape and dtype.
void check_like_mean(const char* function, const char* argument, const Tensor& x, const Tensor& mean);

/// (..., d) to (..., 1)
Tensor sum_of_components(const Tensor& x);

/// log N(mean + std z; mean, std) of each component.
Tensor normal_log_prob(const Tensor& z, const Tensor& log_std);

/// log(2 pi) / 2
inline const double kHalfLog2Pi = 0.5 * std::log(2 * std::numbers::pi);

// ---- over finitely many outcomes ----

/// ShapeError or DTypeError unless two distributions' logits have one shape and dtype.
void check_same(const char* function, const Tensor& p, const Tensor& q);

/// ShapeError unless the outcome has the shape of a draw.
void check_outcome(const char* function, const char* argument, const Tensor& outcome, const Shape& expected);

/// p log p. Where p is 0, it and its gradient are 0.
Tensor p_log_p(const Tensor& log_p);

/// p (log p - log q): 0 where p is 0, infinite where q alone is.
Tensor p_log_p_over_q(const Tensor& log_p, const Tensor& log_q);

/// Logits for a draw, whose probabilities and noise are f64, so that rare outcomes are as rare as they should
/// be.
Tensor wide(const Tensor& logits);

}  // namespace saccade::nn::detail
