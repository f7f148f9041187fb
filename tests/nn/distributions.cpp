// The distributions against PyTorch's and 60-digit values, and against what makes a density one.
#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include "autograd/grad.h"
#include "autograd/ops.h"
#include "base/error.h"
#include "nn/distributions/tanh_normal.h"
#include "tests/support/catch.h"
#include "tests/support/reference_data.h"

using namespace saccade;
using namespace saccade::nn;
using namespace saccade::tests;
using Catch::Contains;
using saccade::nn::Normal;

namespace {

constexpr double kUlp = 0x1p-52;
constexpr LogProbForm kStable = LogProbForm::stable, kEps1e6 = LogProbForm::eps1e6;

// (1, d)
Tensor row(const std::vector<double>& values, DType dtype = DType::f64) {
  return from_values(values, {1, static_cast<std::int64_t>(values.size())}, dtype);
}

// log(1 - tanh(u)^2), from the even side: log 4 - 2 |u| - 2 log(1 + e^(-2 |u|)).
double log_sech2(double u) {
  const double x = std::abs(u);
  return std::log(4.0) - 2 * x - 2 * std::log1p(std::exp(-2 * x));
}

double log_normal(double x, double mean, double std) {
  const double z = (x - mean) / std;
  return -0.5 * z * z - std::log(std) - 0.5 * std::log(2 * std::numbers::pi);
}

double normal_cdf(double z) { return 0.5 * std::erfc(-z / std::numbers::sqrt2); }

// The largest distance between a sample's distribution function and `cdf` (Kolmogorov and Smirnov).
template <class F>
double ks_distance(std::vector<double> sample, const F& cdf) {
  std::sort(sample.begin(), sample.end());
  const auto n = static_cast<double>(sample.size());
  double distance = 0;
  for (std::size_t i = 0; i < sample.size(); ++i) {
    const double p = cdf(sample[i]), below = static_cast<double>(i) / n;
    distance = std::max({distance, p - below, below + 1 / n - p});
  }
  return distance;
}

// Checks each entry against a column of the reference; `tolerance(i)` is argued at the call.
template <class F>
void check_column(const char* what, const Tensor& actual, const nlohmann::json& column, const F& tolerance) {
  const std::vector<double> values = actual.to_vector(), expected = numbers(column);
  REQUIRE(values.size() == expected.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    INFO(what << "[" << i << "]: " << values[i] << ", expected " << expected[i]);
    CHECK(std::abs(values[i] - expected[i]) <= tolerance(i));
  }
}

}  // namespace

