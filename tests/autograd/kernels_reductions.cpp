// Reductions and optimiser steps of every instruction set that this machine runs, against naive loops.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "autograd/kernels/table.h"
#include "tests/support/catch.h"
#include "tests/support/kernel_tables.h"

using namespace saccade::kernels;
using namespace saccade::tests;

namespace {

using Long = long double;

}  // namespace

TEMPLATE_TEST_CASE("reductions over rows and columns", "[kernels]", float, double) {
  using T = TestType;
  const std::int64_t sizes[] = {0,  1,  2,   3,   7,   8,   9,    15,   16,   17,
                                31, 33, 127, 128, 129, 257, 1000, 2049, 16385};
  for_each_table<T>([&](const Table<T>& table) {
    for (const std::int64_t n : sizes) {
      for (const std::int64_t other : {1, 2, 5, 17, 33}) {
        std::vector<T> x = random_values<T>(static_cast<std::size_t>(n * other), 5);
        const auto check = [&](const char* what, std::int64_t across, std::int64_t along,
                               const auto& reduce) {
          std::vector<T> y[3];
          for (std::size_t f = 0; f < 3; ++f) {
            y[f].assign(static_cast<std::size_t>(other) + 1, T(77));
            reduce(f, y[f].data());
            CHECK(y[f].back() == T(77));
          }
          for (std::int64_t r = 0; r < other; ++r) {
            Long sum = 0, size = 0;
            T largest = -Limits<T>::infinity(), smallest = Limits<T>::infinity();
            for (std::int64_t i = 0; i < n; ++i) {
              const T v = x[static_cast<std::size_t>(r * across + i * along)];
              sum += v;
              size += std::abs(v);
              largest = std::isnan(v) || std::isnan(largest) ? Limits<T>::quiet_NaN() : std::max(largest, v);
              smallest =
                  std::isnan(v) || std::isnan(smallest) ? Limits<T>::quiet_NaN() : std::min(smallest, v);
            }
            const auto at = static_cast<std::size_t>(r);
            INFO(what << " of " << n << ", number " << r << " of " << other);
            // No element goes through more than 128 additions within its block, one per block, and 5 to fold
            // the lanes; each rounds by at most eps / 2 of a partial sum below sum |x|.
            const std::int64_t additions = 134 + n / 128;
            const Long bound = static_cast<Long>(additions) * Limits<T>::epsilon() / 2 * size;
            if (!std::isnan(sum)) CHECK((y[0][at] == sum || std::abs(y[0][at] - sum) <= bound));
            CHECK(std::isnan(y[0][at]) == std::isnan(sum));
            CHECK(equal(y[1][at], largest));
            CHECK(equal(y[2][at], smallest));
          }
        };
        const auto both = [&] {
          check("rows", n, 1, [&](std::size_t f, T* y) { table.reduce_rows[f](other, n, x.data(), y); });
          check("columns", 1, other,
                [&](std::size_t f, T* y) { table.reduce_cols[f](n, other, x.data(), y); });
        };
        both();
        if (n == 0) continue;
        x[x.size() / 2] = Limits<T>::quiet_NaN();  // reaches the result from wherever it stands
        both();
        x.back() = Limits<T>::quiet_NaN();
        x[0] = -Limits<T>::infinity();
        both();
      }
    }
  });
}

TEMPLATE_TEST_CASE("optimiser steps are those of plain loops", "[kernels]", float, double) {
  using T = TestType;
  constexpr std::size_t kMost = 70;
  const AdamStep step = {.step_size = 1e-3,
                         .beta1 = 0.9,
                         .beta2 = 0.999,
                         .root_bias2 = 0.3,
                         .eps = 1e-8,
                         .l2 = 0.1,
                         .decay = 0.99};
  const Long eps = Limits<T>::epsilon(), beta1 = T(step.beta1), beta2 = T(step.beta2),
             rest1 = T(1 - step.beta1), rest2 = T(1 - step.beta2), l2 = T(step.l2), weight = T(0.005);
  const std::vector<T> g = random_values<T>(kMost, 1), p = random_values<T>(kMost, 2),
                       m = random_values<T>(kMost, 3);
  std::vector<T> v = random_values<T>(kMost, 4);
  for (T& x : v) x = std::abs(x);
  for_each_table<T>([&](const Table<T>& table) {
    struct State {
      std::vector<T> p, m, v, target;
    };
    const auto run = [&](std::size_t first, std::size_t n) {
      const auto part = [&](const std::vector<T>& x) {
        std::vector<T> y(x.begin() + static_cast<std::ptrdiff_t>(first),
                         x.begin() + static_cast<std::ptrdiff_t>(first + n));
        y.push_back(T(77));
        return y;
      };
      State s = {part(p), part(m), part(v), part(p)};
      table.adam(step, static_cast<std::int64_t>(n), g.data() + first, s.p.data(), s.m.data(), s.v.data());
      table.lerp(0.005, static_cast<std::int64_t>(n), g.data() + first, s.target.data());
      return s;
    };
    const State all = run(0, kMost);
    for (std::size_t i = 0; i < kMost; ++i) {
      // Every sum below has two terms, of at most four roundings each, eps / 2 of the terms' sizes; p has
      // those of m and v and four more, of which only its own last ones matter at this step size.
      const Long gi = g[i] + l2 * p[i], g_size = std::abs(g[i]) + l2 * std::abs(p[i]);
      const Long mi = beta1 * m[i] + rest1 * gi, m_size = beta1 * std::abs(m[i]) + rest1 * g_size;
      const Long vi = beta2 * v[i] + rest2 * gi * gi, v_size = beta2 * v[i] + rest2 * g_size * g_size;
      const Long scale = T(step.step_size) / (std::sqrt(vi) / T(step.root_bias2) + T(step.eps));
      const Long pi = T(step.decay) * Long(p[i]) - scale * mi, p_size = std::abs(p[i]) + scale * m_size;
      const Long target = p[i] + weight * (Long(g[i]) - p[i]),
                 target_size = std::abs(p[i]) + weight * std::abs(g[i]);
      CHECK(std::abs(all.m[i] - mi) <= 2 * eps * m_size);
      CHECK(std::abs(all.v[i] - vi) <= 3 * eps * v_size);
      CHECK(std::abs(all.p[i] - pi) <= 2 * eps * p_size);
      CHECK(std::abs(all.target[i] - target) <= 2 * eps * target_size);
    }
    // A value does not depend on its position, and nothing beyond the end is touched.
    for (std::size_t n = 0; n <= kMost; ++n) {
      for (std::size_t first = 0; first + n <= kMost && first < 3; ++first) {
        const State s = run(first, n);
        bool same = s.p[n] == 77 && s.m[n] == 77 && s.v[n] == 77 && s.target[n] == 77;
        for (std::size_t i = 0; i < n; ++i) {
          same = same && s.p[i] == all.p[first + i] && s.m[i] == all.m[first + i] &&
                 s.v[i] == all.v[first + i] && s.target[i] == all.target[first + i];
        }
        INFO("length " << n << " from " << first);
        CHECK(same);
      }
    }
  });
}
