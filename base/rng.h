// A counter-based random number generator: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as
// 1, 2, 3", SC 2011). Its whole state is a key and a counter, so it can be split into independent named
// streams, saved in a checkpoint and restored.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace saccade {

class Rng {
 public:
  struct State {
    std::uint64_t key = 0;
    std::uint64_t counter = 0;  // blocks of four 32-bit words drawn so far
    bool operator==(const State&) const = default;
  };

  explicit Rng(std::uint64_t seed = 0) : state_{seed, 0} {}

  /// An independent stream that depends only on this generator's key and the name, not on what was drawn so
  /// far.
  Rng split(std::string_view name) const;

  /// Four uniform 32-bit words; the other draws each use one block or more of these.
  std::array<std::uint32_t, 4> block();

  /// Uniform on [0, 1), 53 bits.
  double uniform();
  /// Uniform on [low, high).
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  /// Standard normal, by Box and Muller.
  double normal();
  /// Uniform on {0, ..., n - 1}; n >= 1.
  std::uint64_t below(std::uint64_t n);

  /// Fills with draws from [low, high) or from the standard normal. One block makes four floats or two
  /// doubles.
  void fill_uniform(std::span<float> out, double low = 0, double high = 1);
  void fill_uniform(std::span<double> out, double low = 0, double high = 1);
  void fill_normal(std::span<float> out);
  void fill_normal(std::span<double> out);

  const State& state() const { return state_; }
  void set_state(const State& state) { state_ = state; }

 private:
  State state_;
};

}  // namespace saccade
