#include "rl/components/replay_buffer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "autograd/ops.h"
#include "autograd/pool.h"
#include "base/error.h"

namespace saccade::rl {

namespace {

constexpr Tensor Batch::*kFields[] = {&Batch::obs,      &Batch::action,     &Batch::reward,
                                      &Batch::next_obs, &Batch::terminated, &Batch::discount};
constexpr const char* kNames[] = {"obs", "action", "reward", "next_obs", "terminated", "discount"};

// All, or all but the discount.
std::span<Tensor Batch::*const> fields_of(const Batch& rows) {
  return std::span(kFields).first(std::size(kFields) - (rows.discount.defined() ? 0 : 1));
}

constexpr const char* kPriorities = "priorities.";

void check(const char* what, const Tensor& rows, std::span<const double> values) {
  const std::int64_t width = rows.shape()[1];
  if (static_cast<std::int64_t>(values.size()) != width) {
    throw ShapeError(
        fmt::format("replay buffer: {} of size {} given, expected {}", what, values.size(), width));
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(static_cast<float>(values[i])))
      throw Error(fmt::format("replay buffer: {}[{}] is {}; expected a finite number that float32 can hold",
                              what, i, values[i]));
  }
}

void store(const Tensor& rows, std::int64_t row, std::span<const double> values) {
  std::transform(values.begin(), values.end(), rows.mutable_data<float>() + row * rows.shape()[1],
                 [](double value) { return static_cast<float>(value); });
}

}  // namespace

ReplayBuffer::ReplayBuffer(std::int64_t capacity, std::int64_t obs_dim, std::int64_t action_dim,
                           const ReplayOptions& options) {
  if (capacity < 1)
    throw ConfigError(fmt::format("replay buffer: capacity {} given, expected at least 1", capacity));
  const std::int64_t widths[] = {obs_dim, action_dim, 1, obs_dim, 1, 1};
  for (std::size_t f = 0; f < std::size(kFields) - (options.discounts ? 0 : 1); ++f) {
    rows_.*kFields[f] = empty({capacity, widths[f]});
  }
  if (options.priority_alpha) priorities_.emplace(capacity, *options.priority_alpha);
}

void ReplayBuffer::add(std::span<const double> obs, std::span<const double> action, double reward,
                       std::span<const double> next_obs, bool terminated, double discount) {
  const double end = terminated ? 1 : 0;
  const std::span<const double> values[] = {obs, action, {&reward, 1}, next_obs, {&end, 1}, {&discount, 1}};
  const auto fields = fields_of(rows_);
  for (std::size_t f = 0; f < fields.size(); ++f) check(kNames[f], rows_.*fields[f], values[f]);
  for (std::size_t f = 0; f < fields.size(); ++f) store(rows_.*fields[f], next_, values[f]);
  if (priorities_) priorities_->add(next_);
  next_ = (next_ + 1) % capacity();
  size_ = std::min(size_ + 1, capacity());
}

Batch ReplayBuffer::sample(std::int64_t n, Rng& rng) const {
  if (size_ == 0) throw Error("replay buffer: nothing to sample from yet");
  PoolVector<std::int64_t> chosen(static_cast<std::size_t>(n));
  for (std::int64_t& row : chosen) {
    row = static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(size_)));
  }
  return rows(chosen);
}

Batch ReplayBuffer::rows(std::span<const std::int64_t> chosen) const {
  Batch batch;
  for (const auto field : fields_of(rows_)) {
    const std::int64_t width = (rows_.*field).shape()[1];
    batch.*field = empty({static_cast<std::int64_t>(chosen.size()), width});
    const float* rows = (rows_.*field).data<float>();
    float* to = (batch.*field).mutable_data<float>();
    // The rows lie anywhere in a buffer far larger than any cache: ask for them ahead.
    constexpr std::size_t kAhead = 16;
    for (std::size_t i = 0; i < chosen.size(); ++i, to += width) {
      if (i + kAhead < chosen.size()) __builtin_prefetch(rows + chosen[i + kAhead] * width);
      std::copy_n(rows + chosen[i] * width, width, to);
    }
  }
  return batch;
}

Tensor ReplayBuffer::last_actions(std::int64_t n) const {
  n = std::min(n, size_);
  const Tensor newest = slice(rows_.action, 0, std::max<std::int64_t>(0, next_ - n), next_);
  if (n <= next_) return newest;
  return cat({slice(rows_.action, 0, capacity() - (n - next_), capacity()), newest}, 0);
}

std::int64_t ReplayBuffer::max_state_bytes() const {
  std::int64_t bytes = 1 << 20;
  for (const auto field : fields_of(rows_)) bytes += (rows_.*field).numel() * element_size(DType::f32);
  if (priorities_) bytes += capacity() * element_size(DType::f64);
  return bytes;
}

nn::NamedTensors ReplayBuffer::named_state() const {
  nn::NamedTensors state;
  const auto fields = fields_of(rows_);
  for (std::size_t f = 0; f < fields.size(); ++f) {
    state.push_back({kNames[f], slice(rows_.*fields[f], 0, 0, size_)});
  }
  state.push_back({"next", scalar(static_cast<double>(next_), DType::f64)});
  if (priorities_) nn::append(state, kPriorities, priorities_->named_state());
  return state;
}

void ReplayBuffer::check_state(const nn::NamedTensors& state, std::int64_t capacity) const {
  const auto fields = fields_of(rows_);
  const nn::NamedTensors priorities = nn::with_prefix(state, kPriorities);
  const auto fits = [&] {
    if (state.size() != fields.size() + 1 + priorities.size()) return false;
    if (priorities_.has_value() == priorities.empty()) return false;
    const std::int64_t rows = state[0].tensor.dim() == 2 ? state[0].tensor.size(0) : -1;
    if (priorities_ && (priorities[0].tensor.numel() != rows)) return false;
    for (std::size_t f = 0; f < fields.size(); ++f) {
      const Tensor& mine = rows_.*fields[f];
      const Tensor& given = state[f].tensor;
      if (state[f].name != kNames[f] || given.dtype() != DType::f32 ||
          given.shape() != Shape{rows, mine.shape()[1]})
        return false;
    }
    const nn::NamedTensor& next = state[fields.size()];
    if (rows > capacity || next.name != "next" || next.tensor.numel() != 1) return false;
    const double at = next.tensor.item();  // right behind the last row until the ring is full, then anywhere
    return rows < capacity ? at == static_cast<double>(rows)
                           : at >= 0 && at < static_cast<double>(rows) && at == std::floor(at);
  };
  if (!fits()) {
    throw FormatError(fmt::format(
        "replay buffer: the saved transitions do not fit a buffer of {} with observations of {} and actions "
        "of {}",
        capacity, rows_.obs.shape()[1], rows_.action.shape()[1]));
  }
  if (priorities_) Priorities::check_state(priorities, capacity);
}

void ReplayBuffer::load_state(nn::NamedTensors state) {
  check_state(state, capacity());
  size_ = state[0].tensor.size(0);
  const auto fields = fields_of(rows_);
  next_ = static_cast<std::int64_t>(state[fields.size()].tensor.item());
  if (priorities_) priorities_->load_state(nn::with_prefix(state, kPriorities));
  for (std::size_t f = 0; f < fields.size(); ++f) {
    slice(rows_.*fields[f], 0, 0, size_).copy_(state[f].tensor);
    // A full buffer takes gigabytes, and so does its copy: each part of that goes as soon as it can.
    state[f].tensor = {};
    pool::trim();
  }
}

}  // namespace saccade::rl
