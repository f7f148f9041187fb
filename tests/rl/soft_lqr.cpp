// The linear system with quadratic costs: its closed forms against theirs, and SAC against its closed form.
#include "rl/tabular/soft_lqr.h"

#include <fmt/format.h>

#include <cmath>
#include <string>
#include <vector>

#include "base/error.h"
#include "envs/classic/linear_quadratic.h"
#include "envs/registry.h"
#include "tests/support/catch.h"
#include "tests/support/env_helpers.h"
#include "tests/support/reference_data.h"

using namespace saccade;
using namespace saccade::tests;
using Catch::Contains;
using envs::LinearQuadratic;
using envs::LinearQuadraticProblem;
using Json = nlohmann::json;

namespace {

const Json& cases() {
  static const Json file = reference("soft_lqr.json");
  return file.at("cases");
}

std::vector<double> data(const Json& tensor) { return numbers(tensor.at("data")); }

LinearQuadraticProblem problem_of(const Json& c) {
  return {.n = c.at("A").at("shape")[0],
          .m = c.at("B").at("shape")[1],
          .A = data(c.at("A")),
          .B = data(c.at("B")),
          .Q = data(c.at("Q")),
          .R = data(c.at("R")),
          .W = data(c.at("W"))};
}

void check_near(double ours, double theirs) {
  INFO(fmt::format("ours {}, theirs {}", ours, theirs));
  CHECK(std::abs(ours - theirs) <= 1e-11 * std::max(1.0, std::abs(theirs)));
}

void check_near(const std::vector<double>& ours, const std::vector<double>& theirs) {
  REQUIRE(ours.size() == theirs.size());
  for (std::size_t i = 0; i < ours.size(); ++i) check_near(ours[i], theirs[i]);
}

std::vector<double> part(const std::vector<double>& all, std::size_t i, std::size_t size) {
  const auto begin = all.begin() + static_cast<std::ptrdiff_t>(i * size);
  return {begin, begin + static_cast<std::ptrdiff_t>(size)};
}

}  // namespace

TEST_CASE("soft LQR: gain, covariance, value and entropy in closed form", "[soft_lqr]") {
  for (const Json& c : cases()) {
    INFO(c.at("name").get<std::string>());
    const LinearQuadraticProblem problem = problem_of(c);
    const double gamma = c.at("gamma"), alpha = c.at("alpha");
    const rl::LinearGaussian best = rl::solve_soft_lqr(problem, gamma, alpha);
    check_near(best.K, data(c.at("K")));
    check_near(best.Sigma, data(c.at("Sigma")));
    check_near(best.P, data(c.at("P")));
    check_near(best.constant, c.at("V_constant"));
    check_near(best.entropy, c.at("entropy"));
    const auto n = static_cast<std::size_t>(problem.n), m = static_cast<std::size_t>(problem.m);
    const std::vector<double> states = data(c.at("states")), actions = data(c.at("actions"));
    const std::vector<double> v = data(c.at("V")), q = data(c.at("Q_values")), log_pi = data(c.at("log_pi"));
    for (std::size_t i = 0; i < v.size(); ++i) {
      const std::vector<double> s = part(states, i, n);
      check_near(best.value(s), v[i]);
      for (std::size_t k = 0; k < 3; ++k) {
        const std::vector<double> a = part(actions, 3 * i + k, m);
        check_near(rl::soft_lqr_q(problem, best, gamma, s, a), q[3 * i + k]);
        check_near(best.log_prob(s, a), log_pi[3 * i + k]);
        // Boltzmann: pi = exp((Q - V) / alpha)
        check_near(best.value(s) + alpha * best.log_prob(s, a), q[3 * i + k]);
      }
    }
    const Json& other = c.at("other_policy");
    const rl::LinearGaussian given =
        rl::evaluate_linear_gaussian(problem, data(other.at("K")), data(other.at("Sigma")), gamma, alpha);
    check_near(given.P, data(other.at("P")));
    check_near(given.constant, other.at("V_constant"));
    check_near(given.entropy, other.at("entropy"));
    const std::vector<double> other_v = data(other.at("V"));
    for (std::size_t i = 0; i < other_v.size(); ++i) {
      check_near(given.value(part(states, i, n)), other_v[i]);
      CHECK(given.value(part(states, i, n)) < best.value(part(states, i, n)));
    }
    // The value of the best policy, as of any.
    check_near(rl::evaluate_linear_gaussian(problem, best.K, best.Sigma, gamma, alpha).constant,
               best.constant);
  }
}

TEST_CASE("where no state costs anything, the best is to do nothing but be random", "[soft_lqr]") {
  const rl::LinearGaussian best =
      rl::solve_soft_lqr({.A = {0.9}, .B = {0.5}, .Q = {0}, .R = {0.1}, .W = {0}}, 0.95, 0.2);
  CHECK(best.P[0] == 0);
  CHECK(best.K[0] == 0);
  CHECK(best.Sigma[0] == Approx(0.2 / 2 / 0.1));
}

