#include "rl/components/replay_buffer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "autograd/ops.h"
#include "autograd/pool.h"
#include "base/error.h"

namespace saccade::rl {

namespace {

constexpr Tensor Batch::*kFields[] = {&Batch::obs, &Batch::action, &Batch::reward, &Batch::next_obs,
                                      &Batch::terminated};
constexpr const char* kNames[] = {"obs", "action", "reward", "next_obs", "terminated"};

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

ReplayBuffer::ReplayBuffer(std::int64_t capacity, std::int64_t obs_dim, std::int64_t action_dim) {
  if (capacity < 1)
    throw ConfigError(fmt::format("replay buffer: capacity {} given, expected at least 1", capacity));
  const std::int64_t widths[] = {obs_dim, action_dim, 1, obs_dim, 1};
  for (std::size_t f = 0; f < std::size(kFields); ++f) rows_.*kFields[f] = empty({capacity, widths[f]});
}

void ReplayBuffer::add(std::span<const double> obs, std::span<const double> action, double reward,
                       std::span<const double> next_obs, bool terminated) {
  const double end = terminated ? 1 : 0;
  const std::span<const double> values[] = {obs, action, {&reward, 1}, next_obs, {&end, 1}};
  for (std::size_t f = 0; f < std::size(kFields); ++f) check(kNames[f], rows_.*kFields[f], values[f]);
  for (std::size_t f = 0; f < std::size(kFields); ++f) store(rows_.*kFields[f], next_, values[f]);
  next_ = (next_ + 1) % capacity();
  size_ = std::min(size_ + 1, capacity());
}

Batch ReplayBuffer::sample(std::int64_t n, Rng& rng) const {
  if (size_ == 0) throw Error("replay buffer: nothing to sample from yet");
  PoolVector<std::int64_t> chosen(static_cast<std::size_t>(n));
  for (std::int64_t& row : chosen) {
    row = static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(size_)));
  }
  Batch batch;
  for (const auto field : kFields) {
    const std::int64_t width = (rows_.*field).shape()[1];
    batch.*field = empty({n, width});
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

std::int64_t ReplayBuffer::max_state_bytes() const {
  std::int64_t bytes = 1 << 20;
  for (const auto field : kFields) bytes += (rows_.*field).numel() * element_size(DType::f32);
  return bytes;
}

nn::NamedTensors ReplayBuffer::named_state() const {
  nn::NamedTensors state;
  for (std::size_t f = 0; f < std::size(kFields); ++f)
    state.push_back({kNames[f], slice(rows_.*kFields[f], 0, 0, size_)});
  state.push_back({"next", scalar(static_cast<double>(next_), DType::f64)});
  return state;
}

void ReplayBuffer::check_state(const nn::NamedTensors& state) const {
  const auto fits = [&] {
    if (state.size() != std::size(kFields) + 1) return false;
    const std::int64_t rows = state[0].tensor.dim() == 2 ? state[0].tensor.size(0) : -1;
    for (std::size_t f = 0; f < std::size(kFields); ++f) {
      const Tensor& mine = rows_.*kFields[f];
      const Tensor& given = state[f].tensor;
      if (state[f].name != kNames[f] || given.dtype() != DType::f32 ||
          given.shape() != Shape{rows, mine.shape()[1]})
        return false;
    }
    const nn::NamedTensor& next = state.back();
    if (rows > capacity() || next.name != "next" || next.tensor.numel() != 1) return false;
    const double at = next.tensor.item();  // right behind the last row until the ring is full, then anywhere
    return rows < capacity() ? at == static_cast<double>(rows)
                             : at >= 0 && at < static_cast<double>(rows) && at == std::floor(at);
  };
  if (!fits()) {
    throw FormatError(fmt::format(
        "replay buffer: the saved transitions do not fit a buffer of {} with observations of {} and actions "
        "of {}",
        capacity(), rows_.obs.shape()[1], rows_.action.shape()[1]));
  }
}

void ReplayBuffer::load_state(nn::NamedTensors state) {
  check_state(state);
  size_ = state[0].tensor.size(0);
  next_ = static_cast<std::int64_t>(state.back().tensor.item());
  for (std::size_t f = 0; f < std::size(kFields); ++f) {
    slice(rows_.*kFields[f], 0, 0, size_).copy_(state[f].tensor);
    // A full buffer takes gigabytes, and so does its copy: each part of that goes as soon as it can.
    state[f].tensor = {};
    pool::trim();
  }
}

}  // namespace saccade::rl
