// Exploration noise: how each kind is distributed at every step and over time, and that it can be carried on.

#include "rl/components/exploration_noise.h"

#include <cmath>
#include <memory>
#include <vector>

#include "autograd/tensor.h"
#include "base/error.h"
#include "tests/support/catch.h"

using namespace saccade;
using rl::Exploration;

namespace {

std::unique_ptr<rl::ExplorationNoise> make_noise(Exploration kind, std::size_t copies, std::size_t width) {
  return rl::make_noise({.exploration = kind}, copies, width);
}

// Sums over many independent sequences of the value that `noise` has after some steps.
struct Moments {
  int n = 0;
  double mean = 0, square = 0, fourth = 0, product = 0;
};

template <class Draw>
Moments moments(int n, const Draw& draw) {
  Moments m;
  m.n = n;
  std::vector<double> values(2);
  for (int i = 0; i < n; ++i) {
    draw(i, values);
    m.mean += values[0] / n;
    m.square += values[0] * values[0] / n;
    m.fourth += std::pow(values[0], 4) / n;
    m.product += values[0] * values[1] / n;
  }
  return m;
}

// To five standard errors each.
void check_standard_normal(const Moments& m) {
  CHECK(std::abs(m.mean) < 5 / std::sqrt(m.n));
  CHECK(std::abs(m.square - 1) < 5 * std::sqrt(2.0 / m.n));
  CHECK(std::abs(m.fourth - 3) < 5 * std::sqrt(96.0 / m.n));
  CHECK(std::abs(m.product) < 5 / std::sqrt(m.n));
}

// The mean square of the difference between the means of neighbouring windows (the Allan variance).
double allan_variance(const std::vector<double>& x, std::size_t length) {
  double sum = 0;
  const std::size_t pairs = x.size() / (2 * length);
  for (std::size_t k = 0; k < pairs; ++k) {
    double difference = 0;
    for (std::size_t i = 0; i < length; ++i) {
      difference += x[2 * k * length + length + i] - x[2 * k * length + i];
    }
    sum += std::pow(difference / static_cast<double>(length), 2);
  }
  return sum / static_cast<double>(pairs);
}

}  // namespace

TEST_CASE(
    "white, pink and held noise are standard normal at every step from the first, and components independent",
    "[exploration]") {
  for (const Exploration kind : {Exploration::gaussian, Exploration::pink, Exploration::held}) {
    Rng rng(1);
    check_standard_normal(moments(20'000, [&](int i, std::vector<double>& values) {
      const auto noise = make_noise(kind, 1, 2);
      for (int t = 0; t <= i % 3; ++t) noise->next(rng, values);
    }));
  }
}

TEST_CASE("white noise is drawn as the networks' own is", "[exploration]") {
  Rng a(7), b(7);
  std::vector<double> rows(6);
  make_noise(Exploration::gaussian, 2, 3)->next(a, rows);
  CHECK(rows == randn({2, 3}, b).to_vector());
  CHECK(a.state() == b.state());
}

TEST_CASE("pink noise has as much power in every octave", "[exploration]") {
  // The Allan variance is the same for windows of every length where the spectrum is 1 / f; white noise's
  // falls as 1 / length, a random walk's grows with it.
  Rng rng(2);
  const auto noise = make_noise(Exploration::pink, 1, 1);
  std::vector<double> x(1 << 20);
  for (double& value : x) noise->next(rng, {&value, 1});
  const double shortest = allan_variance(x, 4);
  for (std::size_t length = 8; length <= 128; length *= 2) {
    CHECK(allan_variance(x, length) == Approx(shortest).epsilon(0.15));
  }
}

TEST_CASE("Ornstein-Uhlenbeck noise starts each episode from 0 and forgets at its rate", "[exploration]") {
  // After t steps from 0 the variance is 1 - (1 - theta)^(2t), and the correlation with the next step 1 -
  // theta.
  constexpr double kept = 1 - rl::OrnsteinUhlenbeckNoise::kTheta;
  Rng rng(3);
  const auto noise = make_noise(Exploration::ou, 2, 1);  // two copies, of which the first begins anew
  std::vector<double> now(2), next(2);
  const int n = 40'000;
  double after_3 = 0, other = 0, lagged = 0;
  for (int i = 0; i < n; ++i) {
    noise->begin_episode(0);
    for (int t = 0; t < 3; ++t) noise->next(rng, now);
    noise->next(rng, next);
    after_3 += now[0] * now[0] / n;
    other += now[1] * now[1] / n;
    lagged += now[1] * next[1] / n;
  }
  CHECK(after_3 == Approx(1 - std::pow(kept, 6)).epsilon(0.05));
  CHECK(other == Approx(1).epsilon(0.1));
  CHECK(lagged == Approx(kept).epsilon(0.1));
}

TEST_CASE("held noise stays for its steps, or for the episode", "[exploration]") {
  for (const int steps : {0, 3}) {
    INFO(steps);
    Rng rng(5);
    const auto noise = rl::make_noise({.exploration = Exploration::held, .exploration_hold = steps}, 2, 2);
    std::vector<std::vector<double>> rows(8, std::vector<double>(4));
    for (std::size_t t = 0; t < rows.size(); ++t) {
      if (t == 0 || t == 5) noise->begin_episode(0);
      noise->next(rng, rows[t]);
      for (std::size_t i = 0; i < 4 && t > 0; ++i) {
        const bool anew = (i < 2 && t == 5) || (steps == 3 && (t == 3 || (t == 6 && i >= 2)));
        INFO("step " << t << ", number " << i);
        CHECK((rows[t][i] != rows[t - 1][i]) == anew);
      }
    }
  }
}

TEST_CASE("warm-up actions are uniform on [-1, 1] whatever the noise", "[exploration]") {
  for (const Exploration kind :
       {Exploration::gaussian, Exploration::pink, Exploration::ou, Exploration::held}) {
    Rng rng(4);
    std::vector<int> bins(10);
    std::vector<double> action(1);
    const int n = 20'000;
    for (int i = 0; i < n; ++i) {
      const auto noise = make_noise(kind, 1, 1);
      noise->next_uniform(rng, action);
      REQUIRE(std::abs(action[0]) <= 1);
      ++bins[std::min<std::size_t>(9, static_cast<std::size_t>((action[0] + 1) * 5))];
    }
    for (const int count : bins) CHECK(std::abs(count - n / 10) < 5 * std::sqrt(n * 0.1 * 0.9));
  }
}

TEST_CASE("noise goes on from what it remembers, and refuses what does not fit", "[exploration]") {
  for (const Exploration kind :
       {Exploration::gaussian, Exploration::pink, Exploration::ou, Exploration::held}) {
    Rng a(3), b(3);
    std::vector<double> x(4), y(4);
    const auto one = make_noise(kind, 2, 2), other = make_noise(kind, 2, 2);
    one->next(a, x);
    make_noise(kind, 2, 2)->next(b, y);
    other->set_state(one->state());
    one->next(a, x);
    other->next(b, y);
    CHECK(x == y);
    std::vector<double> wrong = one->state();
    wrong.push_back(0);
    CHECK_THROWS_AS(one->set_state(wrong), Error);
  }
}
