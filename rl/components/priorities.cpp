#include "rl/components/priorities.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "autograd/ops.h"
#include "base/error.h"
#include "nn/team.h"

namespace saccade::rl {

Priorities::Priorities(std::int64_t capacity, double alpha, double epsilon)
    : alpha_(alpha), epsilon_(epsilon), leaves_(1), capacity_(capacity) {
  if (capacity < 1 || !(alpha >= 0 && std::isfinite(alpha)) || !(epsilon > 0)) {
    throw ConfigError(fmt::format(
        "priorities: capacity {}, alpha {}, epsilon {} given; expected at least 1, at least 0 and above 0",
        capacity, alpha, epsilon));
  }
  leaves_ = static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(capacity)));
  priority_ = zeros({capacity}, DType::f64);
  sums_.resize(static_cast<std::size_t>(2 * leaves_));
}

void Priorities::set(std::int64_t row, double priority) {
  priority_.mutable_data<double>()[row] = priority;
  auto node = static_cast<std::size_t>(leaves_ + row);
  sums_[node] = std::pow(priority, alpha_);
  for (node /= 2; node >= 1; node /= 2) sums_[node] = sums_[2 * node] + sums_[2 * node + 1];
}

void Priorities::add(std::int64_t row) {
  size_ = std::max(size_, row + 1);
  set(row, largest_);
}

// The first row at which the running sum of p^alpha exceeds the mass.
std::int64_t Priorities::find(double mass) const {
  std::size_t node = 1;
  while (node < static_cast<std::size_t>(leaves_)) {
    const double left = sums_[2 * node];
    // Rounding may leave a mass that nothing on the right holds.
    const bool right = mass >= left && sums_[2 * node + 1] > 0;
    if (right) mass -= left;
    node = 2 * node + (right ? 1 : 0);
  }
  return static_cast<std::int64_t>(node) - leaves_;
}

Priorities::Drawn Priorities::draw(std::span<const double> uniform, double beta) const {
  if (size_ == 0) throw Error("priorities: nothing to draw from yet");
  const auto n = static_cast<std::int64_t>(uniform.size());
  Drawn drawn{PoolVector<std::int64_t>(uniform.size()), empty({n, 1})};
  const double total = sums_[1];
  nn::Team* const team = nn::team();
  // A member draws its share of the batch from its own rows. The number of all rows is a factor that all
  // weights have in common, which goes when they are divided by the largest.
  const double factor = team == nullptr ? static_cast<double>(size_) : team->share();
  PoolVector<double> weight(uniform.size());
  for (std::size_t j = 0; j < uniform.size(); ++j) {
    const double mass = (static_cast<double>(j) + uniform[j]) * total / static_cast<double>(n);
    drawn.rows[j] = find(mass);
    const double probability = sums_[static_cast<std::size_t>(leaves_ + drawn.rows[j])] / total;
    weight[j] = std::pow(factor * probability, -beta);
  }
  double largest = *std::max_element(weight.begin(), weight.end());
  if (team != nullptr) largest = team->max(largest);
  auto* out = drawn.weight.mutable_data<float>();
  for (std::size_t j = 0; j < weight.size(); ++j) out[j] = static_cast<float>(weight[j] / largest);
  return drawn;
}

Priorities::Drawn Priorities::draw(std::int64_t n, double beta, Rng& rng) const {
  PoolVector<double> uniform(static_cast<std::size_t>(n));
  rng.fill_uniform(std::span<double>(uniform.data(), uniform.size()));
  return draw(uniform, beta);
}

void Priorities::update(std::span<const std::int64_t> rows, const Tensor& given) {
  if (!given.defined() || given.numel() != static_cast<std::int64_t>(rows.size())) {
    throw Error(fmt::format("priorities: {} errors given for {} rows", given.defined() ? given.numel() : 0,
                            rows.size()));
  }
  const Tensor all = contiguous(to(given.detach(), DType::f64));
  const double* const errors = all.data<double>();
  for (std::size_t j = 0; j < rows.size(); ++j) {
    if (std::isfinite(errors[j])) continue;
    throw Error(
        fmt::format("priorities: the error of row {} is {}, expected a finite number", rows[j], errors[j]));
  }
  for (std::size_t j = 0; j < rows.size(); ++j) {
    const double priority = std::abs(errors[j]) + epsilon_;
    largest_ = std::max(largest_, priority);
    set(rows[j], priority);
  }
  if (nn::Team* const team = nn::team()) largest_ = team->max(largest_);
}

nn::NamedTensors Priorities::named_state() const {
  return {{"priority", slice(priority_, 0, 0, size_)}, {"largest", scalar(largest_, DType::f64)}};
}

void Priorities::check_state(const nn::NamedTensors& state, std::int64_t capacity) {
  const auto fits = [&] {
    if (state.size() != 2 || state[0].name != "priority" || state[1].name != "largest") return false;
    const Tensor &priority = state[0].tensor, &largest = state[1].tensor;
    if (priority.dtype() != DType::f64 || priority.dim() != 1 || priority.numel() > capacity ||
        largest.dtype() != DType::f64 || largest.numel() != 1)
      return false;
    const auto sound = [](double p) { return std::isfinite(p) && p > 0; };
    const std::vector<double> values = priority.to_vector();
    return std::all_of(values.begin(), values.end(), sound) && sound(largest.item());
  };
  if (!fits())
    throw FormatError(
        fmt::format("the saved priorities do not fit a buffer of {}, or are no priorities", capacity));
}

void Priorities::load_state(const nn::NamedTensors& state) {
  check_state(state, capacity_);
  const std::vector<double> values = state[0].tensor.to_vector();
  largest_ = state[1].tensor.item();
  size_ = static_cast<std::int64_t>(values.size());
  std::fill(sums_.begin(), sums_.end(), 0);
  for (std::int64_t row = 0; row < size_; ++row) set(row, values[static_cast<std::size_t>(row)]);
}

}  // namespace saccade::rl
