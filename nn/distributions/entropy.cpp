#include "nn/distributions/entropy.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "base/error.h"

namespace saccade::nn {

namespace {

void check_std(double std) {
  if (std::isfinite(std) && std > 0) return;
  throw ConfigError(fmt::format("a standard deviation is {}; expected a finite number above 0", std));
}

}  // namespace

double entropy(std::span<const double> probabilities) {
  double sum = 0, h = 0;
  for (const double p : probabilities) {
    if (!(0 <= p && p <= 1)) throw ConfigError(fmt::format("a probability is {}; expected 0 to 1", p));
    sum += p;
    if (p > 0) h -= p * std::log(p);
  }
  if (std::abs(sum - 1) > 1e-9) {
    throw ConfigError(fmt::format("{} probabilities add up to {}, not 1", probabilities.size(), sum));
  }
  return h;
}

double coin_entropy(double p) {
  if (!(0 <= p && p <= 1)) throw ConfigError(fmt::format("a probability is {}; expected 0 to 1", p));
  // log(1 - p) by log1p: where p is small, 1 - p has lost digits.
  const double heads = p > 0 ? -p * std::log(p) : 0, tails = p < 1 ? -(1 - p) * std::log1p(-p) : 0;
  return heads + tails;
}

double normal_entropy(double std) {
  check_std(std);
  return std::log(std) + (std::log(2 * std::numbers::pi) + 1) / 2;
}

double tanh_normal_entropy(double mean, double std) {
  check_std(std);
  if (!std::isfinite(mean)) throw ConfigError(fmt::format("a mean is {}; expected a finite number", mean));
  // log(1 - tanh(u)^2) has its nearest singularities at u = +-i pi/2, which in z = (u - mean) / std are
  // nearer the wider the normal is: steps of 0.25 / std keep the rule's error, exp(-pi^2 / (std step)), below
  // rounding.
  const double step = 0.25 / std::max(1.0, std);
  const auto count = static_cast<long>(9 / step);
  double weights = 0, sum = 0;
  for (long i = -count; i <= count; ++i) {
    const double z = step * static_cast<double>(i), u = std::abs(mean + std * z);
    const double weight = std::exp(-z * z / 2);
    weights += weight;
    sum += weight * 2 * (std::numbers::ln2 - u - std::log1p(std::exp(-2 * u)));
  }
  return normal_entropy(std) + sum / weights;
}

double most_entropic_std(double mean) {
  // Golden-section search over log std: there is one maximum, since the entropy is that of the normal, which
  // grows with log std, plus a part that falls ever faster.
  constexpr double ratio = 1 / std::numbers::phi;
  double low = -5, high = 5;
  while (high - low > 1e-9) {
    const double left = high - ratio * (high - low), right = low + ratio * (high - low);
    const bool is_left =
        tanh_normal_entropy(mean, std::exp(left)) > tanh_normal_entropy(mean, std::exp(right));
    (is_left ? high : low) = is_left ? right : left;
  }
  return std::exp((low + high) / 2);
}

}  // namespace saccade::nn