TEST_CASE("TanhNormal agrees with every recorded case", "[distributions]") {
  const nlohmann::json file = reference("tanh_normal.json");
  REQUIRE(file["cases"].size() >= 151);
  for (const nlohmann::json& c : file["cases"]) {
    INFO(c["name"]);
    const Tensor mean = row(numbers(c["mean"])).requires_grad_(),
                 log_std = row(numbers(c["log_std"])).requires_grad_();
    const TanhNormal pi(mean, log_std);
    const TanhNormal::Sample drawn = pi.rsample(row(numbers(c["eps"])));
    const std::vector<double> us = numbers(c["u"]), eps = numbers(c["eps"]), log_stds = numbers(c["log_std"]);
    const std::vector<double> logs = numbers(c["normal_log_prob"]), dets = numbers(c["log_det_exact_mpmath"]);

    // Two systems' u differ by its rounding, from mean + std eps: an ulp or two of the larger term.
    const auto std = [&](std::size_t i) { return std::exp(log_stds[i]); };
    const auto u_rounding = [&](std::size_t i) {
      return 2 * kUlp * (std::abs(us[i]) + std::abs(std(i) * eps[i]));
    };
    check_column("u", drawn.u, c["u"], u_rounding);
    check_column("action", drawn.action, c["action"],
                 [&](std::size_t i) { return u_rounding(i) + 3 * kUlp; });

    // At the recorded u: some ten roundings, each relative to one of the two terms.
    const Tensor u = row(us);
    const auto value = [&](std::size_t i) { return 1e-15 * (1 + std::abs(logs[i]) + std::abs(dets[i])); };
    // PyTorch's softplus drops log1p(exp(2u)) <= 2.1e-9 from u < -10 on, and that is counted twice.
    const auto torch_softplus = [&](std::size_t i) { return us[i] < -10 ? 5e-9 : 0.0; };
    // 1 - a^2 is rounded at some ulps of 1 and then divided into.
    const auto of_1e6 = [&](std::size_t i) { return 4 * kUlp / (std::exp(dets[i]) + 1e-6); };
    check_column("exact", pi.component_log_prob(u), c["log_prob_exact_mpmath"], value);
    check_column("stable", pi.component_log_prob(u), c["log_prob_stable"],
                 [&](std::size_t i) { return value(i) + torch_softplus(i); });
    check_column("transformed", pi.component_log_prob(u), c["log_prob_transformed"],
                 [&](std::size_t i) { return value(i) + torch_softplus(i); });
    check_column("eps1e-6", pi.component_log_prob(u, kEps1e6), c["log_prob_eps1e-6"],
                 [&](std::size_t i) { return value(i) + of_1e6(i); });
    const Tensor normal = Normal(mean, log_std).component_log_prob(u);
    check_column("normal", normal, c["normal_log_prob"], value);
    check_column("log_det", normal - pi.component_log_prob(u), c["log_det_exact_mpmath"],
                 [&](std::size_t i) { return 2 * value(i); });
    check_column("log_det of eps1e-6", normal - pi.component_log_prob(u, kEps1e6),
                 c["log_det_eps1e-6_exact_mpmath"], [&](std::size_t i) { return 2 * value(i) + of_1e6(i); });

    // Along the draw, where an error of u moves (u - mean) / std by 1 / std times that, at most 3e-8.
    const auto z_rounding = [&](std::size_t i) { return 2 * u_rounding(i) / std(i); };
    const auto along = [&](std::size_t i) {
      return value(i) + torch_softplus(i) + 2 * u_rounding(i) +
             z_rounding(i) * (std::abs(eps[i]) + z_rounding(i));
    };
    check_column("of the draw", pi.component_log_prob(drawn), c["log_prob_exact_mpmath"], along);
    check_column("of the draw's u", pi.component_log_prob(drawn.u), c["log_prob_exact_mpmath"], along);
    check_column("of the draw, eps1e-6", pi.component_log_prob(drawn, kEps1e6), c["log_prob_eps1e-6"],
                 [&](std::size_t i) { return along(i) + of_1e6(i); });

    // The sums, to the sum of their terms' tolerances.
    const auto check_sum = [&](const Tensor& actual, const char* name, const auto& tolerance) {
      double total = 0;
      for (std::size_t i = 0; i < us.size(); ++i) total += 2 * tolerance(i);
      CHECK(actual.shape() == Shape{1, 1});
      check_column(name, actual, nlohmann::json::array({c["sum"][name]}), [&](std::size_t) { return total; });
    };
    check_sum(pi.log_prob(drawn), "stable", along);
    check_sum(pi.log_prob(drawn.u), "transformed", along);
    check_sum(pi.log_prob(drawn.u, kEps1e6), "eps1e-6", [&](std::size_t i) { return along(i) + of_1e6(i); });

    // Gradients. d/d mean is -z / std, which the two ways to it add and take away again, + 2 tanh(u);
    // d/d log_std is z^2 - 1 and std eps times that. PyTorch's softplus has slope 1 from u < -10 on, which
    // changes 2 tanh(u) by up to 8.3e-9.
    const auto d_mean = [&](std::size_t i) {
      return 1e-15 * (1 + std::abs(eps[i]) / std(i)) + z_rounding(i) + (us[i] < -10 ? 1e-8 : 0.0);
    };
    const auto d_log_std = [&](std::size_t i) {
      const double std_eps = std::abs(std(i) * eps[i]);
      return 2e-15 * (1 + eps[i] * eps[i]) + 2 * z_rounding(i) * (std::abs(eps[i]) + z_rounding(i)) +
             std_eps * (1e-15 + (us[i] < -10 ? 1e-8 : 0.0));
    };
    const auto check_gradients = [&](const char* name, const Tensor& y, const auto& of_mean,
                                     const auto& of_log_std) {
      INFO("gradients of " << name);
      const TensorList g = grad(sum(y), {mean, log_std}, {.retain_graph = true, .allow_unused = true});
      check_column("d_mean", g[0], c["grad"][name]["d_mean"], of_mean);
      check_column("d_log_std", g[1], c["grad"][name]["d_log_std"], of_log_std);
    };
    for (const Tensor& y : {pi.log_prob(drawn), pi.log_prob(drawn.u)}) {
      check_gradients("log_prob_stable", y, d_mean, d_log_std);
      check_gradients("log_prob_transformed", y, d_mean, d_log_std);
    }
    for (const Tensor& y : {pi.log_prob(drawn, kEps1e6), pi.log_prob(drawn.u, kEps1e6)}) {
      check_gradients(
          "log_prob_eps1e-6", y, [&](std::size_t i) { return d_mean(i) + 2 * of_1e6(i); },
          [&](std::size_t i) { return d_log_std(i) + 2 * of_1e6(i) * std::abs(std(i) * eps[i]); });
    }
    check_gradients(
        "action", drawn.action, [&](std::size_t i) { return 4 * kUlp + 2 * u_rounding(i); },
        [&](std::size_t i) { return std::abs(std(i) * eps[i]) * (4 * kUlp + 2 * u_rounding(i)); });
    // z / std and z^2 - 1 at the recorded u, whose u - mean is exact or rounded once. Recorded at eps = 0 and
    // at std = 2e-9 too, where z is as u gives it.
    check_gradients(
        "log_prob_stable_u_held_constant", pi.log_prob(u),
        [&](std::size_t i) { return 1e-15 * (std::abs(eps[i]) + 1e-7) / std(i); },
        [&](std::size_t i) { return 2e-15 * (1 + eps[i] * eps[i]); });
  }
}

