// The maximum-entropy policy of a linear system with quadratic costs, in closed form: what SAC must come to
// there.
//
// With temperature alpha and discount gamma, actions unbounded, the best policy is N(-K s, Sigma), where P
// solves Riccati's equation
//
//     M = R + gamma B^T P B        K = gamma M^-1 B^T P A        Sigma = (alpha / 2) M^-1
//     P = Q + gamma A^T P A - gamma^2 A^T P B M^-1 B^T P A
//
// and V(s) = -s^T P s + c with c = ((alpha / 2)(m log(pi alpha) - log det M) - gamma tr(P W)) / (1 - gamma).
// It follows from V(s) = alpha log of the integral of exp(Q(s, a) / alpha) over a, which for a quadratic Q is
// a Gaussian's. Without entropy it is the regulator of Bertsekas, "Dynamic Programming and Optimal Control",
// 2017, section 3.1, of the same K.
#pragma once

#include <span>
#include <vector>

#include "envs/classic/linear_quadratic.h"

namespace saccade::rl {

/// A policy N(-K s, Sigma) with its value V(s) = -s^T P s + constant, entropy included, and its entropy in
/// nats. Matrices are given row by row: K (m, n), Sigma (m, m), P (n, n). All are of the
/// environment's own action. Where log pi is that of a / bound, as SAC's, the entropy lacks m log(bound), the
/// log-determinant of the scale, and c lacks alpha m log(bound) / (1 - gamma); best actions are the same.
struct LinearGaussian {
  std::vector<double> K = {}, Sigma = {}, P = {};
  double constant = 0, entropy = 0;

  double value(std::span<const double> s) const;
  double log_prob(std::span<const double> s, std::span<const double> a) const;
};

/// The best. Throws ConfigError unless 0 < gamma < 1 and alpha > 0, Error where Riccati's iteration comes to
/// no end.
LinearGaussian solve_soft_lqr(const envs::LinearQuadraticProblem& problem, double gamma, double alpha);

/// The value of any such policy: P = Q + K^T R K + gamma (A - B K)^T P (A - B K), and
/// c = (-tr(R Sigma) - gamma tr(P (B Sigma B^T + W)) + alpha entropy) / (1 - gamma).
LinearGaussian evaluate_linear_gaussian(const envs::LinearQuadraticProblem& problem, std::vector<double> K,
                                        std::vector<double> Sigma, double gamma, double alpha);

/// Q(s, a) = reward(s, a) + gamma E V(s'), of the policy that V is of.
double soft_lqr_q(const envs::LinearQuadraticProblem& problem, const LinearGaussian& policy, double gamma,
                  std::span<const double> s, std::span<const double> a);

}  // namespace saccade::rl
