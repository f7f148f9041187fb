// Helpers that the kernel tests share: the tables that this machine can run, and comparisons.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <type_traits>
#include <vector>

#include "autograd/kernels/table.h"
#include "tests/support/catch.h"

namespace saccade::tests {

using kernels::Table;
using kernels::Tables;

// All instruction sets that are built in and that this processor has.
inline std::vector<const Tables*> available() {
#if defined(__x86_64__)
  std::vector<const Tables*> all = {&kernels::tables_sse2};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) all.push_back(&kernels::tables_avx2);
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl")) {
    all.push_back(&kernels::tables_avx512);
  }
  return all;
#else
  return {&kernels::tables_native};
#endif
}

template <class T>
const Table<T>& table_of(const Tables& tables) {
  if constexpr (sizeof(T) == 4) {
    return tables.f32;
  } else {
    return tables.f64;
  }
}

template <class T>
using Limits = std::numeric_limits<T>;

template <class T>
using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;

template <class T>
bool same_bits(T a, T b) {
  return std::bit_cast<Bits<T>>(a) == std::bit_cast<Bits<T>>(b);
}

// Calls f with the kernels of T in every table.
template <class T, class F>
void for_each_table(const F& f) {
  for (const Tables* tables : available()) {
    const Table<T>& table = table_of<T>(*tables);
    INFO(table.name);
    f(table);
  }
}

template <class T>
std::vector<T> random_values(std::size_t n, unsigned seed, double scale = 2) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal(0, scale);
  std::vector<T> x(n);
  for (T& v : x) v = static_cast<T>(normal(random));
  return x;
}

// Equal as values: NaN to NaN, and zeros of either sign to each other.
template <class T>
bool equal(T a, T b) {
  return a == b || (std::isnan(a) && std::isnan(b));
}

}  // namespace saccade::tests
