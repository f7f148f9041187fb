// The replay buffer: the last transitions, in a ring.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/rng.h"
#include "nn/named_tensors.h"
#include "rl/batch.h"
#include "rl/components/priorities.h"

namespace saccade::rl {

struct ReplayOptions {
  bool discounts = false;                  // kept for each transition, as n-step ones need
  std::optional<double> priority_alpha{};  // none: every transition is as likely
};

class ReplayBuffer {
 public:
  /// All memory is reserved here, in f32. ConfigError for a capacity below 1.
  ReplayBuffer(std::int64_t capacity, std::int64_t obs_dim, std::int64_t action_dim,
               const ReplayOptions& options = {});

  /// Overwrites the oldest transition once full. `discount` is kept if discounts are. ShapeError for a wrong
  /// size; Error for a value that is not finite, which would poison every later update.
  void add(std::span<const double> obs, std::span<const double> action, double reward,
           std::span<const double> next_obs, bool terminated, double discount = 1);

  /// n transitions drawn uniformly with replacement. Error while empty.
  Batch sample(std::int64_t n, Rng& rng) const;
  /// These transitions.
  Batch rows(std::span<const std::int64_t> chosen) const;
  /// The last n actions, the oldest first, or all where there are fewer: (n, action_dim).
  Tensor last_actions(std::int64_t n) const;

  /// To draw by, or null.
  Priorities* priorities() { return priorities_ ? &*priorities_ : nullptr; }

  bool keeps_discounts() const { return rows_.discount.defined(); }
  std::int64_t size() const { return size_; }
  std::int64_t capacity() const { return rows_.obs.size(0); }

  /// The state for a checkpoint: the filled rows, and where the next goes. Loading throws FormatError if it
  /// does not fit, as check_state() does for a buffer like this one of another capacity. What is moved into
  /// load_state() is freed part by part.
  nn::NamedTensors named_state() const;
  void check_state(const nn::NamedTensors& state, std::int64_t capacity) const;
  void load_state(nn::NamedTensors state);
  /// The size of a file with the state of a full buffer, at most.
  std::int64_t max_state_bytes() const;

 private:
  Batch rows_;
  std::int64_t size_ = 0, next_ = 0;
  std::optional<Priorities> priorities_;
};

}  // namespace saccade::rl