TEST_CASE("the environment is the linear system", "[envs][soft_lqr]") {
  for (const Json& c : cases()) {
    INFO(c.at("name").get<std::string>());
    const LinearQuadraticProblem problem = problem_of(c);
    const auto n = static_cast<std::size_t>(problem.n), m = static_cast<std::size_t>(problem.m);
    LinearQuadratic env(problem, 100, 50);
    Rng rng(1);
    reset(env, rng);
    constexpr int draws = 4000;
    std::vector<double> s(n, 0.5), a(m, -0.3), mean(n, 0), products(n * n, 0);
    s.back() = -0.2;
    double cost = 0;
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) cost += s[i] * problem.Q[i * n + j] * s[j];
    }
    for (std::size_t i = 0; i < m; ++i) {
      for (std::size_t j = 0; j < m; ++j) cost += a[i] * problem.R[i * m + j] * a[j];
    }
    for (int t = 0; t < draws; ++t) {
      std::vector<double> state = env.state();
      std::copy(s.begin(), s.end(), state.begin());
      env.set_state(state);
      const Stepped stepped = step(env, a);
      CHECK(stepped.transition.reward == Approx(-cost).epsilon(1e-13));
      CHECK_FALSE(stepped.transition.ends_episode());
      std::vector<double> off = stepped.observation;  // less A s + B a, what is left is noise
      for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j < n; ++j) off[i] -= problem.A[i * n + j] * s[j];
        for (std::size_t j = 0; j < m; ++j) off[i] -= problem.B[i * m + j] * a[j];
      }
      for (std::size_t i = 0; i < n; ++i) {
        mean[i] += off[i] / draws;
        for (std::size_t j = 0; j < n; ++j) products[i * n + j] += off[i] * off[j] / draws;
      }
    }
    for (std::size_t i = 0; i < n; ++i) {
      const double w = problem.W[i * n + i];
      CHECK(std::abs(mean[i]) <= 5 * std::sqrt(w / draws) + 1e-15);
      for (std::size_t j = 0; j < n; ++j) {
        const double scale = std::sqrt(w * problem.W[j * n + j]);
        CHECK(std::abs(products[i * n + j] - problem.W[i * n + j]) <=
              5 * 1.5 * scale / std::sqrt(draws) + 1e-15);
      }
    }
  }
  const std::unique_ptr<envs::Env> registered = envs::make("LinearQuadratic-v0");
  Rng rng(2);
  const double s = reset(*registered, rng)[0];
  CHECK(std::abs(s) <= 1);
  const Stepped stepped = step(*registered, {100});  // clipped to 2.25
  CHECK(stepped.observation[0] == Approx(0.9 * s + 0.5 * 2.25));
  CHECK(stepped.transition.reward == Approx(-(s * s + 0.1 * 2.25 * 2.25)));
  for (int t = 2; t < 25; ++t) CHECK_FALSE(step(*registered, {0}).transition.ends_episode());
  CHECK(step(*registered, {0}).transition.truncated);
}

TEST_CASE("a problem that is none is one error", "[envs][soft_lqr]") {
  const auto error_of = [](const auto& spoil, double bound = 1) -> std::string {
    LinearQuadraticProblem problem = {
        .n = 2, .m = 1, .A = {1, 0, 0, 1}, .B = {0, 1}, .Q = {1, 0, 0, 1}, .R = {1}, .W = {1, 0, 0, 1}};
    spoil(problem);
    try {
      LinearQuadratic(problem, bound, 10);
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "";
  };
  CHECK(error_of([](auto&) {}).empty());
  CHECK(error_of([](auto& p) { p.W = {1, 1, 1, 1}; }).empty());  // of rank 1
  CHECK(error_of([](auto& p) { p.W = {0, 0, 0, 1}; }).empty());
  CHECK_THAT(error_of([](auto& p) { p.A.pop_back(); }), Contains("A has 3 numbers; expected 2 times 2"));
  CHECK_THAT(error_of([](auto& p) { p.B = {1, 1, 1}; }), Contains("B has 3 numbers; expected 2 times 1"));
  CHECK_THAT(error_of([](auto& p) { p.R = {std::nan("")}; }), Contains("R"));
  CHECK_THAT(error_of([](auto& p) { p.W = {1, 0.5, 0, 1}; }), Contains("W is no covariance"));
  CHECK_THAT(error_of([](auto& p) { p.W = {1, 2, 2, 1}; }), Contains("W is no covariance"));
  CHECK_THAT(error_of([](auto& p) { p.W = {0, 1, 1, 1}; }), Contains("W is no covariance"));
  // A covariance of three, none of them independent, is one.
  CHECK_NOTHROW(LinearQuadratic({.n = 3,
                                 .A = {1, 0, 0, 0, 1, 0, 0, 0, 1},
                                 .B = {1, 1, 1},
                                 .Q = {1, 0, 0, 0, 1, 0, 0, 0, 1},
                                 .R = {1},
                                 .W = {4, 2, 2, 2, 5, 3, 2, 3, 6}},
                                1, 10));
  CHECK_THAT(error_of([](auto&) {}, 0), Contains("the bound of actions is 0"));
  const LinearQuadraticProblem standard = LinearQuadratic::standard_problem();
  CHECK_THROWS_WITH(rl::solve_soft_lqr(standard, 1, 1), Contains("gamma is 1"));
  CHECK_THROWS_WITH(rl::solve_soft_lqr(standard, 0.9, 0), Contains("alpha is 0"));
  LinearQuadraticProblem hopeless = standard;
  hopeless.A = {2};
  hopeless.B = {0};
  CHECK_THROWS_WITH(rl::solve_soft_lqr(hopeless, 0.9, 1), Contains("without bound"));
  LinearQuadraticProblem paid = standard;
  paid.R = {-1};
  CHECK_THROWS_WITH(rl::solve_soft_lqr(paid, 0.9, 1), Contains("positive definite"));
  LinearQuadratic env(standard, 1, 10);
  CHECK_THROWS_WITH(env.set_state(std::vector<double>{0, -1, 0}), Contains("seed and count"));
}
