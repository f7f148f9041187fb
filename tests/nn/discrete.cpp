// Categorical and Bernoulli, and KL divergences of all distributions: against values by hand, each other, and
// what they sample.
#include <cmath>
#include <limits>
#include <numbers>
#include <string>
#include <vector>

#include "autograd/grad.h"
#include "autograd/gradcheck.h"
#include "autograd/ops.h"
#include "base/error.h"
#include "nn/distributions/bernoulli.h"
#include "nn/distributions/categorical.h"
#include "nn/distributions/tanh_normal.h"
#include "tests/support/catch.h"

using namespace saccade;
using namespace saccade::nn;
using Catch::Contains;
using saccade::nn::Normal;

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

using Values = std::vector<double>;

Tensor row(const Values& values, DType dtype = DType::f64) {
  return from_values(values, {static_cast<std::int64_t>(values.size())}, dtype);
}

double logit(double p) { return std::log(p / (1 - p)); }

bool all_finite(const Tensor& x) {
  for (const double v : x.to_vector()) {
    if (!std::isfinite(v)) return false;
  }
  return true;
}

// sum_i (observed_i - expected_i)^2 / expected_i over the possible outcomes 0, 1, ...; infinite if an
// impossible one was drawn.
double chi_square(const Values& drawn, const Values& probs) {
  Values observed(probs.size(), 0.0);
  for (const double outcome : drawn) ++observed.at(static_cast<std::size_t>(outcome));
  double total = 0;
  for (std::size_t i = 0; i < probs.size(); ++i) {
    const double expected = probs[i] * static_cast<double>(drawn.size()), off = observed[i] - expected;
    if (off != 0) total += off * off / expected;
  }
  return total;
}

}  // namespace

TEST_CASE("the entropy of a fair coin is log 2 and of a (0.9, 0.1) coin 0.325 nats", "[discrete]") {
  const double uneven = -0.9 * std::log(0.9) - 0.1 * std::log(0.1);
  CHECK(uneven == Approx(0.32508).margin(5e-6));
  for (const DType dtype : {DType::f32, DType::f64}) {
    const double epsilon = dtype == DType::f32 ? 1e-6 : 1e-14;
    const Categorical coins(log(from_values({0.5, 0.5, 0.9, 0.1, 0.1, 0.9}, {3, 2}, dtype)));
    CHECK(coins.entropy().shape() == Shape{3});
    const Values by_class = coins.entropy().to_vector(),
                 by_coin = Bernoulli(row({0, logit(0.9), logit(0.1)}, dtype)).entropy().to_vector();
    for (const Values& entropy : {by_class, by_coin}) {
      CHECK(entropy[0] == Approx(std::numbers::ln2).epsilon(epsilon));
      CHECK(entropy[1] == Approx(uneven).epsilon(epsilon));
      CHECK(entropy[2] == Approx(uneven).epsilon(epsilon));
    }
  }
  CHECK(Categorical(zeros({7}, DType::f64)).entropy().item() == Approx(std::log(7)).epsilon(1e-14));
  CHECK(Categorical(row({3.5})).entropy().item() == 0);
}

