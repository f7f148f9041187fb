// Which transitions an update learns from: those whose errors were large (Schaul et al., "Prioritized
// Experience Replay", 2016, the proportional form).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "autograd/tensor.h"
#include "base/rng.h"
#include "nn/named_tensors.h"

namespace saccade::rl {

/// p_i for each row of a replay buffer, with P(i) = p_i^alpha / sum_j p_j^alpha. A tree of sums finds a row
/// in log(capacity) steps.
///
/// Each member of a team draws its part of a batch from the rows of its own buffer: P(i) is then the member's
/// share of the batch times that, and weights are divided by the largest of all members'.
class Priorities {
 public:
  /// ConfigError for a capacity below 1, an alpha below 0 or an epsilon not above 0.
  Priorities(std::int64_t capacity, double alpha, double epsilon = 1e-6);

  /// The row holds a new transition: as likely as the likeliest there has been.
  void add(std::int64_t row);

  struct Drawn {
    PoolVector<std::int64_t> rows;
    Tensor weight;  // (n, 1), f32: (N P(i))^-beta for N rows, divided by the largest of these
  };
  /// n rows, one from each n-th part of the total. The numbers are uniform on [0, 1), n of them, or drawn.
  /// Error while empty.
  Drawn draw(std::span<const double> uniform, double beta) const;
  Drawn draw(std::int64_t n, double beta, Rng& rng) const;

  /// p_i <- |error_i| + epsilon. Error, with nothing changed, for one that is not finite, or if there is not
  /// one for each row.
  void update(std::span<const std::int64_t> rows, const Tensor& errors);

  double priority(std::int64_t row) const { return priority_.data<double>()[row]; }
  std::int64_t size() const { return size_; }

  /// "priority" (size) and "largest", f64. load_state() throws FormatError, having changed nothing, if they
  /// do not fit; so does check_state(), for those of so many rows.
  nn::NamedTensors named_state() const;
  static void check_state(const nn::NamedTensors& state, std::int64_t capacity);
  void load_state(const nn::NamedTensors& state);

 private:
  void set(std::int64_t row, double priority);
  std::int64_t find(double mass) const;

  double alpha_, epsilon_, largest_ = 1;
  std::int64_t leaves_, size_ = 0;  // leaves_: the power of two not below the capacity
  std::int64_t capacity_;
  Tensor priority_;           // (capacity), f64
  std::vector<double> sums_;  // node k has the children 2 k and 2 k + 1; leaf i is node leaves_ + i
};

}  // namespace saccade::rl
