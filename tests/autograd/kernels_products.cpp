// Matrix products of every instruction set that this machine runs, against plain loops.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "autograd/kernels/gemm.h"
#include "autograd/kernels/reference.h"
#include "autograd/kernels/table.h"
#include "autograd/pool.h"
#include "base/threads.h"
#include "tests/support/catch.h"
#include "tests/support/kernel_tables.h"

using namespace saccade::kernels;
using namespace saccade::tests;

namespace {

using Long = long double;

// A matrix with some layout: element (i, j) at i * row + j * col.
template <class T>
struct Matrix {
  std::vector<T> data;
  std::int64_t row = 0, col = 0;
};

enum class Layout { row_major, column_major, padded_rows, padded_columns, strided };
constexpr Layout kLayouts[] = {Layout::row_major, Layout::column_major, Layout::padded_rows,
                               Layout::padded_columns, Layout::strided};

template <class T>
Matrix<T> random_matrix(std::int64_t rows, std::int64_t cols, Layout layout, unsigned seed) {
  Matrix<T> x;
  const std::int64_t pad = layout == Layout::row_major || layout == Layout::column_major ? 0 : 3;
  const bool by_rows = layout == Layout::row_major || layout == Layout::padded_rows;
  x.col = by_rows ? 1 : rows + pad;
  x.row = by_rows ? cols + pad : layout == Layout::strided ? 2 : 1;
  if (layout == Layout::strided) x.col = 2 * rows + pad;
  x.data = random_values<T>(static_cast<std::size_t>((rows + pad) * (cols + pad) * 2), seed, 1);
  return x;
}

// The product by plain loops in long double; and the sizes of each element's terms, added up.
struct Exact {
  std::vector<Long> values, sizes;

  template <class T>
  explicit Exact(const Gemm<T>& g) {
    const auto run = [&](bool absolute) {
      const auto wide = [&](const T* x, std::int64_t last) {
        std::vector<Long> y(x, x == nullptr ? x : x + last + 1);
        for (Long& v : y) v = absolute ? std::abs(v) : v;
        return y;
      };
      const std::vector<Long> a = wide(g.k == 0 ? nullptr : g.a, (g.m - 1) * g.a_row + (g.k - 1) * g.a_col),
                              b = wide(g.k == 0 ? nullptr : g.b, (g.k - 1) * g.b_row + (g.n - 1) * g.b_col),
                              bias = wide(g.bias, (g.n - 1) * g.bias_col);
      std::vector<Long> c(static_cast<std::size_t>(g.m * g.n));
      reference::gemm<Long>({.m = g.m,
                             .n = g.n,
                             .k = g.k,
                             .a = a.data(),
                             .a_row = g.a_row,
                             .a_col = g.a_col,
                             .b = b.data(),
                             .b_row = g.b_row,
                             .b_col = g.b_col,
                             .c = c.data(),
                             .c_row = g.n,
                             .bias = g.bias == nullptr ? nullptr : bias.data(),
                             .bias_col = g.bias_col,
                             .relu = g.relu});
      return c;
    };
    if (g.m == 0 || g.n == 0) return;
    values = run(false);
    sizes = run(true);
  }

  // k products and k + 1 additions, one rounding of at most eps / 2 each, of partial sums below `sizes`
  // (Higham 2002, 3.1): (2 k + 1) eps / 2, less with fused multiply-adds.
  template <class T>
  bool agrees(const Gemm<T>& g) const {
    bool right = true;
    for (std::int64_t i = 0; i < g.m; ++i) {
      for (std::int64_t j = 0; j < g.n; ++j) {
        const auto at = static_cast<std::size_t>(i * g.n + j);
        const Long error = std::abs(g.c[i * g.c_row + j * g.c_col] - values[at]);
        right = right && error <= (static_cast<Long>(g.k) + 1) * Limits<T>::epsilon() * sizes[at];
      }
    }
    return right;
  }
};

// One product on every instruction set, its scratch and the padding of C held to their sizes.
template <class T>
void check_gemm(std::int64_t m, std::int64_t n, std::int64_t k, Layout a_layout, Layout b_layout,
                bool with_bias, bool relu, bool by_vector = true) {
  const Matrix<T> a = random_matrix<T>(m, k, a_layout, 1), b = random_matrix<T>(k, n, b_layout, 2);
  const std::vector<T> bias = random_values<T>(static_cast<std::size_t>(n), 3, 1);
  const std::int64_t c_row = n + 2;
  std::vector<T> c(static_cast<std::size_t>((m + 1) * c_row));
  const Gemm<T> g = {.m = m,
                     .n = n,
                     .k = k,
                     .a = a.data.data(),
                     .a_row = a.row,
                     .a_col = a.col,
                     .b = b.data.data(),
                     .b_row = b.row,
                     .b_col = b.col,
                     .c = c.data(),
                     .c_row = c_row,
                     .bias = with_bias ? bias.data() : nullptr,
                     .relu = relu};
  const bool vector = m == 1 && (b.row == 1 || b.col == 1);
  const Exact exact(g);
  for_each_table<T>([&](const Table<T>& table) {
    std::fill(c.begin(), c.end(), T(77));
    const auto room = static_cast<std::size_t>(table.gemm_scratch(k));
    saccade::PoolVector<T> scratch(room + 64, T(77));
    (vector && by_vector ? table.gemv : table.gemm)(g, scratch.data());
    INFO(m << " x " << k << " x " << n << ", layouts " << static_cast<int>(a_layout) << " and "
           << static_cast<int>(b_layout) << (with_bias ? ", bias" : "") << (relu ? ", relu" : ""));
    const auto untouched = [](T x) { return x == T(77); };
    CHECK(std::all_of(scratch.begin() + static_cast<std::ptrdiff_t>(room), scratch.end(), untouched));
    for (std::int64_t i = 0; i <= m; ++i) {
      const auto row = c.begin() + static_cast<std::ptrdiff_t>(i * c_row);
      CHECK(std::all_of(row + (i == m ? 0 : static_cast<std::ptrdiff_t>(n)),
                        row + static_cast<std::ptrdiff_t>(c_row), untouched));
    }
    CHECK(exact.agrees(g));
  });
}

}  // namespace

