// The generator against its published vectors, and its distributions against theory.
#include "base/rng.h"
#include "tests/support/catch.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <set>
#include <span>
#include <string>
#include <vector>

using saccade::Rng;

namespace {

using Words = std::array<std::uint32_t, 4>;

// Philox4x32-10 as the paper writes it, with its whole 128-bit counter: the reference for Rng, whose upper 64
// counter bits are always 0, and which is itself held to the published vectors below.
Words philox(Words counter, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t left = std::uint64_t{0xD2511F53} * counter[0];
    const std::uint64_t right = std::uint64_t{0xCD9E8D57} * counter[2];
    const auto high = [](std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); };
    const auto low = [](std::uint64_t x) { return static_cast<std::uint32_t>(x); };
    counter = {high(right) ^ counter[1] ^ key[0], low(right), high(left) ^ counter[3] ^ key[1], low(left)};
    key = {key[0] + 0x9E3779B9, key[1] + 0xBB67AE85};
  }
  return counter;
}

// sup |empirical distribution - cdf| * sqrt(n). Beyond 1.95 with probability 0.001 (Kolmogorov); the seeds
// are fixed, so a test that passes once always does.
template <class Cdf>
double kolmogorov_smirnov(std::vector<double> sample, const Cdf& cdf) {
  std::sort(sample.begin(), sample.end());
  const auto n = static_cast<double>(sample.size());
  double worst = 0;
  for (std::size_t i = 0; i < sample.size(); ++i) {
    const double p = cdf(sample[i]);
    worst = std::max({worst, p - static_cast<double>(i) / n, static_cast<double>(i + 1) / n - p});
  }
  return worst * std::sqrt(n);
}
constexpr double kKolmogorov = 1.95;

double uniform_cdf(double x) { return std::clamp(x, 0.0, 1.0); }
double normal_cdf(double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); }

// The k-th central moment about a known mean.
double moment(const std::vector<double>& x, int k, double mean) {
  double sum = 0;
  for (const double v : x) sum += std::pow(v - mean, k);
  return sum / static_cast<double>(x.size());
}

double correlation(const std::vector<double>& x, const std::vector<double>& y) {
  const double mx = moment(x, 1, 0), my = moment(y, 1, 0);
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += (x[i] - mx) * (y[i] - my);
  return sum / static_cast<double>(x.size()) / std::sqrt(moment(x, 2, mx) * moment(y, 2, my));
}

template <class T>
std::vector<double> filled(Rng rng, std::size_t n, bool normal) {
  std::vector<T> values(n);
  normal ? rng.fill_normal(std::span(values)) : rng.fill_uniform(std::span(values));
  return {values.begin(), values.end()};
}

constexpr std::size_t kSample = 200000;

// Every way to draw: each must follow the same law.
std::vector<std::vector<double>> samples(bool normal) {
  std::vector<double> single(kSample);
  Rng rng(11);
  for (double& x : single) x = normal ? rng.normal() : rng.uniform();
  return {single, filled<float>(Rng(12), kSample, normal), filled<double>(Rng(13), kSample, normal)};
}

}  // namespace

TEST_CASE("Philox4x32-10 gives the published vectors", "[rng]") {
  // kat_vectors of Random123 1.14 (Salmon et al.): counter, key, result.
  CHECK(philox({0, 0, 0, 0}, {0, 0}) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox({~0U, ~0U, ~0U, ~0U}, {~0U, ~0U}) == Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});

  CHECK(Rng(0).block() == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  Rng rng;
  for (const std::uint64_t key : {0ULL, 1ULL, ~0ULL, 0xa4093822299f31d0ULL, 1ULL << 32}) {
    for (const std::uint64_t counter :
         {0ULL, 1ULL, 0xffffffffULL, 1ULL << 32, 0x243f6a8885a308d3ULL, ~0ULL}) {
      rng.set_state({key, counter});
      const auto low = [](std::uint64_t x) { return static_cast<std::uint32_t>(x); };
      CHECK(rng.block() == philox({low(counter), low(counter >> 32), 0, 0}, {low(key), low(key >> 32)}));
      CHECK(rng.state() == Rng::State{key, counter + 1});
    }
  }
}