TEST_CASE("TanhNormal's density integrates to 1 over (-1, 1)", "[distributions]") {
  // By the substitution a = tanh(u), da = du / cosh(u)^2: on a grid in u, which is fine where the mass is
  // even if all of it is within 1e-12 of a = 1, as no grid in a could be. The trapezoid rule converges faster
  // than any power there, since the integrand and its derivatives vanish at both ends.
  for (const double mean : {0.0, 0.7, -3.0, 15.0, -40.0}) {
    for (const double log_std : {-6.0, -2.0, 0.0, 1.0, 2.0}) {
      INFO("mean " << mean << ", log_std " << log_std);
      const double std = std::exp(log_std), step = std / 50;
      const std::int64_t n = 1001;  // mean - 10 std to mean + 10 std
      const Tensor u = unsqueeze(mean + step * (arange(n, DType::f64) - 500), 1);
      const TanhNormal pi(full({n, 1}, mean, DType::f64), full({n, 1}, log_std, DType::f64));
      const std::vector<double> log_pi = pi.log_prob(u).to_vector(), us = u.to_vector();
      double integral = 0;
      for (std::size_t i = 0; i < us.size(); ++i) {
        // exp(log pi) overflows from u = 355 on and 1 / cosh^2 underflows, so they meet as logarithms.
        integral += std::exp(log_pi[i] - 2 * std::log(std::cosh(us[i]))) * step;
      }
      CHECK(integral == Approx(1).epsilon(1e-9));
    }
  }
  // Directly in a, for a density that is smooth up to the ends.
  const std::int64_t n = 200'000;
  const Tensor a = unsqueeze((2 * arange(n, DType::f64) + 1) * (1.0 / n) - 1, 1);
  const TanhNormal pi(full({n, 1}, 0.3, DType::f64), full({n, 1}, -1, DType::f64));
  CHECK(sum(exp(pi.log_prob_of_action(a))).item() * 2.0 / n == Approx(1).epsilon(1e-9));
}