TEMPLATE_TEST_CASE("matrix products of all sizes and layouts", "[kernels]", float, double) {
  using T = TestType;
  const std::int64_t sizes[] = {0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 23, 47, 48, 49, 100, 256, 513};
  std::mt19937 random(1);
  const auto any = [&random](const auto& of) { return of[random() % std::size(of)]; };
  for (const std::int64_t m : {0, 1, 2, 9}) {  // every combination of small sizes and layouts
    for (const std::int64_t n : {0, 1, 2, 17}) {
      for (const std::int64_t k : {0, 1, 3, 16}) {
        for (const Layout a : kLayouts) {
          for (const Layout b : kLayouts) {
            check_gemm<T>(m, n, k, a, b, (m + n) % 2 == 0, k % 2 == 0);
            if (m == 1) check_gemm<T>(m, n, k, a, b, n > 1, k % 2 == 0, false);
          }
        }
      }
    }
  }
  for (int i = 0; i < 150; ++i) {
    check_gemm<T>(any(sizes), any(sizes), any(sizes), any(kLayouts), any(kLayouts), random() % 2 == 0,
                  random() % 2 == 0);
  }
  for (const Layout layout : kLayouts) {  // long sums and tall matrices: several passes and blocks
    check_gemm<T>(9, 50, 1100, layout, layout, true, true);
    check_gemm<T>(1030, 17, 20, layout, layout, true, false);
    check_gemm<T>(1, 1, 3000, layout, layout, true, false);
    check_gemm<T>(1, 300, 70, layout, layout, true, true);
  }
}

TEMPLATE_TEST_CASE("a product of any shape is the same to the bit on any number of threads", "[kernels]",
                   float, double) {
  using T = TestType;
  const int threads = saccade::num_threads();
  struct Size {
    std::int64_t m, n, k, batch;
  };
  for (const Size s : {Size{300, 170, 150, 1}, Size{256, 23, 256, 2}, Size{256, 4, 700, 3},
                       Size{65, 1500, 40, 1}, Size{40, 40, 40, 100}, Size{1000, 16, 600, 1},
                       Size{8, 1500, 700, 1}, Size{700, 1, 900, 2}, Size{1, 700, 900, 2}}) {
    for (const bool a_by_rows : {true, false}) {
      for (const bool b_by_rows : {true, false}) {
        const bool with_bias = a_by_rows == b_by_rows;
        INFO(s.m << " x " << s.k << " x " << s.n << ", batch " << s.batch);
        const std::vector<T> a = random_values<T>(static_cast<std::size_t>(s.batch * s.m * s.k), 1),
                             b = random_values<T>(static_cast<std::size_t>(s.batch * s.k * s.n), 2);
        const std::vector<T> bias = random_values<T>(static_cast<std::size_t>(s.batch * s.n), 3);
        const std::int64_t c_row = s.n + 3;  // padded
        std::vector<T> first, c(static_cast<std::size_t>(s.batch * s.m * c_row));
        const Gemm<T> g = {.m = s.m,
                           .n = s.n,
                           .k = s.k,
                           .a = a.data(),
                           .a_row = a_by_rows ? s.k : 1,
                           .a_col = a_by_rows ? 1 : s.m,
                           .b = b.data(),
                           .b_row = b_by_rows ? s.n : 1,
                           .b_col = b_by_rows ? 1 : s.k,
                           .c = c.data(),
                           .c_row = c_row,
                           .bias = with_bias ? bias.data() : nullptr,
                           .relu = with_bias};
        for (const int n : {1, 2, 3, 5, 16}) {
          saccade::set_num_threads(n);
          std::fill(c.begin(), c.end(), T(77));
          gemm<T>(g, {.count = s.batch, .a = s.m * s.k, .b = s.k * s.n, .c = s.m * c_row, .bias = s.n});
          if (first.empty()) first = c;
          const bool same = c == first;
          CHECK(same);
        }
        saccade::set_num_threads(threads);
        for (std::int64_t q = 0; q < s.batch; ++q) {
          Gemm<T> some = g;  // every seventh row
          some.m = (s.m + 6) / 7;
          some.a += q * s.m * s.k;
          some.b += q * s.k * s.n;
          some.c += q * s.m * c_row;
          some.a_row *= 7;
          some.c_row *= 7;
          if (with_bias) some.bias += q * s.n;
          CHECK(Exact(some).agrees(some));
        }
      }
    }
  }
}