TEST_CASE("probabilities sum to one, and entropy is the mean of -log p", "[discrete]") {
  Rng rng(1);
  const Tensor logits = 3 * randn({4, 2, 5}, rng, DType::f64);
  const Categorical classes(logits);
  CHECK(classes.probs().shape() == Shape{4, 2, 5});
  Tensor total = zeros({4, 2}, DType::f64), surprise = total;
  for (std::int64_t i = 0; i < 5; ++i) {
    const Tensor log_p = classes.log_prob(full({4, 2}, static_cast<double>(i), DType::f64));
    CHECK(log_p.shape() == Shape{4, 2});
    CHECK(amax(abs(exp(log_p) - select(classes.probs(), 2, i))).item() < 1e-15);
    CHECK(log_p.to_vector() == select(classes.log_probs(), 2, i).to_vector());
    total = total + exp(log_p);
    surprise = surprise - exp(log_p) * log_p;
  }
  CHECK(amax(abs(total - 1)).item() < 1e-15);
  CHECK(amax(abs(surprise - classes.entropy())).item() < 1e-14);

  const Bernoulli coins(logits);
  const Tensor heads = coins.log_prob(ones_like(logits)), tails = coins.log_prob(zeros_like(logits));
  CHECK(amax(abs(exp(heads) + exp(tails) - 1)).item() < 1e-15);
  CHECK(amax(abs(exp(heads) - coins.probs())).item() < 1e-15);
  CHECK(amax(abs(coins.entropy() + exp(heads) * heads + exp(tails) * tails)).item() < 1e-14);
  // A coin is a choice of two classes, whose logits differ by its own.
  const Categorical sides(stack({zeros_like(logits), logits}, -1));
  CHECK(amax(abs(sides.entropy() - coins.entropy())).item() < 1e-14);
  CHECK(amax(abs(sides.log_prob(ones_like(logits)) - heads)).item() < 1e-14);
}

TEST_CASE("modes are the most probable outcomes", "[discrete]") {
  const Categorical classes(from_values({0.1, 3, -2, 5, -kInf, 5}, {2, 3}));
  CHECK(classes.mode().to_vector() == Values{1, 0});
  CHECK(classes.mode().shape() == Shape{2});
  CHECK(Bernoulli(row({-1, 0, 1e-3, kInf})).mode().to_vector() == Values{0, 0, 1, 1});
}

TEST_CASE("discrete samples have the frequencies that they should", "[discrete]") {
  constexpr std::int64_t n = 40'000;
  // chi^2 with four degrees of freedom exceeds 23.5, and with one 15.1, with probability 1e-4. Seeds are
  // fixed.
  for (const DType dtype : {DType::f32, DType::f64}) {
    INFO(name(dtype));
    Rng rng(5);
    const Values probs = {0, 0.4, 0.3, 0, 0.2, 0.09, 0.01, 0};
    const Categorical classes(expand(log(row(probs, dtype)), {n, 8}));
    const Tensor drawn = classes.sample(rng);
    CHECK(drawn.shape() == Shape{n});
    CHECK(drawn.dtype() == DType::i64);
    CHECK(chi_square(drawn.to_vector(), probs) < 23.5);
    CHECK(chi_square(drawn.to_vector(), {0, 0.42, 0.28, 0, 0.2, 0.09, 0.01, 0}) > 23.5);  // it can fail
    CHECK(all_finite(classes.log_prob(drawn)));

    for (const double p : {0.5, 0.9, 0.003}) {
      const Tensor coins = Bernoulli(full({n}, logit(p), dtype)).sample(rng);
      CHECK(coins.dtype() == dtype);
      CHECK(chi_square(coins.to_vector(), {1 - p, p}) < 15.1);
      CHECK(chi_square(coins.to_vector(), {1 - 0.5 * p, 0.5 * p}) > 15.1);
    }
  }
  Rng rng(6);
  CHECK(sum(Bernoulli(full({n}, kInf)).sample(rng)).item() == n);
  CHECK(sum(Bernoulli(full({n}, -kInf)).sample(rng)).item() == 0);
  CHECK(Categorical(zeros({0, 3})).sample(rng).shape() == Shape{0});
  CHECK(Categorical(zeros({3})).sample(rng).shape() == Shape{});
  CHECK(Bernoulli(scalar(0)).sample(rng).shape() == Shape{});
  // The same stream, the same draws; and no graph.
  const Tensor logits = randn({50, 4}, rng).requires_grad_();
  Rng one(9), two(9);
  CHECK(Categorical(logits).sample(one).to_vector() == Categorical(logits).sample(two).to_vector());
  CHECK(Bernoulli(logits).sample(one).to_vector() == Bernoulli(logits).sample(two).to_vector());
  CHECK_FALSE(Categorical(logits).sample(one).requires_grad());
  CHECK_FALSE(Bernoulli(logits).sample(one).requires_grad());
}

