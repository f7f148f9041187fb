// Entropies and divergences against numbers of 40 digits.
#include "nn/distributions/entropy.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "autograd/ops.h"
#include "base/error.h"
#include "nn/distributions/bernoulli.h"
#include "nn/distributions/categorical.h"
#include "nn/distributions/normal.h"
#include "nn/distributions/tanh_normal.h"
#include "tests/support/catch.h"
#include "tests/support/reference_data.h"

using namespace saccade;
using namespace saccade::tests;
using Json = nlohmann::json;
using Catch::Contains;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

const Json& file() {
  static const Json json = reference("entropy.json");
  return json;
}

// Relative where the number is larger than 1.
void check_near(double ours, double theirs, double tolerance = 1e-14) {
  INFO(fmt::format("ours {}, theirs {}", ours, theirs));
  CHECK(std::abs(ours - theirs) <= tolerance * std::max(1.0, std::abs(theirs)));
}

Tensor row(const std::vector<double>& values) {
  return from_values(values, {1, static_cast<std::int64_t>(values.size())}, DType::f64);
}

Tensor one(double value) { return from_values({value}, {1, 1}, DType::f64); }

nn::Normal normal(const Json& mean, const Json& std) {
  return {one(number(mean)), one(std::log(number(std)))};
}

}  // namespace

TEST_CASE("coins: nats and bits, as numbers and as Bernoulli", "[entropy]") {
  for (const Json& coin : file().at("coins")) {
    const double p = coin.at("p"), nats = coin.at("nats");
    INFO("p = " << p);
    // A coin that is nearly certain keeps its digits.
    CHECK(std::abs(nn::coin_entropy(p) - nats) <= 1e-15 * std::max(nats, 1e-300) + 1e-300 + 4e-16 * nats);
    check_near(nn::coin_entropy(p) / std::numbers::ln2, coin.at("bits"));
    check_near(nn::entropy(std::vector<double>{p, 1 - p}), nats);
    const double logit = std::log(p) - std::log1p(-p);
    check_near(nn::Bernoulli(one(logit)).entropy().item(), nats);
  }
}

TEST_CASE("categoricals: from probabilities and from logits", "[entropy]") {
  for (const Json& c : file().at("categorical")) {
    const std::vector<double> probs = numbers(c.at("probs"));
    INFO(c.at("probs").dump());
    check_near(nn::entropy(probs), c.at("nats"));
    check_near(nn::entropy(probs) / std::numbers::ln2, c.at("bits"));
    std::vector<double> logits;
    for (const double p : probs) logits.push_back(std::log(p));
    check_near(nn::Categorical(row(logits)).entropy().item(), c.at("nats"));
  }
  for (const Json& c : file().at("categorical_logits")) {
    INFO(c.at("logits").dump());
    const nn::Categorical pi(row(numbers(c.at("logits").at("data"))));
    check_near(pi.entropy().item(), number(c.at("nats")));
    check_near(nn::entropy(pi.probs().to_vector()), number(c.at("nats")));
    const std::vector<double> ours = pi.log_probs().to_vector(),
                              theirs = numbers(c.at("log_probs").at("data"));
    REQUIRE(ours.size() == theirs.size());
    for (std::size_t i = 0; i < ours.size(); ++i) check_near(ours[i], theirs[i]);
  }
}

TEST_CASE("Gaussians: as numbers and as Normal", "[entropy]") {
  for (const Json& g : file().at("gaussian")) {
    INFO("std " << g.at("std"));
    check_near(nn::normal_entropy(g.at("std")), g.at("nats"));
    check_near(nn::normal_entropy(g.at("std")) / std::numbers::ln2, g.at("bits"));
    check_near(normal(0, g.at("std")).entropy().item(), g.at("nats"));
  }
}

TEST_CASE("the entropy of SAC's policy by quadrature", "[entropy]") {
  for (const Json& c : file().at("squashed_gaussian")) {
    const double mean = c.at("mean"), log_std = c.at("log_std");
    INFO(fmt::format("mean {}, log std {}", mean, log_std));
    check_near(nn::normal_entropy(std::exp(log_std)), c.at("gaussian_nats"));
    check_near(nn::tanh_normal_entropy(mean, std::exp(log_std)), c.at("nats"), 1e-13);
  }
}

