// Reductions and optimiser steps of every instruction set that this machine runs, against plain loops.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include "autograd/kernels/reference.h"
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
            const T* line = x.data() + r * across;
            const Long sum = reference::reduce(n, line, along, Long(0), reference::add<Long>);
            const Long size = reference::reduce(n, line, along, Long(0),
                                                [](Long so_far, Long v) { return so_far + std::abs(v); });
            const T largest = reference::reduce(n, line, along, -Limits<T>::infinity(), reference::max<T>);
            const T smallest = reference::reduce(n, line, along, Limits<T>::infinity(), reference::min<T>);
            const auto at = static_cast<std::size_t>(r);
            INFO(what << " of " << n << ", number " << r << " of " << other);
            // No element goes through more than 128 additions within its block, one for each doubling of the
            // number of blocks, and 5 to fold the lanes; each rounds by at most eps / 2 of a partial sum
            // below sum |x|.
            const auto blocks = static_cast<std::uint64_t>(n / 128 + 1);
            const std::int64_t additions = 134 + std::bit_width(blocks);
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
  constexpr std::size_t kMax = 70;
  const AdamStep step = {.step_size = 1e-3,
                         .beta1 = 0.9,
                         .beta2 = 0.999,
                         .root_bias2 = 0.3,
                         .eps = 1e-8,
                         .l2 = 0.1,
                         .decay = 0.99};
  const Long eps = Limits<T>::epsilon();
  const std::vector<T> g = random_values<T>(kMax, 1), p = random_values<T>(kMax, 2),
                       m = random_values<T>(kMax, 3);
  std::vector<T> v = random_values<T>(kMax, 4);
  for (T& x : v) x = std::abs(x);

  // By plain loops in long double; and the sizes of the terms, added up.
  struct Plain {
    std::vector<Long> p, m, v, target;
  };
  const auto plain = [&](bool absolute) {
    const auto wide = [&](const std::vector<T>& x) {
      std::vector<Long> y(x.begin(), x.end());
      for (Long& value : y) value = absolute ? std::abs(value) : value;
      return y;
    };
    const std::vector<Long> gradient = wide(g);
    Plain s = {wide(p), wide(m), wide(v), wide(p)};
    reference::adam(step, kMax, gradient.data(), s.p.data(), s.m.data(), s.v.data());
    reference::lerp(0.005, kMax, gradient.data(), s.target.data());
    return s;
  };
  const Plain exact = plain(false);
  Plain sizes = plain(true);
  for (std::size_t i = 0; i < kMax; ++i) {
    const Long rate = (step.decay * Long(p[i]) - exact.p[i]) / exact.m[i];  // of the step along m
    sizes.p[i] = std::abs(p[i]) + rate * sizes.m[i];
    sizes.target[i] = std::abs(p[i]) + 0.005L * std::abs(g[i]);
  }
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
    const State all = run(0, kMax);
    for (std::size_t i = 0; i < kMax; ++i) {
      // Every sum below has two terms, of at most four roundings each and one of a constant, eps / 2 of the
      // terms' sizes; p has those of m and v too, of which none matters at this step size.
      CHECK(std::abs(all.m[i] - exact.m[i]) <= 2.5L * eps * sizes.m[i]);
      CHECK(std::abs(all.v[i] - exact.v[i]) <= 3.5L * eps * sizes.v[i]);
      CHECK(std::abs(all.p[i] - exact.p[i]) <= 2.5L * eps * sizes.p[i]);
      CHECK(std::abs(all.target[i] - exact.target[i]) <= 2.5L * eps * sizes.target[i]);
    }
    // A value does not depend on its position, and nothing beyond the end is touched.
    for (std::size_t n = 0; n <= kMax; ++n) {
      for (std::size_t first = 0; first + n <= kMax && first < 3; ++first) {
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