TEST_CASE("KL divergences are at least 0, and 0 for equal distributions", "[discrete]") {
  Rng rng(2);
  const Tensor a = 2 * randn({300, 4}, rng, DType::f64), b = 2 * randn({300, 4}, rng, DType::f64);
  const Categorical p(a), q(b);
  CHECK(kl_divergence(p, q).shape() == Shape{300});
  CHECK(amin(kl_divergence(p, q)).item() > 0);
  CHECK(amax(kl_divergence(p, p)).item() == 0);
  CHECK(amin(kl_divergence(Bernoulli(a), Bernoulli(b))).item() > 0);
  CHECK(amax(kl_divergence(Bernoulli(a), Bernoulli(a))).item() == 0);
  const Normal wide(a, 0.5 * b), narrow(b, 0.3 * a);
  CHECK(kl_divergence(wide, narrow).shape() == Shape{300, 1});
  CHECK(amin(kl_divergence(wide, narrow)).item() > 0);
  CHECK(amax(abs(kl_divergence(wide, wide))).item() == 0);
  CHECK(kl_divergence(TanhNormal(a, 0.5 * b), TanhNormal(b, 0.3 * a)).to_vector() ==
        kl_divergence(wide, narrow).to_vector());

  // From the definition: H(p, q) - H(p).
  const Tensor cross = -sum(p.probs() * q.log_probs(), {-1});
  CHECK(amax(abs(cross - p.entropy() - kl_divergence(p, q))).item() < 1e-13);
  // From the uniform distribution: log n - H(p).
  const Tensor from_uniform = kl_divergence(p, Categorical(zeros({300, 4}, DType::f64)));
  CHECK(amax(abs(std::log(4) - p.entropy() - from_uniform)).item() < 1e-14);
  // By hand: 0.9 log(0.9 / 0.5) + 0.1 log(0.1 / 0.5), and N(1, 2^2) from N(0, 1).
  CHECK(kl_divergence(Bernoulli(row({logit(0.9)})), Bernoulli(row({0}))).item() ==
        Approx(0.9 * std::log(1.8) + 0.1 * std::log(0.2)).epsilon(1e-14));
  CHECK(kl_divergence(Normal(row({1}), row({std::numbers::ln2})), Normal(row({0}), row({0}))).item() ==
        Approx(2.5 - std::numbers::ln2 - 0.5).epsilon(1e-14));
}

TEST_CASE("KL divergence of Normals is the mean of the log-densities' difference", "[discrete]") {
  constexpr std::int64_t n = 200'000;
  Rng rng(3);
  const auto normal = [](double m0, double m1, double s0, double s1) {
    return std::pair(expand(row({m0, m1}), {n, 2}), expand(row({s0, s1}), {n, 2}));
  };
  const auto [mean_p, log_std_p] = normal(0.3, -1, -0.5, 0.2);
  const auto [mean_q, log_std_q] = normal(-0.2, -0.4, 0.1, 0.4);
  // Within four standard errors; once at a, and once at u with tanh's derivative in both densities.
  const auto check = [](const Tensor& difference, const Tensor& kl) {
    const double error = saccade::std(difference, {0}).item() / std::sqrt(static_cast<double>(n));
    CHECK(std::abs(mean(difference).item() - kl.to_vector()[0]) < 4 * error);
    CHECK(error < 0.01 * kl.to_vector()[0]);  // so that it can fail
  };
  const Normal p(mean_p, log_std_p), q(mean_q, log_std_q);
  const Tensor x = p.sample(rng);
  check(p.log_prob(x) - q.log_prob(x), kl_divergence(p, q));
  const TanhNormal tanh_p(mean_p, log_std_p), tanh_q(mean_q, log_std_q);
  const TanhNormal::Sample drawn = tanh_p.sample(rng);
  CHECK_FALSE(TanhNormal(mean_p.detach().requires_grad_(), log_std_p).sample(rng).action.requires_grad());
  check(tanh_p.log_prob(drawn) - tanh_q.log_prob_of_action(drawn.action), kl_divergence(tanh_p, tanh_q));
}