TEST_CASE("uniform draws are uniform from 0 up to 1", "[rng]") {
  for (const std::vector<double>& x : samples(false)) {
    CHECK(*std::min_element(x.begin(), x.end()) >= 0);
    CHECK(*std::max_element(x.begin(), x.end()) < 1);
    CHECK(kolmogorov_smirnov(x, uniform_cdf) < kKolmogorov);
    // Four standard errors: the k-th central moment m_k has variance (m_2k - m_k^2) / n; those of the uniform
    // are m_2 = 1/12, m_4 = 1/80, m_8 = 1/2304.
    const double root = 4 / std::sqrt(static_cast<double>(kSample));
    CHECK(std::abs(moment(x, 1, 0.5)) < root * std::sqrt(1.0 / 12));
    CHECK(std::abs(moment(x, 2, 0.5) - 1.0 / 12) < root * std::sqrt(1.0 / 80 - 1.0 / 144));
    CHECK(std::abs(moment(x, 4, 0.5) - 1.0 / 80) < root * std::sqrt(1.0 / 2304 - 1.0 / 6400));
  }
  Rng rng(4);
  for (int i = 0; i < 1000; ++i) {
    const double x = rng.uniform(-3, 5);
    REQUIRE((x >= -3 && x < 5));
  }
}

TEST_CASE("normal draws are standard normal", "[rng]") {
  for (const std::vector<double>& x : samples(true)) {
    CHECK(kolmogorov_smirnov(x, normal_cdf) < kKolmogorov);
    // Four standard errors, with m_2 = 1, m_4 = 3, m_6 = 15, m_8 = 105.
    const double root = 4 / std::sqrt(static_cast<double>(kSample));
    CHECK(std::abs(moment(x, 1, 0)) < root);
    CHECK(std::abs(moment(x, 2, 0) - 1) < root * std::sqrt(2.0));
    CHECK(std::abs(moment(x, 3, 0)) < root * std::sqrt(15.0));
    CHECK(std::abs(moment(x, 4, 0) - 3) < root * std::sqrt(96.0));
    CHECK(std::all_of(x.begin(), x.end(), [](double v) { return std::isfinite(v); }));
    CHECK(*std::max_element(x.begin(), x.end()) > 3.9);  // P(none of 200,000 beyond 3.9) = 7e-5
    // The two halves of each Box-Muller pair, and successive draws, are uncorrelated: sd 1 / sqrt(n).
    const std::vector<double> ahead(x.begin() + 1, x.end()), behind(x.begin(), x.end() - 1);
    CHECK(std::abs(correlation(ahead, behind)) < root);
  }
}

TEST_CASE("splits are deterministic and independent", "[rng]") {
  const Rng root(42);
  CHECK(root.split("actor").state() == root.split("actor").state());
  CHECK(root.split("actor").state().counter == 0);

  Rng drawn(42);
  for (int i = 0; i < 10; ++i) drawn.block();
  CHECK(drawn.split("actor").state() == root.split("actor").state());  // only the key counts
  CHECK(drawn.state() == Rng::State{42, 10});                          // and splitting draws nothing

  // Names, nested names and seeds all give different streams; so do neighbouring ones.
  std::set<std::uint64_t> keys = {42};
  std::size_t made = 1;
  for (const std::uint64_t seed : {0ULL, 1ULL, 2ULL, 41ULL, 42ULL, 43ULL}) {
    for (const char* name : {"", "a", "b", "ab", "ba", "actor", "critic/0", "critic/1"}) {
      const Rng stream = Rng(seed).split(name);
      keys.insert(stream.state().key);
      keys.insert(stream.split("a").state().key);
      keys.insert(stream.split("b").state().key);
      made += 3;
    }
  }
  CHECK(keys.size() == made);

  // Four standard errors of a correlation of independent samples, 1 / sqrt(n) each.
  const double bound = 4 / std::sqrt(static_cast<double>(kSample));
  const auto stream = [](const Rng& rng) { return filled<double>(rng, kSample, true); };
  const std::vector<double> parent = stream(root), a = stream(root.split("a")), b = stream(root.split("b"));
  const std::vector<double> next_seed = stream(Rng(43)), nested = stream(root.split("a").split("a"));
  CHECK(std::abs(correlation(parent, a)) < bound);
  CHECK(std::abs(correlation(a, b)) < bound);
  CHECK(std::abs(correlation(parent, next_seed)) < bound);
  CHECK(std::abs(correlation(a, nested)) < bound);
}