TEST_CASE("samples have the distribution that they claim", "[distributions]") {
  constexpr std::int64_t n = 40'000;
  // A right sampler exceeds this with probability 1e-4: 2 exp(-2 x^2), x = 2.23. The seed is fixed.
  const double limit = 2.23 / std::sqrt(static_cast<double>(n));
  for (const DType dtype : {DType::f32, DType::f64}) {
    for (const double mean : {0.0, -0.8, 2.0}) {
      for (const double log_std : {-3.0, 0.0, 1.0}) {
        INFO(name(dtype) << ", mean " << mean << ", log_std " << log_std);
        Rng rng(11);
        const double std = std::exp(log_std);
        const Tensor mean_of = full({n, 1}, mean, dtype), log_std_of = full({n, 1}, log_std, dtype);
        const auto cdf = [&](double x) { return normal_cdf((x - mean) / std); };
        CHECK(ks_distance(Normal(mean_of, log_std_of).sample(rng).to_vector(), cdf) < limit);
        const TanhNormal::Sample drawn = TanhNormal(mean_of, log_std_of).rsample(rng);
        CHECK(ks_distance(drawn.u.to_vector(), cdf) < limit);
        if (log_std > 0 || mean > 1) continue;  // many actions are exactly 1 in f32
        CHECK(ks_distance(drawn.action.to_vector(), [&](double a) { return cdf(std::atanh(a)); }) < limit);
        // and the check can fail
        CHECK(ks_distance(drawn.u.to_vector(), [&](double x) { return cdf(x + 0.1 * std); }) > limit);
      }
    }
  }
}

TEST_CASE("log-prob's gradients agree with finite differences at every u", "[distributions]") {
  for (const LogProbForm form : {kStable, kEps1e6}) {
    for (const double log_std : {-3.0, -0.5, 1.0}) {
      for (const double eps : {-1.3, 0.0, 0.8}) {
        for (double u = -20; u <= 20; u += 0.5) {
          INFO("form " << static_cast<int>(form) << ", u " << u << ", log_std " << log_std << ", eps "
                       << eps);
          const double mean = u - std::exp(log_std) * eps;
          const auto log_pi = [&](const Tensor& m, const Tensor& l) {
            const TanhNormal pi(m, l);
            return pi.log_prob(pi.rsample(row({eps})), form);
          };
          const auto at = [&](double m, double l) { return log_pi(row({m}), row({l})).item(); };
          const Tensor m = row({mean}).requires_grad_(), l = row({log_std}).requires_grad_();
          const TensorList g = grad(log_pi(m, l), {m, l});
          // Differences of values of about 40, rounded at 1e-14, over 2e-4: 1e-10; the stencil's h^2 times a
          // third derivative of at most 8 e^(3 log_std): 1e-6 where std is 3, far less elsewhere. The form
          // with 1e-6 rounds 1 - a^2 at 1e-16 against 1e-6: 1e-10 more in the value, 1e-6 in the difference.
          const double h = 1e-4, tolerance = 3e-6;
          CHECK(g[0].item() ==
                Approx((at(mean + h, log_std) - at(mean - h, log_std)) / (2 * h)).margin(tolerance));
          CHECK(g[1].item() ==
                Approx((at(mean, log_std + h) - at(mean, log_std - h)) / (2 * h)).margin(tolerance));
        }
      }
    }
  }
}

TEST_CASE("log-prob and its gradient are right in f32 up to |u| = 100", "[distributions]") {
  for (double size = 0; size <= 100; size += size < 12 ? 0.125 : 4) {
    for (const double u : {size, -size}) {
      INFO("u " << u);
      // On the mean, and far from it.
      for (const double mean_value : {u, 0.0}) {
        const Tensor mean = row({mean_value}, DType::f32).requires_grad_(),
                     log_std = row({0.5}, DType::f32).requires_grad_();
        const TanhNormal pi(mean, log_std);
        const double log_n = log_normal(u, mean_value, std::exp(0.5)), log_det = log_sech2(u);
        const double exact = log_n - log_det;
        // A dozen roundings at 6e-8 of the largest terms, z^2 / 2 and 4 |u|.
        const double tolerance = 12 * 6e-8 * (1 + std::abs(log_n) + 2 * std::abs(log_det));
        CHECK(pi.log_prob(row({u}, DType::f32)).item() == Approx(exact).margin(tolerance));
      }
      const Tensor mean = row({u}, DType::f32).requires_grad_(),
                   log_std = row({0.5}, DType::f32).requires_grad_();
      const TanhNormal pi(mean, log_std);
      const TanhNormal::Sample drawn = pi.rsample(row({0}, DType::f32));
      const TensorList g = grad(pi.log_prob(drawn), {mean, log_std});
      CHECK(g[0].item() == Approx(2 * std::tanh(u)).margin(5e-7));
      CHECK(g[1].item() == -1);
    }
  }
}

