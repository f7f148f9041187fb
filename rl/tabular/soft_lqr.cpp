#include "rl/tabular/soft_lqr.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "base/error.h"

namespace saccade::rl {

namespace {

// As much of linear algebra as the equations take, for the few rows that these problems have.
struct Matrix {
  std::size_t rows, columns;
  std::vector<double> data;

  double& operator()(std::size_t i, std::size_t j) { return data[i * columns + j]; }
  double operator()(std::size_t i, std::size_t j) const { return data[i * columns + j]; }
};

Matrix zeros(std::size_t rows, std::size_t columns) {
  return {rows, columns, std::vector<double>(rows * columns, 0)};
}

Matrix matrix(std::size_t rows, std::size_t columns, std::span<const double> data) {
  if (data.size() != rows * columns) {
    throw ShapeError(
        fmt::format("a matrix of {} numbers was given; expected {} times {}", data.size(), rows, columns));
  }
  return {rows, columns, {data.begin(), data.end()}};
}

Matrix operator*(const Matrix& x, const Matrix& y) {
  Matrix z = zeros(x.rows, y.columns);
  for (std::size_t i = 0; i < x.rows; ++i) {
    for (std::size_t k = 0; k < x.columns; ++k) {
      for (std::size_t j = 0; j < y.columns; ++j) z(i, j) += x(i, k) * y(k, j);
    }
  }
  return z;
}

Matrix operator*(double factor, Matrix x) {
  for (double& number : x.data) number *= factor;
  return x;
}

Matrix operator+(Matrix x, const Matrix& y) {
  for (std::size_t i = 0; i < x.data.size(); ++i) x.data[i] += y.data[i];
  return x;
}

Matrix operator-(const Matrix& x, const Matrix& y) { return x + -1.0 * y; }

Matrix transposed(const Matrix& x) {
  Matrix y = zeros(x.columns, x.rows);
  for (std::size_t i = 0; i < x.rows; ++i) {
    for (std::size_t j = 0; j < x.columns; ++j) y(j, i) = x(i, j);
  }
  return y;
}

double trace(const Matrix& x) {
  double sum = 0;
  for (std::size_t i = 0; i < x.rows; ++i) sum += x(i, i);
  return sum;
}

// Inverse and log-determinant of a symmetric positive definite matrix, by Gauss and Jordan; its pivots are
// positive in any order.
struct Inverse {
  Matrix inverse;
  double log_det = 0;
};

Inverse inverted(const char* name, Matrix x) {
  Inverse result{zeros(x.rows, x.rows)};
  Matrix& y = result.inverse;
  for (std::size_t i = 0; i < x.rows; ++i) y(i, i) = 1;
  for (std::size_t k = 0; k < x.rows; ++k) {
    const double pivot = x(k, k);
    if (!(pivot > 0) || !std::isfinite(pivot)) {
      throw Error(fmt::format("soft LQR: {} is not positive definite: a pivot is {}", name, pivot));
    }
    result.log_det += std::log(pivot);
    for (std::size_t i = 0; i < x.rows; ++i) {
      if (i == k) continue;
      const double factor = x(i, k) / pivot;
      for (std::size_t j = 0; j < x.rows; ++j) {
        x(i, j) -= factor * x(k, j);
        y(i, j) -= factor * y(k, j);
      }
    }
    for (std::size_t j = 0; j < x.rows; ++j) {
      x(k, j) /= pivot;
      y(k, j) /= pivot;
    }
  }
  return result;
}

struct Problem {
  Matrix A, B, Q, R, W;

