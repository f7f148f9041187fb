// A linear system with quadratic costs, whose best policies are known in closed form: what learners can be
// measured against.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "envs/env.h"

namespace saccade::envs {

/// s' = A s + B a + w, w ~ N(0, W); reward -(s^T Q s + a^T R a), of the state and action before the step. s
/// has n numbers, a has m; matrices are given row by row.
struct LinearQuadraticProblem {
  std::int64_t n = 1, m = 1;
  std::vector<double> A = {}, B = {}, Q = {}, R = {};  // (n, n), (n, m), (n, n), (m, m)
  std::vector<double> W = {};                          // (n, n), symmetric, not negative
};

/// Never terminates. An episode starts with every coordinate of s uniform on [-1, 1]. Observation: s. Action:
/// clipped to [-bound, bound], which the closed forms know nothing of: choose it so wide that the best policy
/// hardly meets it. State: s, then seed and count of the episode's own stream of random numbers.
class LinearQuadratic final : public Env {
 public:
  /// Throws ConfigError unless sizes fit, numbers are finite, the bound is above 0 and W is a covariance.
  LinearQuadratic(LinearQuadraticProblem problem, double bound, std::int64_t max_episode_steps);

  /// What "LinearQuadratic-v0" is: A = 0.9, B = 0.5, Q = 1, R = 0.1 without noise, actions in [-2.25, 2.25],
  /// 25 steps.
  static LinearQuadraticProblem standard_problem();
  static constexpr double kBound = 2.25;
  static constexpr std::int64_t kMaxEpisodeSteps = 25;

  const Spec& spec() const override { return spec_; }
  void reset(Rng& rng, std::span<double> observation) override;
  StepResult step(std::span<const double> action, std::span<double> observation) override;
  std::vector<double> state() const override;
  void set_state(std::span<const double> state) override;
  void observe(std::span<double> observation) const override;

 private:
  LinearQuadraticProblem problem_;
  double bound_;
  Spec spec_;
  std::vector<double> noise_factor_;  // L of W = L L^T, lower triangular; empty without noise
  std::vector<double> s_, next_, action_, noise_;
  Rng rng_;  // its key has 32 bits, so that a double holds it
};

}  // namespace saccade::envs