TEST_CASE("a draw's own eps keeps the log-prob right in f32 at the smallest std", "[distributions]") {
  for (const double log_std : {-5.0, -10.0, -20.0}) {
    INFO("log_std " << log_std);
    const auto of = [&](DType dtype, bool by_u) {
      const Tensor mean = row({0.25}, dtype).requires_grad_(),
                   log_std_of = row({log_std}, dtype).requires_grad_();
      const TanhNormal pi(mean, log_std_of);
      const TanhNormal::Sample drawn = pi.rsample(row({0.7}, dtype));
      const Tensor y = by_u ? pi.log_prob(drawn.u) : pi.log_prob(drawn);
      return std::pair(y.item(), grad(y, mean).item());
    };
    const auto exact = of(DType::f64, false), by_eps = of(DType::f32, false), by_u = of(DType::f32, true);
    CHECK(by_eps.first == Approx(exact.first).epsilon(1e-6));
    CHECK(by_eps.second == Approx(exact.second).epsilon(1e-6));
    if (log_std == -20) CHECK(std::abs(by_u.first - exact.first) > 0.1);  // u - mean is 0 there
  }
}

TEST_CASE("the form with 1e-6 is wrong where it is known to be", "[distributions]") {
  const auto of = [](double u, DType dtype, LogProbForm form) {
    const Tensor mean = row({u}, dtype).requires_grad_();
    const TanhNormal pi(mean, row({0}, dtype));
    const Tensor y = pi.log_prob(pi.rsample(row({0}, dtype)), form);
    return std::pair(y.item(), grad(y, mean).item());
  };
  const auto stable = of(8, DType::f32, kStable), rough = of(8, DType::f32, kEps1e6);
  CHECK(stable.first - rough.first == Approx(1.2).margin(0.05));
  CHECK(stable.second / rough.second == Approx(3.1).margin(0.2));
  // Further out its value stands still and its gradient is gone, in f64 too.
  CHECK(of(12, DType::f32, kEps1e6).second < 1e-3);
  CHECK(of(12, DType::f64, kEps1e6).second < 1e-3);
  CHECK(of(12, DType::f32, kStable).second == Approx(2));
  // At small |u| both are right: off by 1e-6 / (1 - a^2).
  CHECK(of(0.5, DType::f64, kEps1e6).first == Approx(of(0.5, DType::f64, kStable).first).margin(2e-6));
}

TEST_CASE("saturated actions do not determine u", "[distributions]") {
  const Tensor u = row({9.1, 20, 100}, DType::f32);
  CHECK(tanh(u).to_vector() == std::vector<double>{1, 1, 1});
  const TanhNormal pi(zeros({1, 3}), full({1, 3}, 2));
  const std::vector<double> log_pi = pi.component_log_prob(u).to_vector();
  CHECK(log_pi[1] > log_pi[0] + 10);
  // From the action alone all three count as the last u that f32 tells from the others.
  const double each = pi.log_prob_of_action(tanh(u)).item() / 3;
  CHECK(each ==
        Approx(log_normal(std::atanh(1 - 0x1p-24), 0, std::exp(2.0)) - log_sech2(std::atanh(1 - 0x1p-24)))
            .epsilon(1e-5));
}

TEST_CASE("log_prob_of_action inverts tanh where it can", "[distributions]") {
  const std::vector<double> us = {-7, -3, -0.5, -1e-5, 0, 1e-5, 0.5, 3, 7};
  const Tensor u = unsqueeze(row(us), 2);
  const TanhNormal pi(full({1, 9, 1}, 0.2, DType::f64), full({1, 9, 1}, 0.4, DType::f64));
  const std::vector<double> by_u = pi.log_prob(u).to_vector(),
                            by_a = pi.log_prob_of_action(tanh(u)).to_vector();
  // At |u| = 7, 1 - a^2 is 3e-6: an action's rounding of 1e-16 moves u by 3e-11.
  for (std::size_t i = 0; i < us.size(); ++i) CHECK(by_a[i] == Approx(by_u[i]).epsilon(1e-9));
  CHECK(std::isfinite(pi.log_prob_of_action(full({1, 9, 1}, 1, DType::f64)).to_vector()[0]));
  CHECK(std::isfinite(pi.log_prob_of_action(full({1, 9, 1}, -1, DType::f64)).to_vector()[0]));
}