TEST_CASE("impossible classes add nothing to values or gradients", "[discrete]") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    INFO(name(dtype));
    const double epsilon = dtype == DType::f32 ? 1e-6 : 1e-14;
    // Of the four classes the third cannot be: the rest is as if it were not there.
    const Tensor l = row({0.3, -1, -kInf, 0.8}, dtype).requires_grad_(),
                 m = row({-0.4, 0.2, -kInf, 1}, dtype).requires_grad_();
    const Tensor l3 = row({0.3, -1, 0.8}, dtype).requires_grad_(),
                 m3 = row({-0.4, 0.2, 1}, dtype).requires_grad_();
    const auto check = [&](const Tensor& y, const Tensor& y3) {
      CHECK(y.item() == Approx(y3.item()).epsilon(epsilon));
      const TensorList g = grad(y, {l, m}, {.create_graph = true, .allow_unused = true}),
                       g3 = grad(y3, {l3, m3}, {.create_graph = true, .allow_unused = true});
      const auto second = [](const TensorList& of, const TensorList& wrt) {
        return grad(sum(square(of[0])) + sum(square(of[1])), wrt, {.allow_unused = true});
      };
      const TensorList h = second(g, {l, m}), h3 = second(g3, {l3, m3});
      for (const auto& [all, three] : {std::pair(g, g3), std::pair(h, h3)}) {
        for (std::size_t i = 0; i < 2; ++i) {
          const Values a = all[i].to_vector(), b = three[i].to_vector();
          CHECK(a[2] == 0);
          for (const auto& [from, to] : {std::pair(0, 0), std::pair(1, 1), std::pair(3, 2)}) {
            CHECK(a[static_cast<std::size_t>(from)] ==
                  Approx(b[static_cast<std::size_t>(to)]).margin(10 * epsilon));
          }
        }
      }
    };
    check(Categorical(l).entropy(), Categorical(l3).entropy());
    check(kl_divergence(Categorical(l), Categorical(m)), kl_divergence(Categorical(l3), Categorical(m3)));
    check(Categorical(l).log_prob(scalar(3)), Categorical(l3).log_prob(scalar(2)));

    CHECK(Categorical(l).log_prob(scalar(2)).item() == -kInf);
    CHECK(Categorical(l).probs().to_vector()[2] == 0);
    // Impossible in p alone is fine; in q alone, infinite: also where p_3 is too small to be told from 0.
    const Tensor all = row({0.3, -1, 2, 0.8}, dtype), tiny = row({0.3, -1, -1e3, 0.8}, dtype);
    const Tensor fine = kl_divergence(Categorical(l), Categorical(all));
    CHECK(std::isfinite(fine.item()));
    CHECK(all_finite(grad(fine, l)));
    CHECK(kl_divergence(Categorical(all), Categorical(l)).item() == kInf);
    CHECK(kl_divergence(Categorical(tiny), Categorical(l)).item() == kInf);
    CHECK(all_finite(grad(kl_divergence(Categorical(all), Categorical(l)), l)));
  }
}

