// Entropies as plain numbers, in nats: -sum p log p of finitely many outcomes, and of densities the same with
// an integral, which unlike a sum may be negative.
#pragma once

#include <span>

namespace saccade::nn {

/// H(p) = -sum_i p_i log p_i, where 0 log 0 = 0 (Cover & Thomas 2006, section 2.1). Throws ConfigError for a
/// number that is no probability, or if they do not add up to 1.
double entropy(std::span<const double> probabilities);

/// Of a coin that shows heads with probability p.
double coin_entropy(double p);

/// log std + (log(2 pi) + 1) / 2. Throws ConfigError unless std is finite and above 0; so does what follows.
double normal_entropy(double std);

/// Of tanh(u) with u ~ N(mean, std^2), which is SAC's policy in one dimension:
///
///     H = H(u) + E log(1 - tanh(u)^2)
///
/// the expectation by the trapezoidal rule, which for such a smooth function converges faster than any power
/// of the step. At most log 2, the entropy of the uniform density on (-1, 1).
double tanh_normal_entropy(double mean, double std);

/// The std at which that is largest, for a given mean.
double most_entropic_std(double mean);

}  // namespace saccade::nn
