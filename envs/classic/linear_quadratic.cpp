#include "envs/classic/linear_quadratic.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <utility>

#include "base/error.h"
#include "envs/checks.h"
#include "envs/registry.h"

namespace saccade::envs {

namespace {

constexpr const char* kId = "LinearQuadratic-v0";

// y += X x, with X (rows, columns).
void add_product(const std::vector<double>& matrix, std::span<const double> x, std::span<double> y) {
  for (std::size_t i = 0; i < y.size(); ++i) {
    for (std::size_t j = 0; j < x.size(); ++j) y[i] += matrix[i * x.size() + j] * x[j];
  }
}

// x^T X x
double quadratic(const std::vector<double>& matrix, std::span<const double> x) {
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    for (std::size_t j = 0; j < x.size(); ++j) sum += x[i] * matrix[i * x.size() + j] * x[j];
  }
  return sum;
}

// L of W = L L^T, by Cholesky; of a pivot of 0 the whole column is 0.
std::vector<double> factor(const std::vector<double>& w, std::size_t n) {
  std::vector<double> l(n * n, 0);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      double rest = w[i * n + j];
      for (std::size_t k = 0; k < j; ++k) rest -= l[i * n + k] * l[j * n + k];
      const bool fits =
          w[i * n + j] == w[j * n + i] && (i != j || rest >= 0) && (i == j || l[j * n + j] > 0 || rest == 0);
      if (!fits)
        throw ConfigError(
            fmt::format("{}: W is no covariance: it is not symmetric, or has a negative direction", kId));
      if (i == j)
        l[i * n + j] = std::sqrt(rest);
      else if (l[j * n + j] > 0)
        l[i * n + j] = rest / l[j * n + j];
    }
  }
  return l;
}

void check_matrix(const char* name, const std::vector<double>& matrix, std::int64_t rows,
                  std::int64_t columns) {
  const bool is_finite = std::all_of(matrix.begin(), matrix.end(), [](double x) { return std::isfinite(x); });
  if (is_finite && rows > 0 && columns > 0 && matrix.size() == static_cast<std::size_t>(rows * columns))
    return;
  throw ConfigError(fmt::format("{}: {} has {} numbers; expected {} times {}, all of them finite", kId, name,
                                matrix.size(), rows, columns));
}

}  // namespace

LinearQuadratic::LinearQuadratic(LinearQuadraticProblem problem, double bound, std::int64_t max_episode_steps)
    : problem_(std::move(problem)), bound_(bound) {
  const LinearQuadraticProblem& p = problem_;
  check_matrix("A", p.A, p.n, p.n);
  check_matrix("B", p.B, p.n, p.m);
  check_matrix("Q", p.Q, p.n, p.n);
  check_matrix("R", p.R, p.m, p.m);
  check_matrix("W", p.W, p.n, p.n);
  if (!(bound > 0 && std::isfinite(bound))) {
    throw ConfigError(
        fmt::format("{}: the bound of actions is {}; expected a finite number above 0", kId, bound));
  }
  const auto n = static_cast<std::size_t>(p.n), m = static_cast<std::size_t>(p.m);
  if (std::any_of(p.W.begin(), p.W.end(), [](double x) { return x != 0; })) noise_factor_ = factor(p.W, n);
  s_.resize(n);
  next_.resize(n);
  noise_.resize(n);
  action_.resize(m);
  constexpr double infinity = std::numeric_limits<double>::infinity();
  spec_ = {.id = kId,
           .observation_space = Box{.low = std::vector(n, -infinity), .high = std::vector(n, infinity)},
           .action_space = Box{.low = std::vector(m, -bound), .high = std::vector(m, bound)},
           .max_episode_steps = max_episode_steps};
}

LinearQuadraticProblem LinearQuadratic::standard_problem() {
  return {.n = 1, .m = 1, .A = {0.9}, .B = {0.5}, .Q = {1}, .R = {0.1}, .W = {0}};
}

void LinearQuadratic::reset(Rng& rng, std::span<double> observation) {
  check_observation(spec(), observation);
  rng_ = Rng(rng.block()[0]);
  for (double& coordinate : s_) coordinate = rng_.uniform(-1, 1);
  observe(observation);
}

StepResult LinearQuadratic::step(std::span<const double> action, std::span<double> observation) {
  check_action(spec(), action);
  check_observation(spec(), observation);
  for (std::size_t j = 0; j < action.size(); ++j) action_[j] = std::clamp(action[j], -bound_, bound_);
  const double state_cost = quadratic(problem_.Q, s_), action_cost = quadratic(problem_.R, action_);
  std::fill(next_.begin(), next_.end(), 0);
  add_product(problem_.A, s_, next_);
  add_product(problem_.B, action_, next_);
  if (!noise_factor_.empty()) {
    for (double& z : noise_) z = rng_.normal();
    add_product(noise_factor_, noise_, next_);
  }
  std::swap(s_, next_);
  observe(observation);
  return {.reward = -(state_cost + action_cost),
          .terms = {{{"state", -state_cost}, {"action", -action_cost}}}};
}

std::vector<double> LinearQuadratic::state() const {
  std::vector<double> state = s_;
  state.push_back(static_cast<double>(rng_.state().key));
  state.push_back(static_cast<double>(rng_.state().counter));
  return state;
}

void LinearQuadratic::set_state(std::span<const double> state) {
  check_state(spec(), state, s_.size() + 2);
  const double key = state[s_.size()], counter = state[s_.size() + 1];
  const auto is_whole = [](double x, double max) { return x == std::floor(x) && 0 <= x && x <= max; };
  if (!is_whole(key, 4294967295.0) || !is_whole(counter, 9007199254740992.0)) {
    throw Error(fmt::format(
        "{}: a state's seed and count are {} and {}, but whole numbers from 0 to 2^32 - 1 and 2^53 are "
        "expected",
        kId, key, counter));
  }
  std::copy_n(state.begin(), s_.size(), s_.begin());
  rng_.set_state({static_cast<std::uint64_t>(key), static_cast<std::uint64_t>(counter)});
}

void LinearQuadratic::observe(std::span<double> observation) const {
  check_observation(spec(), observation);
  std::copy(s_.begin(), s_.end(), observation.begin());
}

Entry linear_quadratic_entry() {
  return {kId, [] {
            return std::make_unique<LinearQuadratic>(LinearQuadratic::standard_problem(),
                                                     LinearQuadratic::kBound,
                                                     LinearQuadratic::kMaxEpisodeSteps);
          }};
}

}  // namespace saccade::envs