TEST_CASE("extreme logits give finite values and gradients", "[discrete]") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    INFO(name(dtype));
    const auto close = [](const Tensor& x, const Values& expected) {
      const Values values = x.to_vector();
      REQUIRE(values.size() == expected.size());
      for (std::size_t i = 0; i < values.size(); ++i) CHECK(values[i] == Approx(expected[i]).epsilon(1e-6));
    };
    // The value, and gradients of the first and second order without NaN or infinities.
    const auto check = [&](const Tensor& y, const TensorList& leaves, const Values& expected) {
      close(y, expected);
      Tensor of_all = scalar(0, dtype);
      for (const Tensor& g : grad(sum(y), leaves, {.create_graph = true})) {
        CHECK(all_finite(g));
        of_all = of_all + sum(square(g));
      }
      for (const Tensor& h : grad(of_all, leaves, {.allow_unused = true})) CHECK(all_finite(h));
    };
    const Tensor a = from_values({1e3, -1e3, 0, 1e3, 1e3, -1e3}, {2, 3}, dtype).requires_grad_(),
                 b = from_values({-1e3, 1e3, 0, 0, 0, 0}, {2, 3}, dtype).requires_grad_();
    check(Categorical(a).entropy(), {a}, {0, std::numbers::ln2});
    check(kl_divergence(Categorical(a), Categorical(b)), {a, b}, {2e3, std::log(1.5)});
    check(Categorical(a).log_prob(row({1, 2}, dtype)), {a}, {-2e3, -2e3 - std::numbers::ln2});

    const double ln2 = std::numbers::ln2;
    const Tensor coin = row({1e3, -1e3, 1e3, 0}, dtype).requires_grad_(),
                 other = row({-1e3, -1e3, 0, 1e3}, dtype).requires_grad_();
    check(Bernoulli(coin).entropy(), {coin}, {0, 0, 0, ln2});
    check(Bernoulli(coin).log_prob(row({1, 1, 0, 1}, dtype)), {coin}, {0, -1e3, -1e3, -ln2});
    check(kl_divergence(Bernoulli(coin), Bernoulli(other)), {coin, other}, {1e3, 0, ln2, 500 - ln2});

    const Tensor certain = row({kInf, -kInf, kInf}, dtype).requires_grad_(),
                 open = row({0, 0, kInf}, dtype).requires_grad_();
    check(Bernoulli(certain).entropy(), {certain}, {0, 0, 0});
    check(Bernoulli(certain).log_prob(row({1, 0, 1}, dtype)), {certain}, {0, 0, 0});
    check(kl_divergence(Bernoulli(certain), Bernoulli(open)), {certain, open}, {ln2, ln2, 0});
    CHECK(Bernoulli(certain).log_prob(row({0, 1, 0}, dtype)).to_vector() == Values{-kInf, -kInf, -kInf});
    CHECK(kl_divergence(Bernoulli(open), Bernoulli(certain)).to_vector() == Values{kInf, kInf, 0});
  }
  // Digits are kept where a probability is small: log p at 1 is -e^-60.
  CHECK(Bernoulli(row({60})).log_prob(row({1})).item() == Approx(-std::exp(-60.0)).epsilon(1e-13));
  CHECK(Bernoulli(row({60})).entropy().item() == Approx(61 * std::exp(-60.0)).epsilon(1e-13));
}

TEST_CASE("discrete distributions' gradients agree with finite differences", "[discrete]") {
  // Further out than the points that `saccade gradcheck` takes.
  const auto passes = [](const TensorFunction& f, const TensorList& x) {
    const GradcheckResult result = gradcheck(f, x, {.order = 2});
    INFO(result);
    CHECK(result.passed());
  };
  Rng rng(8);
  for (const double size : {0.1, 1.0, 4.0}) {
    const Tensor a = size * randn({2, 3}, rng, DType::f64), b = size * randn({2, 3}, rng, DType::f64);
    passes([](const TensorList& x) { return TensorList{Categorical(x[0]).log_prob(row({2, 0}))}; }, {a});
    passes([](const TensorList& x) { return TensorList{Categorical(x[0]).entropy()}; }, {a});
    passes([](const TensorList& x) { return TensorList{Categorical(x[0]).probs()}; }, {a});
    passes(
        [](const TensorList& x) { return TensorList{kl_divergence(Categorical(x[0]), Categorical(x[1]))}; },
        {a, b});
    passes(
        [](const TensorList& x) {
          return TensorList{Bernoulli(x[0]).log_prob(eye(3)), x[1]};
        },
        {size * randn({3, 3}, rng, DType::f64), b});
    passes([](const TensorList& x) { return TensorList{Bernoulli(x[0]).entropy()}; }, {a});
    passes([](const TensorList& x) { return TensorList{kl_divergence(Bernoulli(x[0]), Bernoulli(x[1]))}; },
           {a, b});
  }
  // d KL / d logits at p = q is 0, and d log p_i / d logits is e_i - p.
  const Tensor l = row({0.2, -0.5, 1}).requires_grad_();
  CHECK(amax(abs(grad(kl_divergence(Categorical(l), Categorical(l.detach())), l))).item() < 1e-16);
  const Tensor g = grad(Categorical(l).log_prob(scalar(1)), l);
  CHECK(amax(abs(g - (row({0, 1, 0}) - Categorical(l).probs()))).item() < 1e-15);
}

