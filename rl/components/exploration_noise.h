// Noise for exploration: in every step a row of numbers for each copy of the environment, each number
// standard normal by itself (Ornstein-Uhlenbeck's once it has come away from 0).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/rng.h"
#include "rl/config.h"

namespace saccade::rl {

class ExplorationNoise {
 public:
  virtual ~ExplorationNoise() = default;

  /// The next row of every copy, side by side.
  virtual void next(Rng& rng, std::span<double> rows) = 0;

  /// Actions for the warm-up, each number by itself uniform on [-1, 1]; but for pink noise, new ones.
  virtual void next_uniform(Rng& rng, std::span<double> actions) { rng.fill_uniform(actions, -1, 1); }

  /// Copy `copy` begins an episode.
  virtual void begin_episode(std::size_t /*copy*/) {}

  /// Its memory, for a checkpoint, and the way back: Error for a state of another size.
  virtual std::vector<double> state() const { return {}; }
  virtual void set_state(std::span<const double> state);
};

/// Independent in every step.
class GaussianNoise final : public ExplorationNoise {
 public:
  void next(Rng& rng, std::span<double> rows) override;

 private:
  std::vector<float> drawn_;  // in the precision of the networks, and in their order of draws
};

/// Correlated in time, with a power spectrum of about 1 / f between periods of a few and of a thousand steps:
/// half of what it explores is slow. Eberhard et al., "Pink noise is all you need", ICLR 2023, make theirs by
/// a Fourier transform for a whole episode; here it is the sum of first-order autoregressive processes whose
/// time constants are 1, 4, 16, 64 and 256 steps, so that it goes on as long as it must. Episodes do not
/// interrupt it. Warm-up actions come from the same sequences.
class PinkNoise final : public ExplorationNoise {
 public:
  PinkNoise(std::size_t copies, std::size_t width) : width_(copies * width) {}
  void next(Rng& rng, std::span<double> rows) override;
  void next_uniform(Rng& rng, std::span<double> actions) override;
  std::vector<double> state() const override { return processes_; }
  void set_state(std::span<const double> state) override;

 private:
  std::size_t width_;              // of all rows together
  std::vector<double> processes_;  // empty before the first step
};

/// An Ornstein-Uhlenbeck process for each number, x <- (1 - theta) x + sqrt(1 - (1 - theta)^2) eps, with the
/// theta of 0.15 of DDPG's paper (Lillicrap et al. 2016); it starts from 0 in every episode and tends to the
/// standard normal distribution. Theirs is this one times 0.38.
class OrnsteinUhlenbeckNoise final : public ExplorationNoise {
 public:
  static constexpr double kTheta = 0.15;

  OrnsteinUhlenbeckNoise(std::size_t copies, std::size_t width) : width_(width), x_(copies * width) {}
  void next(Rng& rng, std::span<double> rows) override;
  void begin_episode(std::size_t copy) override;
  std::vector<double> state() const override { return x_; }
  void set_state(std::span<const double> state) override;

 private:
  std::size_t width_;
  std::vector<double> x_;
};

/// Drawn anew for each copy when an episode begins and, unless `steps` is 0, after so many steps.
class HeldNoise final : public ExplorationNoise {
 public:
  HeldNoise(std::size_t copies, std::size_t width, std::int64_t steps)
      : steps_(steps), rows_(copies * width), age_(copies, kNone) {}
  void next(Rng& rng, std::span<double> rows) override;
  void begin_episode(std::size_t copy) override { age_[copy] = kNone; }
  std::vector<double> state() const override;
  void set_state(std::span<const double> state) override;

 private:
  static constexpr double kNone = -1;  // there is no row yet

  std::int64_t steps_;
  std::vector<double> rows_, age_;  // and for how many steps each copy has had its row
};

/// What the settings ask for, `width` numbers for each of so many copies.
std::unique_ptr<ExplorationNoise> make_noise(const OffPolicyConfig& config, std::size_t copies,
                                             std::size_t width);

}  // namespace saccade::rl
