// Pink noise: standard normal at every step, and about 1 / f over time.

#include <catch2/catch.hpp>
#include <cmath>

#include "base/error.h"
#include "rl/components/exploration_noise.h"

using namespace saccade;

TEST_CASE("pink noise is standard normal at every step from the first, and components are independent",
          "[exploration]") {
  Rng rng(1);
  const int n = 20'000;
  double sum = 0, squares = 0, fourths = 0, product = 0;
  for (int i = 0; i < n; ++i) {
    std::vector<double> processes, values(2);
    for (int t = 0; t <= i % 3; ++t) rl::pink_noise(processes, rng, values);
    sum += values[0];
    squares += values[0] * values[0];
    fourths += std::pow(values[0], 4);
    product += values[0] * values[1];
  }
  // Five standard errors each.
  CHECK(std::abs(sum / n) < 5 / std::sqrt(n));
  CHECK(std::abs(squares / n - 1) < 5 * std::sqrt(2.0 / n));
  CHECK(std::abs(fourths / n - 3) < 5 * std::sqrt(96.0 / n));
  CHECK(std::abs(product / n) < 5 / std::sqrt(n));
}

TEST_CASE("pink noise has as much power in every octave", "[exploration]") {
  // The mean square of the difference between the means of neighbouring windows (the Allan variance) is the
  // same for windows of every length where the spectrum is 1 / f; white noise's falls as 1 / length, a random
  // walk's grows with it.
  Rng rng(2);
  std::vector<double> processes, x(1 << 20);
  for (double& value : x) rl::pink_noise(processes, rng, {&value, 1});
  std::vector<double> variance;
  for (std::size_t length = 4; length <= 128; length *= 2) {
    double sum = 0;
    const std::size_t pairs = x.size() / (2 * length);
    for (std::size_t k = 0; k < pairs; ++k) {
      double difference = 0;
      for (std::size_t i = 0; i < length; ++i)
        difference += x[2 * k * length + length + i] - x[2 * k * length + i];
      sum += std::pow(difference / static_cast<double>(length), 2);
    }
    variance.push_back(sum / static_cast<double>(pairs));
  }
  for (const double v : variance) CHECK(v == Approx(variance[0]).epsilon(0.15));
}

TEST_CASE("pink noise goes on from what it remembers, and refuses what does not fit", "[exploration]") {
  Rng a(3), b(3);
  std::vector<double> one, other, x(2), y(2);
  rl::pink_noise(one, a, x);
  rl::pink_noise(other, b, y);
  other = one;
  rl::pink_noise(one, a, x);
  rl::pink_noise(other, b, y);
  CHECK(x == y);
  one.pop_back();
  CHECK_THROWS_AS(rl::pink_noise(one, a, x), Error);
}