  explicit Problem(const envs::LinearQuadraticProblem& p)
      : A(matrix(size(p.n), size(p.n), p.A)),
        B(matrix(size(p.n), size(p.m), p.B)),
        Q(matrix(size(p.n), size(p.n), p.Q)),
        R(matrix(size(p.m), size(p.m), p.R)),
        W(matrix(size(p.n), size(p.n), p.W)) {}
  static std::size_t size(std::int64_t n) { return static_cast<std::size_t>(n); }
};

void check_settings(double gamma, double alpha) {
  if (!(0 < gamma && gamma < 1))
    throw ConfigError(fmt::format("gamma is {}; expected a number between 0 and 1", gamma));
  if (!(0 < alpha && std::isfinite(alpha))) {
    throw ConfigError(fmt::format("alpha is {}; expected a finite number above 0", alpha));
  }
}

// P = f(P), from P = 0 until it stands still.
template <class F>
Matrix iterate(const Matrix& start, const F& f) {
  Matrix p = start;
  for (int i = 0; i < 1'000'000; ++i) {
    const Matrix next = f(p);
    double change = 0, largest = 0;
    for (std::size_t j = 0; j < p.data.size(); ++j) {
      change = std::max(change, std::abs(next.data[j] - p.data[j]));
      largest = std::max(largest, std::abs(next.data[j]));
    }
    if (!std::isfinite(largest)) break;
    p = next;
    if (change <= 1e-15 * largest) return p;
  }
  throw Error("soft LQR: the iteration of P comes to no end: the costs grow without bound, whatever is done");
}

double quadratic(std::span<const double> x, const Matrix& y) {
  double sum = 0;
  for (std::size_t i = 0; i < y.rows; ++i) {
    for (std::size_t j = 0; j < y.columns; ++j) sum += x[i] * y(i, j) * x[j];
  }
  return sum;
}

}  // namespace

double LinearGaussian::value(std::span<const double> s) const {
  return constant - quadratic(s, matrix(s.size(), s.size(), P));
}

double LinearGaussian::log_prob(std::span<const double> s, std::span<const double> a) const {
  std::vector<double> off(a.begin(), a.end());  // a + K s
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = 0; j < s.size(); ++j) off[i] += K[i * s.size() + j] * s[j];
  }
  const auto [precision, log_det] = inverted("Sigma", matrix(a.size(), a.size(), Sigma));
  return -(quadratic(off, precision) + log_det +
           static_cast<double>(a.size()) * std::log(2 * std::numbers::pi)) /
         2;
}

LinearGaussian solve_soft_lqr(const envs::LinearQuadraticProblem& problem, double gamma, double alpha) {
  check_settings(gamma, alpha);
  const Problem p(problem);
  const Matrix At = transposed(p.A), Bt = transposed(p.B);
  const auto M = [&](const Matrix& P) { return p.R + gamma * (Bt * P * p.B); };
  const Matrix P = iterate(zeros(p.A.rows, p.A.rows), [&](const Matrix& now) {
    const Matrix BPA = Bt * now * p.A;
    return p.Q + gamma * (At * now * p.A) -
           gamma * gamma * (transposed(BPA) * inverted("M", M(now)).inverse * BPA);
  });
  const auto [M_inverse, log_det_M] = inverted("M", M(P));
  const auto m = static_cast<double>(problem.m);
  LinearGaussian best;
  best.K = (gamma * (M_inverse * (Bt * P * p.A))).data;
  best.Sigma = (alpha / 2 * M_inverse).data;
  best.P = P.data;
  best.entropy = m / 2 * (std::log(std::numbers::pi * alpha) + 1) - log_det_M / 2;
  best.constant =
      (alpha / 2 * (m * std::log(std::numbers::pi * alpha) - log_det_M) - gamma * trace(P * p.W)) /
      (1 - gamma);
  return best;
}

LinearGaussian evaluate_linear_gaussian(const envs::LinearQuadraticProblem& problem, std::vector<double> K,
                                        std::vector<double> Sigma, double gamma, double alpha) {
  check_settings(gamma, alpha);
  const Problem p(problem);
  const Matrix gain = matrix(p.B.columns, p.A.rows, K), covariance = matrix(p.B.columns, p.B.columns, Sigma);
  const Matrix closed = p.A - p.B * gain;
  const Matrix paid = p.Q + transposed(gain) * p.R * gain;
  const Matrix P =
      iterate(paid, [&](const Matrix& now) { return paid + gamma * (transposed(closed) * now * closed); });
  LinearGaussian policy{.K = std::move(K), .Sigma = std::move(Sigma), .P = P.data};
  policy.entropy = (static_cast<double>(problem.m) * (std::log(2 * std::numbers::pi) + 1) +
                    inverted("Sigma", covariance).log_det) /
                   2;
  policy.constant = (-trace(p.R * covariance) -
                     gamma * trace(P * (p.B * covariance * transposed(p.B) + p.W)) + alpha * policy.entropy) /
                    (1 - gamma);
  return policy;
}

double soft_lqr_q(const envs::LinearQuadraticProblem& problem, const LinearGaussian& policy, double gamma,
                  std::span<const double> s, std::span<const double> a) {
  const Problem p(problem);
  const Matrix next = p.A * matrix(s.size(), 1, s) + p.B * matrix(a.size(), 1, a);
  const Matrix P = matrix(s.size(), s.size(), policy.P);
  return -quadratic(s, p.Q) - quadratic(a, p.R) + gamma * (policy.value(next.data) - trace(P * p.W));
}

}  // namespace saccade::rl