TEST_CASE("the mean of -log pi over draws is that entropy, and the Gaussian's is not", "[entropy]") {
  Rng rng(1);
  constexpr std::int64_t draws = 40'000;
  for (const double mean : {0.0, 1.0}) {
    for (const double log_std : {-2.0, 0.0, 1.0}) {
      INFO(fmt::format("mean {}, log std {}", mean, log_std));
      const nn::TanhNormal pi(full({draws, 1}, mean, DType::f64), full({draws, 1}, log_std, DType::f64));
      const std::vector<double> log_prob = pi.log_prob(pi.sample(rng)).to_vector();
      double sum = 0, squares = 0;
      for (const double l : log_prob) {
        sum -= l;
        squares += l * l;
      }
      const double estimate = sum / draws,
                   spread = std::sqrt((squares / draws - estimate * estimate) / draws);
      CHECK(std::abs(estimate - nn::tanh_normal_entropy(mean, std::exp(log_std))) < 5 * spread);
    }
  }
  CHECK(nn::normal_entropy(std::exp(1.0)) - nn::tanh_normal_entropy(0, std::exp(1.0)) > 3);
}

TEST_CASE("the density of SAC's policy", "[entropy]") {
  for (const Json& c : file().at("squashed_density")) {
    const std::vector<double> actions = numbers(c.at("a").at("data"));
    const std::vector<double> log_p = numbers(c.at("log_p").at("data")), p = numbers(c.at("p").at("data"));
    for (std::size_t i = 0; i < actions.size(); ++i) {
      INFO(fmt::format("mean {}, log std {}, a {}", number(c.at("mean")), number(c.at("log_std")),
                       actions[i]));
      const nn::TanhNormal pi(one(c.at("mean")), one(c.at("log_std")));
      const double ours = pi.log_prob_of_action(one(actions[i])).item();
      // At 1 - |a| of 1e-12 the double a itself is known to four digits of that.
      check_near(ours, log_p[i], 1e-9);
      if (std::abs(log_p[i]) < 30) CHECK(std::exp(ours) == Approx(p[i]).epsilon(1e-8));
    }
  }
}

TEST_CASE("KL divergences of normals, which squashing leaves as they are", "[entropy]") {
  for (const Json& c : file().at("kl_normal")) {
    INFO(c.dump());
    const nn::Normal p = normal(c.at("mean0"), c.at("std0")), q = normal(c.at("mean1"), c.at("std1"));
    check_near(nn::kl_divergence(p, q).item(), c.at("kl_01"), 1e-13);
    check_near(nn::kl_divergence(q, p).item(), c.at("kl_10"), 1e-13);
    const nn::TanhNormal squashed_p(p.mean(), p.log_std()), squashed_q(q.mean(), q.log_std());
    check_near(nn::kl_divergence(squashed_p, squashed_q).item(), c.at("kl_01"), 1e-13);
  }
}

TEST_CASE("a squashed Gaussian's entropy rises to a maximum below log 2, and falls", "[entropy]") {
  for (const double mean : {0.0, 0.5, -2.0}) {
    INFO("mean " << mean);
    const double at = nn::most_entropic_std(mean), most = nn::tanh_normal_entropy(mean, at);
    CHECK(most < std::numbers::ln2);
    double before = -kInfinity;
    for (double std = 0.01; std < at; std *= 1.3) {
      const double h = nn::tanh_normal_entropy(mean, std);
      CHECK(h > before);
      before = h;
    }
    CHECK(most > before);
    before = most;
    for (double std = at * 1.05; std < 100; std *= 1.3) {
      const double h = nn::tanh_normal_entropy(mean, std);
      CHECK(h < before);
      before = h;
    }
    // Flat there: a derivative of 0.
    constexpr double h = 1e-4;
    CHECK(std::abs(nn::tanh_normal_entropy(mean, at * (1 + h)) -
                   nn::tanh_normal_entropy(mean, at * (1 - h))) < 1e-8);
  }
}

TEST_CASE("what has no entropy is one error", "[entropy]") {
  for (const double certain : {0.0, 1.0}) CHECK_FALSE(std::signbit(nn::coin_entropy(certain)));
  CHECK_FALSE(std::signbit(nn::entropy(std::vector<double>{0, 1, 0})));
  CHECK_THROWS_WITH(nn::coin_entropy(1.5), Contains("1.5") && Contains("0 to 1"));
  CHECK_THROWS_AS(nn::coin_entropy(std::nan("")), ConfigError);
  CHECK_THROWS_WITH(nn::entropy(std::vector<double>{0.5, 0.25}), Contains("add up to 0.75"));
  CHECK_THROWS_AS(nn::entropy(std::vector<double>{1.5, -0.5}), ConfigError);
  CHECK_THROWS_WITH(nn::normal_entropy(0), Contains("standard deviation is 0"));
  CHECK_THROWS_AS(nn::tanh_normal_entropy(0, -1), ConfigError);
  CHECK_THROWS_AS(nn::tanh_normal_entropy(kInfinity, 1), ConfigError);
}