TEST_CASE("discrete distributions and divergences refuse what does not fit", "[discrete]") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_AS(Categorical(Tensor()), ShapeError);
  CHECK_THROWS_AS(Categorical(scalar(0)), ShapeError);
  CHECK_THROWS_WITH(Categorical(zeros({4, 0})), Contains("f32 [4, 0], expected (..., n) with n >= 1"));
  CHECK_THROWS_AS(Categorical(from_values({0, 0, nan, 0}, {2, 2})), ConfigError);
  CHECK_THROWS_WITH(Categorical(from_values({0, 0, nan, 0}, {2, 2})), Contains("row 1 is nan"));
  CHECK_THROWS_WITH(Categorical(row({kInf, 0})), Contains("row 0 is inf"));
  CHECK_THROWS_WITH(Categorical(row({-kInf, -kInf})), Contains("row 0 is -inf"));
  CHECK_THROWS_AS(Bernoulli(Tensor()), ShapeError);
  CHECK_THROWS_AS(Bernoulli(row({0, nan})), ConfigError);
  CHECK_THROWS_WITH(Bernoulli(row({0, nan})), Contains("position 1 is nan"));

  const Categorical classes(zeros({2, 3}));
  CHECK_THROWS_WITH(classes.log_prob(zeros({2, 1})), Contains("index is f32 [2, 1], expected shape [2]"));
  CHECK_THROWS_AS(classes.log_prob(Tensor()), ShapeError);
  CHECK_THROWS_AS(classes.log_prob(row({0, 3})), ShapeError);
  CHECK_THROWS_AS(classes.log_prob(row({0, -1})), ShapeError);
  CHECK_THROWS_AS(classes.log_prob(row({0, 0.5})), ShapeError);
  CHECK_THROWS_AS(classes.log_prob(row({0, nan})), ShapeError);
  const Bernoulli coins(zeros({2}));
  CHECK_THROWS_WITH(coins.log_prob(zeros({1})), Contains("x is f32 [1], expected shape [2]"));
  CHECK_THROWS_AS(coins.log_prob(Tensor()), ShapeError);
  CHECK_THROWS_WITH(coins.log_prob(row({1, 0.5})), Contains("x is 0.5 at position 1, expected 0 or 1"));
  CHECK_THROWS_AS(coins.log_prob(row({1, nan})), ShapeError);

  CHECK_THROWS_WITH(kl_divergence(classes, Categorical(zeros({3}))),
                    Contains("f32 [2, 3]") && Contains("f32 [3]"));
  CHECK_THROWS_AS(kl_divergence(classes, Categorical(zeros({2, 3}, DType::f64))), DTypeError);
  CHECK_THROWS_AS(kl_divergence(coins, Bernoulli(zeros({3}))), ShapeError);
  CHECK_THROWS_AS(kl_divergence(coins, Bernoulli(zeros({2}, DType::f64))), DTypeError);
  const Tensor x = zeros({4, 3}), y = zeros({4, 1}), z = zeros({4, 3}, DType::f64);
  CHECK_THROWS_WITH(kl_divergence(Normal(x, x), Normal(y, y)), Contains("q's mean is f32 [4, 1]"));
  CHECK_THROWS_AS(kl_divergence(TanhNormal(x, x), TanhNormal(z, z)), DTypeError);
}