TEMPLATE_TEST_CASE("a matrix times a column is its row by row, at any layout and number of threads",
                   "[kernels]", float, double) {
  using T = TestType;
  constexpr std::int64_t kM = 700, kK = 900;
  const std::vector<T> x = random_values<T>(kK, 2), bias = {T(0.25)};
  const int threads = saccade::num_threads();
  for (const Layout layout : kLayouts) {
    const Matrix<T> a = random_matrix<T>(kM, kK, layout, 1);
    std::vector<T> first, c(kM);
    const Gemm<T> g = {.m = kM,
                       .n = 1,
                       .k = kK,
                       .a = a.data.data(),
                       .a_row = a.row,
                       .a_col = a.col,
                       .b = x.data(),
                       .b_row = 1,
                       .b_col = 1,
                       .c = c.data(),
                       .c_row = 1,
                       .bias = bias.data()};
    for (const int n : {1, 2, 3, 7}) {
      saccade::set_num_threads(n);
      gemm<T>(g, {});
      if (first.empty()) first = c;
      const bool same = c == first;
      CHECK(same);
    }
    saccade::set_num_threads(threads);
    CHECK(Exact(g).agrees(g));
  }
}

TEMPLATE_TEST_CASE("NaN and infinity go through a product, its bias and its relu", "[kernels]", float,
                   double) {
  using T = TestType;
  const T nan = Limits<T>::quiet_NaN(), inf = Limits<T>::infinity();
  for_each_table<T>([&](const Table<T>& table) {
    for (const std::int64_t n : {1, 3, 17}) {
      for (const std::int64_t m : {1, 5}) {
        std::vector<T> a(static_cast<std::size_t>(m), T(1)), b(static_cast<std::size_t>(n), T(1)),
            c(a.size() * b.size());
        saccade::PoolVector<T> scratch(static_cast<std::size_t>(table.gemm_scratch(1)) + 1);
        const Gemm<T> g = {.m = m,
                           .n = n,
                           .k = 1,
                           .a = a.data(),
                           .a_row = 1,
                           .a_col = 1,
                           .b = b.data(),
                           .b_row = n,
                           .b_col = 1,
                           .c = c.data(),
                           .c_row = n,
                           .bias = nullptr,
                           .relu = true};
        for (const T special : {nan, inf, -inf}) {
          a.back() = special;
          table.gemm(g, scratch.data());
          for (std::int64_t i = 0; i < m * n; ++i) {
            const T expected = i < (m - 1) * n ? T(1) : special < 0 ? T(0) : special;
            CHECK(equal(c[static_cast<std::size_t>(i)], expected));
          }
        }
      }
    }
  });
}

TEMPLATE_TEST_CASE("a batch of products is each product", "[kernels]", float, double) {
  using T = TestType;
  constexpr std::int64_t kM = 5, kN = 100, kK = 7, kCount = 3;
  const std::vector<T> a = random_values<T>(kCount * kM * kK, 1), b = random_values<T>(kCount * kK * kN, 2),
                       bias = random_values<T>(kCount * kN, 3);
  std::vector<T> together(kCount * kM * kN), apart = together;
  Gemm<T> g = {.m = kM,
               .n = kN,
               .k = kK,
               .a = a.data(),
               .a_row = kK,
               .a_col = 1,
               .b = b.data(),
               .b_row = kN,
               .b_col = 1,
               .c = together.data(),
               .c_row = kN,
               .bias = bias.data(),
               .relu = true};
  gemm(g, {.count = kCount, .a = kM * kK, .b = kK * kN, .c = kM * kN, .bias = kN});
  for (std::int64_t i = 0; i < kCount; ++i) {
    g.a = a.data() + i * kM * kK;
    g.b = b.data() + i * kK * kN;
    g.c = apart.data() + i * kM * kN;
    g.bias = bias.data() + i * kN;
    gemm(g, {});
  }
  CHECK(together == apart);
}