TEST_CASE("below(n) is uniform on 0 to n - 1", "[rng]") {
  Rng rng(6);
  for (const std::uint64_t n : {1ULL, 2ULL, 3ULL, 7ULL, 10ULL}) {
    std::vector<double> counts(n);
    constexpr int kDraws = 20000;
    for (int i = 0; i < kDraws; ++i) {
      const std::uint64_t at = rng.below(n);
      REQUIRE(at < n);
      counts[at] += 1;
    }
    // A count is binomial: five standard deviations, for 23 counts in all.
    const double p = 1.0 / static_cast<double>(n);
    for (const double c : counts) CHECK(std::abs(c - kDraws * p) <= 5 * std::sqrt(kDraws * p * (1 - p)));
  }
  std::uint64_t largest = 0;
  for (int i = 0; i < 1000; ++i) {
    CHECK(rng.below(1ULL << 63) < 1ULL << 63);
    largest = std::max(largest, rng.below(~0ULL));
  }
  CHECK(largest > ~0ULL / 64 * 63);  // all 64 bits are in use; P(not) = (63/64)^1000 = 1e-7
}

TEST_CASE("a restored state continues the stream", "[rng]") {
  Rng rng(9);
  std::vector<float> before(10), after(10), again(10);
  rng.fill_normal(std::span(before));
  const Rng::State saved = rng.state();
  rng.fill_normal(std::span(after));
  const double next = rng.normal();

  Rng other(1234);
  other.set_state(saved);
  other.fill_normal(std::span(again));
  CHECK(again == after);
  CHECK(other.normal() == next);
  CHECK(other.state() == rng.state());
  CHECK(before != after);
}

TEMPLATE_TEST_CASE("fills of any length", "[rng]", float, double) {
  const std::size_t per_block = 16 / sizeof(TestType);
  for (const bool normal : {false, true}) {
    const std::vector<double> all = filled<TestType>(Rng(3), 64, normal);
    for (std::size_t n = 0; n <= 40; ++n) {
      Rng rng(3);
      std::vector<TestType> some(n + 1, TestType(77));
      const std::span<TestType> part(some.data(), n);
      normal ? rng.fill_normal(part) : rng.fill_uniform(part);
      INFO("length " << n << (normal ? ", normal" : ", uniform"));
      CHECK(std::equal(part.begin(), part.end(), all.begin()));  // a prefix of the longer fill
      CHECK(some[n] == TestType(77));                            // nothing written beyond
      CHECK(rng.state().counter == (n + per_block - 1) / per_block);
    }
  }
}

TEMPLATE_TEST_CASE("fill_uniform stays below its upper end", "[rng]", float, double) {
  // Rounded to T, low + (high - low) u reaches high in these ranges, which span few steps of T.
  const double step = sizeof(TestType) == 4 ? 0x1p-23 : 0x1p-52;
  for (const double low : {1.0, -1.0 - 16 * step, 1.0 - 4 * step}) {
    const double high = low + 16 * step;
    std::vector<TestType> x(4096);
    Rng rng(5);
    rng.fill_uniform(std::span(x), low, high);
    CHECK(*std::min_element(x.begin(), x.end()) >= static_cast<TestType>(low));
    CHECK(*std::max_element(x.begin(), x.end()) < static_cast<TestType>(high));
  }
}