TEST_CASE("Normal is a normal distribution", "[distributions]") {
  Rng rng(4);
  const Tensor mean = randn({5, 3}, rng, DType::f64).requires_grad_();
  const Tensor log_std = randn({3}, rng, DType::f64).requires_grad_();  // the same in every row
  const Normal normal(mean, log_std);
  const Tensor x = randn({5, 3}, rng, DType::f64);
  const std::vector<double> values = normal.component_log_prob(x).to_vector(), xs = x.to_vector(),
                            means = mean.to_vector(), log_stds = log_std.to_vector();
  for (std::size_t i = 0; i < xs.size(); ++i) {
    CHECK(values[i] == Approx(log_normal(xs[i], means[i], std::exp(log_stds[i % 3]))).epsilon(1e-13));
  }
  CHECK(normal.log_prob(x).shape() == Shape{5, 1});
  CHECK(normal.log_prob(x).to_vector()[1] == Approx(values[3] + values[4] + values[5]).epsilon(1e-14));

  // The entropy is the mean of -log p, 1/2 log(2 pi e std^2) a component.
  double entropy = 0;
  for (const double l : log_stds) entropy += 0.5 * std::log(2 * std::numbers::pi * std::numbers::e) + l;
  CHECK(normal.entropy().shape() == Shape{5, 1});
  CHECK(normal.entropy().to_vector()[2] == Approx(entropy).epsilon(1e-14));

  // Draws: the same from the same noise, on the tape or not.
  Rng one(9), two(9);
  CHECK(normal.sample(one).to_vector() == normal.rsample(two).to_vector());
  CHECK_FALSE(normal.sample(one).requires_grad());
  const Tensor eps = randn({5, 3}, rng, DType::f64);
  const TensorList g = grad(sum(normal.rsample(eps)), {mean, log_std});
  CHECK(g[0].to_vector() == std::vector<double>(15, 1.0));
  CHECK(g[1].shape() == Shape{3});
  CHECK(g[1].to_vector()[0] == Approx(sum(exp(log_std) * eps, {0}).to_vector()[0]).epsilon(1e-14));
}

TEST_CASE("TanhNormal's mode is tanh(mean) and its draws are reproducible", "[distributions]") {
  const TanhNormal pi(row({0.3, -2}), row({0, 0}));
  CHECK(pi.mode().to_vector() == tanh(row({0.3, -2})).to_vector());
  Rng one(1), two(1);
  const TanhNormal::Sample a = pi.rsample(one), b = pi.rsample(two);
  CHECK(a.action.to_vector() == b.action.to_vector());
  CHECK(a.action.to_vector() == tanh(a.u).to_vector());
}

TEST_CASE("distributions refuse what does not fit", "[distributions]") {
  const Tensor x = zeros({4, 3});
  CHECK_THROWS_AS(Normal(Tensor(), x), ShapeError);
  CHECK_THROWS_AS(Normal(x, Tensor()), ShapeError);
  CHECK_THROWS_AS(Normal(scalar(0), scalar(0)), ShapeError);
  CHECK_THROWS_AS(Normal(x, zeros({4, 2})), ShapeError);
  CHECK_THROWS_WITH(Normal(zeros({3}), x), Contains("[4, 3]") && Contains("[3]"));
  CHECK_THROWS_AS(Normal(x, zeros({4, 3}, DType::f64)), DTypeError);
  const TanhNormal pi(x, x);
  CHECK_THROWS_WITH(pi.log_prob(zeros({4, 1})), Contains("f32 [4, 1]") && Contains("f32 [4, 3]"));
  CHECK_THROWS_AS(pi.log_prob(Tensor()), ShapeError);
  CHECK_THROWS_AS(pi.rsample(zeros({3})), ShapeError);
  CHECK_THROWS_AS(pi.rsample(zeros({4, 3}, DType::f64)), DTypeError);
  CHECK_THROWS_AS(pi.log_prob_of_action(zeros({3})), ShapeError);
  const TanhNormal::Sample other = TanhNormal(zeros({1, 3}), zeros({1, 3})).rsample(zeros({1, 3}));
  CHECK_THROWS_WITH(pi.log_prob(other), Contains("the sample's u is f32 [1, 3], expected f32 [4, 3]"));
}
