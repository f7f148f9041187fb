#include "base/rng.h"

#include <cmath>
#include <numbers>

#include "base/hash.h"

namespace saccade {

namespace {

constexpr double kTo01From53 = 0x1p-53;
constexpr float kTo01From24 = 0x1p-24F;

std::uint64_t join64(std::uint32_t high, std::uint32_t low) { return (std::uint64_t{high} << 32) | low; }

double to_double01(std::uint64_t bits) { return static_cast<double>(bits >> 11) * kTo01From53; }
float to_float01(std::uint32_t bits) { return static_cast<float>(bits >> 8) * kTo01From24; }

// SplitMix64's finaliser: spreads every input bit over the whole word.
std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

// u on [0, 1) stretched to [low, high). A result that rounds up to high becomes the largest value below it.
template <class T>
T stretch(T u, double low, double high) {
  const T first = static_cast<T>(low), end = static_cast<T>(high);
  const T x = first + static_cast<T>(high - low) * u;
  return x >= end && first < end ? std::nextafter(end, first) : x;
}

// Box and Muller: two uniforms to two independent standard normals. 1 - u is in (0, 1], so the log is finite.
template <class T>
void box_muller(T u1, T u2, T& z1, T& z2) {
  const T radius = std::sqrt(T(-2) * std::log(T(1) - u1));
  const T angle = T(2 * std::numbers::pi) * u2;
  z1 = radius * std::cos(angle);
  z2 = radius * std::sin(angle);
}

}  // namespace

Rng Rng::split(std::string_view name) const {
  return Rng(mix(state_.key + 0x9e3779b97f4a7c15ULL) ^ mix(fnv1a(name)));
}

std::array<std::uint32_t, 4> Rng::block() {
  constexpr std::uint64_t m0 = 0xD2511F53, m1 = 0xCD9E8D57;
  constexpr std::uint32_t w0 = 0x9E3779B9, w1 = 0xBB67AE85;
  auto k0 = static_cast<std::uint32_t>(state_.key), k1 = static_cast<std::uint32_t>(state_.key >> 32);
  std::array<std::uint32_t, 4> x = {static_cast<std::uint32_t>(state_.counter),
                                    static_cast<std::uint32_t>(state_.counter >> 32), 0, 0};
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = m0 * x[0], p1 = m1 * x[2];
    x = {static_cast<std::uint32_t>(p1 >> 32) ^ x[1] ^ k0, static_cast<std::uint32_t>(p1),
         static_cast<std::uint32_t>(p0 >> 32) ^ x[3] ^ k1, static_cast<std::uint32_t>(p0)};
    k0 += w0;
    k1 += w1;
  }
  ++state_.counter;
  return x;
}

double Rng::uniform() {
  const auto x = block();
  return to_double01(join64(x[0], x[1]));
}

double Rng::normal() {
  double z = 0;
  double unused = 0;
  const auto x = block();
  box_muller(to_double01(join64(x[0], x[1])), to_double01(join64(x[2], x[3])), z, unused);
  return z;
}

// The high half of a 64 x 64 bit product (Lemire 2019); its bias, below n / 2^64, is not measurable.
std::uint64_t Rng::below(std::uint64_t n) {
  const auto x = block();
  __extension__ using u128 = unsigned __int128;
  return static_cast<std::uint64_t>((u128{join64(x[0], x[1])} * n) >> 64);
}

void Rng::fill_uniform(std::span<float> out, double low, double high) {
  for (std::size_t i = 0; i < out.size(); i += 4) {
    const auto x = block();
    for (std::size_t j = 0; j < 4 && i + j < out.size(); ++j) {
      out[i + j] = stretch(to_float01(x[j]), low, high);
    }
  }
}

void Rng::fill_uniform(std::span<double> out, double low, double high) {
  for (std::size_t i = 0; i < out.size(); i += 2) {
    const auto x = block();
    for (std::size_t j = 0; j < 2 && i + j < out.size(); ++j) {
      out[i + j] = stretch(to_double01(join64(x[2 * j], x[2 * j + 1])), low, high);
    }
  }
}

void Rng::fill_normal(std::span<float> out) {
  for (std::size_t i = 0; i < out.size(); i += 4) {
    const auto x = block();
    std::array<float, 4> z{};
    box_muller(to_float01(x[0]), to_float01(x[1]), z[0], z[1]);
    box_muller(to_float01(x[2]), to_float01(x[3]), z[2], z[3]);
    for (std::size_t j = 0; j < 4 && i + j < out.size(); ++j) out[i + j] = z[j];
  }
}

void Rng::fill_normal(std::span<double> out) {
  for (std::size_t i = 0; i < out.size(); i += 2) {
    const auto x = block();
    std::array<double, 2> z{};
    box_muller(to_double01(join64(x[0], x[1])), to_double01(join64(x[2], x[3])), z[0], z[1]);
    for (std::size_t j = 0; j < 2 && i + j < out.size(); ++j) out[i + j] = z[j];
  }
}

}  // namespace saccade
