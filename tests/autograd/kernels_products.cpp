// Matrix products of every instruction set that this machine runs, against naive loops.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "autograd/kernels/gemm.h"
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
  T at(std::int64_t i, std::int64_t j) const { return data[static_cast<std::size_t>(i * row + j * col)]; }
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

// One product, its scratch and the padding of C held to their sizes.
template <class T>
void check_gemm(const Table<T>& table, std::int64_t m, std::int64_t n, std::int64_t k, Layout a_layout,
                Layout b_layout, bool with_bias, bool relu, bool by_vector = true) {
  const Matrix<T> a = random_matrix<T>(m, k, a_layout, 1), b = random_matrix<T>(k, n, b_layout, 2);
  const std::vector<T> bias = random_values<T>(static_cast<std::size_t>(n), 3, 1);
  const std::int64_t c_row = n + 2;
  std::vector<T> c(static_cast<std::size_t>((m + 1) * c_row), T(77));
  const auto room = static_cast<std::size_t>(table.gemm_scratch(k));
  saccade::PoolVector<T> scratch(room + 64, T(77));
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
  (vector && by_vector ? table.gemv : table.gemm)(g, scratch.data());
  INFO(m << " x " << k << " x " << n << ", layouts " << static_cast<int>(a_layout) << " and "
         << static_cast<int>(b_layout) << (with_bias ? ", bias" : "") << (relu ? ", relu" : ""));
  CHECK(std::all_of(scratch.begin() + static_cast<std::ptrdiff_t>(room), scratch.end(),
                    [](T x) { return x == T(77); }));
  bool right = true;
  for (std::int64_t i = 0; i <= m; ++i) {
    for (std::int64_t j = 0; j < c_row; ++j) {
      const T got = c[static_cast<std::size_t>(i * c_row + j)];
      if (i == m || j >= n) {
        right = right && got == T(77);
        continue;
      }
      Long exact = 0, size = 0;
      for (std::int64_t p = 0; p < k; ++p) {
        const Long term = static_cast<Long>(a.at(i, p)) * b.at(p, j);
        exact += term;
        size += std::abs(term);
      }
      if (with_bias)
        exact += bias[static_cast<std::size_t>(j)], size += std::abs(bias[static_cast<std::size_t>(j)]);
      if (relu) exact = std::max(exact, Long(0));
      // k products and k + 1 additions, one rounding of at most eps / 2 each, of partial sums below `size`
      // (Higham 2002, 3.1): (2 k + 1) eps / 2, less with fused multiply-adds.
      right = right && std::abs(got - exact) <= (static_cast<Long>(k) + 1) * Limits<T>::epsilon() * size;
    }
  }
  CHECK(right);
}

}  // namespace

TEMPLATE_TEST_CASE("matrix products of all sizes and layouts", "[kernels]", float, double) {
  using T = TestType;
  const std::int64_t sizes[] = {0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 23, 47, 48, 49, 100, 256, 513};
  std::mt19937 random(1);
  const auto any = [&random](const auto& of) { return of[random() % std::size(of)]; };
  for_each_table<T>([&](const Table<T>& table) {
    for (const std::int64_t m : {0, 1, 2, 9}) {  // every combination of small sizes and layouts
      for (const std::int64_t n : {0, 1, 2, 17}) {
        for (const std::int64_t k : {0, 1, 3, 16}) {
          for (const Layout a : kLayouts) {
            for (const Layout b : kLayouts) {
              check_gemm(table, m, n, k, a, b, (m + n) % 2 == 0, k % 2 == 0);
              if (m == 1) check_gemm(table, m, n, k, a, b, n > 1, k % 2 == 0, false);
            }
          }
        }
      }
    }
    for (int i = 0; i < 150; ++i) {
      check_gemm(table, any(sizes), any(sizes), any(sizes), any(kLayouts), any(kLayouts), random() % 2 == 0,
                 random() % 2 == 0);
    }
    for (const Layout layout : kLayouts) {  // long sums and tall matrices: several passes and blocks
      check_gemm(table, 9, 50, 1100, layout, layout, true, true);
      check_gemm(table, 1030, 17, 20, layout, layout, true, false);
      check_gemm(table, 1, 1, 3000, layout, layout, true, false);
      check_gemm(table, 1, 300, 70, layout, layout, true, true);
    }
  });
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
        std::vector<T> first;
        for (const int n : {1, 2, 3, 5, 16}) {
          saccade::set_num_threads(n);
          std::vector<T> c(static_cast<std::size_t>(s.batch * s.m * c_row), T(77));
          gemm<T>({.m = s.m,
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
                   .relu = with_bias},
                  {.count = s.batch, .a = s.m * s.k, .b = s.k * s.n, .c = s.m * c_row, .bias = s.n});
          if (first.empty()) first = c;
          const bool same = c == first;
          CHECK(same);
        }
        saccade::set_num_threads(threads);
        bool right = true;
        for (std::int64_t q = 0; q < s.batch; ++q) {
          for (std::int64_t i = 0; i < s.m; i += 7) {
            for (std::int64_t j = 0; j < s.n; ++j) {
              const double start =
                  with_bias ? static_cast<double>(bias[static_cast<std::size_t>(q * s.n + j)]) : 0;
              double sum = start, size = std::abs(start);
              for (std::int64_t p = 0; p < s.k; ++p) {
                const std::int64_t at_a = q * s.m * s.k + (a_by_rows ? i * s.k + p : p * s.m + i);
                const std::int64_t at_b = q * s.k * s.n + (b_by_rows ? p * s.n + j : j * s.k + p);
                const double term = static_cast<double>(a[static_cast<std::size_t>(at_a)]) *
                                    static_cast<double>(b[static_cast<std::size_t>(at_b)]);
                sum += term;
                size += std::abs(term);
              }
              const double got =
                  static_cast<double>(first[static_cast<std::size_t>((q * s.m + i) * c_row + j)]);
              if (with_bias) sum = std::max(sum, 0.0);
              // Each addition rounds once, to half an epsilon of at most `size`; the double sum may too.
              const double bound =
                  static_cast<double>(s.k + 1) * size * static_cast<double>(Limits<T>::epsilon());
              right = right && std::abs(got - sum) <= bound;
            }
          }
        }
        CHECK(right);
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
    std::vector<T> first;
    for (const int n : {1, 2, 3, 7}) {
      saccade::set_num_threads(n);
      std::vector<T> c(kM);
      gemm<T>({.m = kM,
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
               .bias = bias.data()},
              {});
      if (first.empty()) first = c;
      const bool same = c == first;
      CHECK(same);
    }
    saccade::set_num_threads(threads);
    bool right = true;
    for (std::int64_t i = 0; i < kM; ++i) {
      double sum = 0.25, size = 0.25;
      for (std::int64_t p = 0; p < kK; ++p) {
        const double term = static_cast<double>(a.data[static_cast<std::size_t>(i * a.row + p * a.col)]) *
                            static_cast<double>(x[static_cast<std::size_t>(p)]);
        sum += term;
        size += std::abs(term);
      }
      // Each of the kK + 1 additions rounds once, to half an epsilon of at most `size`.
      const double bound = (kK + 1) * size * static_cast<double>(Limits<T>::epsilon()) / 2;
      right = right && std::abs(static_cast<double>(first[static_cast<std::size_t>(i)]) - sum) <= bound;
    }
    CHECK(right);
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
