// Matrix multiplication for one instruction set: C = activation(A B + bias).
//
// C is computed in tiles of up to kRows rows by up to three vectors of columns. A tile's sums stay in
// registers while k runs: each step loads one row of B (V vectors), and for each of the tile's rows
// broadcasts one element of A and does V fused multiply-adds:
//
//                 panel of B:  k x (V vectors)
//                 [ b0 | b1 | b2 ]        one row a step
//     A: kRows    [ .. | .. | .. ]  +=    kRows x V sums
//
// 8 rows x 3 vectors use 24 of AVX-512's 32 registers, 4 x 3 use 12 of 16 on the older sets. Both keep the
// two multiply-add units busy, and load less than half as often as they multiply. 256 columns are 16 vectors:
// four tiles of three and two of two, since a tile of one vector would load as often as it multiplies.
//
// A is read in place: it is broadcast, so its strides do not matter. The columns of B under a tile are first
// packed into a panel, k rows of V vectors, which all tiles below one another share: consecutive memory
// whatever B's strides, and zeros beyond B's last column. Where B is stored by columns (x W^T), packing is a
// transpose, a square of W x W elements at a time in registers.
//
// Each element of C is one sum over k, in order, in blocks of kDepth. It does not depend on the tiling:
// cutting C into parts for several threads changes no bit. The same holds for a product of a matrix and a
// vector (`gemv`), which is limited by reading the matrix once, and sums in its own order.
#pragma once

#include <cstdint>
#include <utility>
#include <xsimd/xsimd.hpp>

#include "autograd/kernels/table.h"

namespace saccade::kernels {

template <class Arch, class T>
struct GemmKernel {
  using Batch = xsimd::batch<T, Arch>;
  static constexpr std::int64_t W = static_cast<std::int64_t>(Batch::size);
  static constexpr int kRows = sizeof(Batch) == 64 ? 8 : 4;
  static constexpr int kVectors = 3;
  static constexpr std::int64_t kDepth = 512;  // k per pass: a panel of B is 512 x 48 floats, within L2

  static constexpr std::int64_t min(std::int64_t a, std::int64_t b) { return a < b ? a : b; }

  static std::int64_t scratch(std::int64_t k) {
    const std::int64_t panel = min(k, kDepth) * kVectors * W;
    return k > panel ? k : panel;
  }

  // ---- transposing in registers ----

  // x0 y0 x1 y1 ... of the lower or the upper halves (xsimd 8's zip_lo and zip_hi do this only within 128
  // bits).
  template <bool Upper, std::size_t... I>
  static Batch interleave(Batch x, Batch y, std::index_sequence<I...>) {
    return Batch(__builtin_shufflevector(x.data, y.data,
                                         (I % 2 * W + static_cast<std::size_t>(Upper) * W / 2 + I / 2)...));
  }

  // rows[i][j] becomes rows[j][i]. Interleaving row i with row i + W/2 rotates the bits of an element's index
  // (row, lane) by one place; log2(W) rounds exchange row and lane.
  static void transpose(Batch (&rows)[Batch::size]) {
    constexpr auto lanes = std::make_index_sequence<Batch::size>{};
#pragma GCC unroll 4
    for (std::int64_t round = 1; round < W; round *= 2) {
      Batch next[Batch::size];
#pragma GCC unroll 8
      for (std::int64_t i = 0; i < W / 2; ++i) {
        next[2 * i] = interleave<false>(rows[i], rows[i + W / 2], lanes);
        next[2 * i + 1] = interleave<true>(rows[i], rows[i + W / 2], lanes);
      }
#pragma GCC unroll 16
      for (std::int64_t i = 0; i < W; ++i) rows[i] = next[i];
    }
  }

  // ---- tiles ----

  // c (R rows, V vectors) = a b, or that added to c; then the bias and the activation. Of a's R rows, `rows`
  // exist; others repeat the last.
  struct Tile {
    std::int64_t depth, rows;
    const T* a;
    std::int64_t a_row, a_col;
    const T* b;
    std::int64_t b_row;
    T* c;
    std::int64_t c_row, c_col;
    bool add, relu;
    const T* bias;
  };
  template <int R, int V>
  static void multiply(const Tile& t) {
    const T* row[R];
    row[0] = t.a;
#pragma GCC unroll 8
    for (int r = 1; r < R; ++r) row[r] = row[r - 1] + (r < t.rows ? t.a_row : 0);
    Batch sum[R][V];
    const auto for_each = [&](const auto& f) {
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
#pragma GCC unroll 3
        for (int v = 0; v < V; ++v) f(sum[r][v], r, v);
      }
    };
    for_each([](Batch& x, int, int) { x = Batch(T(0)); });
    const T* b = t.b;
    const std::int64_t a_col = t.a_col, b_row = t.b_row;
    std::int64_t at = 0;
#pragma GCC unroll 2
    for (std::int64_t p = 0; p < t.depth; ++p, at += a_col, b += b_row) {
      Batch y[V];
#pragma GCC unroll 3
      for (int v = 0; v < V; ++v) y[v] = Batch::load_unaligned(b + v * W);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        const Batch x(row[r][at]);
#pragma GCC unroll 3
        for (int v = 0; v < V; ++v) sum[r][v] = xsimd::fma(x, y[v], sum[r][v]);
      }
    }
    T* const c = t.c;
    const std::int64_t c_row = t.c_row;
    if (t.add) {
      for_each([&](Batch& x, int r, int v) { x = Batch::load_unaligned(c + r * c_row + v * W) + x; });
    }
    if (t.bias != nullptr) {
      for_each([&](Batch& x, int, int v) { x = x + Batch::load_unaligned(t.bias + v * W); });
    }
    if (t.relu) for_each([](Batch& x, int, int) { x = Relu{}(x); });
    for_each([&](Batch& x, int r, int v) { x.store_unaligned(c + r * c_row + v * W); });
  }

  // The same where fewer rows and columns exist in c, or its columns are apart: on a copy.
  template <int R, int V>
  static void multiply_part(const Tile& t, std::int64_t cols) {
    alignas(64) T c[R][V * W] = {};
    const std::int64_t rows = min(t.rows, R);
    Tile whole = t;
    whole.c = c[0];
    whole.c_row = V * W;
    if (t.add) copy(rows, cols, t.c, t.c_row, t.c_col, c[0], V * W, 1);
    multiply<R, V>(whole);
    copy(rows, cols, c[0], V * W, 1, t.c, t.c_row, t.c_col);
  }

  static void copy(std::int64_t rows, std::int64_t cols, const T* from, std::int64_t from_row,
                   std::int64_t from_col, T* to, std::int64_t to_row, std::int64_t to_col) {
    if (from_col == 1 && to_col == 1) {
      for (std::int64_t r = 0; r < rows; ++r) copy_row(cols, from + r * from_row, to + r * to_row);
      return;
    }
    for (std::int64_t c = 0; c < cols; ++c) {
      for (std::int64_t r = 0; r < rows; ++r) to[r * to_row + c * to_col] = from[r * from_row + c * from_col];
    }
  }

  static void copy_row(std::int64_t n, const T* from, T* to) {
    std::int64_t i = 0;
    for (; i + W <= n; i += W) Batch::load_unaligned(from + i).store_unaligned(to + i);
    for (; i < n; ++i) to[i] = from[i];
  }

  // Columns [j, j + vectors * W) of B's rows [p0, p0 + depth), zero beyond the last column.
  static void pack(const Gemm<T>& g, std::int64_t p0, std::int64_t depth, std::int64_t j,
                   std::int64_t vectors, T* to) {
    const std::int64_t width = vectors * W, cols = min(g.n - j, width);
    const T* from = g.b + p0 * g.b_row + j * g.b_col;
    if (g.b_row == 1 && depth >= W) {
      for (std::int64_t v = 0; v < vectors; ++v, from += W * g.b_col, to += W) {
        const std::int64_t valid = cols - v * W;
        for (std::int64_t p = 0; p < depth; p += W) {
          const std::int64_t start = min(p, depth - W);  // the last square overlaps the one before
          Batch square[Batch::size];
#pragma GCC unroll 16
          for (std::int64_t c = 0; c < W; ++c) {
            square[c] = c < valid ? Batch::load_unaligned(from + c * g.b_col + start) : Batch(T(0));
          }
          transpose(square);
#pragma GCC unroll 16
          for (std::int64_t q = 0; q < W; ++q) square[q].store_aligned(to + (start + q) * width);
        }
      }
      return;
    }
    for (std::int64_t p = 0; p < depth; ++p, from += g.b_row, to += width) {
      std::int64_t c = 0;
      if (g.b_col == 1) {
        for (; c + W <= cols; c += W) Batch::load_unaligned(from + c).store_aligned(to + c);
      }
      for (; c < width; ++c) to[c] = c < cols ? from[c * g.b_col] : T(0);
    }
  }

  // Columns [j, j + V * W) of C, from rows [p0, p0 + depth) of B.
  template <int V>
  static void panel(const Gemm<T>& g, std::int64_t j, std::int64_t p0, std::int64_t depth, T* scratch) {
    const std::int64_t cols = min(g.n - j, V * W);
    const bool whole = cols == V * W, first = p0 == 0, last = p0 + depth == g.k;
    alignas(64) T bias[V * W] = {};
    Tile t = {.depth = depth,
              .rows = 0,
              .a = g.a + p0 * g.a_col,
              .a_row = g.a_row,
              .a_col = g.a_col,
              .b = scratch,
              .b_row = V * W,
              .c = g.c + j * g.c_col,
              .c_row = g.c_row,
              .c_col = g.c_col,
              .add = !first,
              .relu = last && g.relu,
              .bias = nullptr};
    if (last && g.bias != nullptr) {
      copy_row(cols, g.bias + j, bias);
      t.bias = bias;
    }
    if (g.m <= kRows && g.b_col == 1 && whole) {  // used once: not worth packing
      t.b = g.b + p0 * g.b_row + j;
      t.b_row = g.b_row;
    } else {
      pack(g, p0, depth, j, V, scratch);
    }
    const auto tiles = [&]<int R>() {
      if (whole && t.rows >= R && t.c_col == 1) {
        multiply<R, V>(t);
      } else {
        multiply_part<R, V>(t, cols);
      }
      t.a += R * g.a_row;
      t.c += R * g.c_row;
      t.rows -= R;
    };
    t.rows = g.m;
    while (t.rows > kRows / 2) tiles.template operator()<kRows>();
    if (t.rows > 0) tiles.template operator()<kRows / 2>();
  }

  static void gemm(const Gemm<T>& g, T* scratch) {
    for (std::int64_t p0 = 0; p0 == 0 || p0 < g.k; p0 += kDepth) {
      const std::int64_t depth = min(g.k - p0, kDepth);
      std::int64_t vectors = (g.n + W - 1) / W;
      for (std::int64_t j = 0; vectors > 0;) {
        const std::int64_t take = vectors == 4 ? 2 : min(vectors, kVectors);
        switch (take) {
          case 1:
            panel<1>(g, j, p0, depth, scratch);
            break;
          case 2:
            panel<2>(g, j, p0, depth, scratch);
            break;
          default:
            panel<3>(g, j, p0, depth, scratch);
            break;
        }
        vectors -= take;
        j += take * W;
      }
    }
  }

  // ---- a vector times a matrix ----

  static Batch load_part(const T* from, std::int64_t n) {
    if (n >= W) return Batch::load_unaligned(from);
    alignas(64) T part[Batch::size] = {};
    for (std::int64_t l = 0; l < n; ++l) part[l] = from[l];
    return Batch::load_aligned(part);
  }

  static void store_part(T* to, std::int64_t n, Batch x) {
    if (n >= W) return x.store_unaligned(to);
    alignas(64) T part[Batch::size];
    x.store_aligned(part);
    for (std::int64_t l = 0; l < n; ++l) to[l] = part[l];
  }

  static void finish(const Gemm<T>& g, std::int64_t j, Batch x) {
    if (g.bias != nullptr) x = x + (g.bias_col == 0 ? Batch(*g.bias) : load_part(g.bias + j, g.n - j));
    if (g.relu) x = Relu{}(x);
    store_part(g.c + j, g.n - j, x);
  }

  // Where B's columns are contiguous: W inner products, a few at once, so that their pointers stay in
  // registers too. Then the lanes of all W are summed together.
  static void dots(const Gemm<T>& g, const T* a) {
    constexpr std::int64_t kAtOnce = min(W, 8);
    constexpr auto lanes = std::make_index_sequence<Batch::size>{};
    const std::int64_t whole = g.k / W * W;
    for (std::int64_t j = 0; j < g.n; j += W) {
      Batch sum[Batch::size];
#pragma GCC unroll 2
      for (std::int64_t c0 = 0; c0 < W; c0 += kAtOnce) {
        const T* column[kAtOnce];
        Batch x[kAtOnce];
#pragma GCC unroll 8
        for (std::int64_t c = 0; c < kAtOnce; ++c) {
          column[c] = g.b + min(j + c0 + c, g.n - 1) * g.b_col;
          x[c] = Batch(T(0));
        }
        for (std::int64_t p = 0; p < whole; p += W) {
          const Batch y = Batch::load_unaligned(a + p);
#pragma GCC unroll 8
          for (int c = 0; c < kAtOnce; ++c) x[c] = xsimd::fma(y, Batch::load_unaligned(column[c] + p), x[c]);
        }
#pragma GCC unroll 8
        for (std::int64_t c = 0; c < kAtOnce; ++c) sum[c0 + c] = x[c];
      }
      // Each round halves the number of vectors, and of lanes that a product is spread over. A product is
      // then in the lanes whose lower bits are its number; after the last round, product c is in lane c.
#pragma GCC unroll 4
      for (std::int64_t half = W / 2; half > 0; half /= 2) {
#pragma GCC unroll 8
        for (std::int64_t c = 0; c < half; ++c) {
          sum[c] = interleave<false>(sum[c], sum[c + half], lanes) +
                   interleave<true>(sum[c], sum[c + half], lanes);
        }
      }
      for (std::int64_t p = whole; p < g.k; ++p) {
        alignas(64) T row[Batch::size];
        for (std::int64_t c = 0; c < W; ++c) row[c] = g.b[min(j + c, g.n - 1) * g.b_col + p];
        sum[0] = xsimd::fma(Batch(a[p]), Batch::load_aligned(row), sum[0]);
      }
      finish(g, j, sum[0]);
    }
  }

  // Where B's rows are contiguous: V vectors of columns at a time.
  template <int V>
  static void rows(const Gemm<T>& g, const T* a, std::int64_t a_step, std::int64_t j) {
    Batch sum[V];
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) sum[v] = Batch(T(0));
    const T* b = g.b + j;
    for (std::int64_t p = 0; p < g.k; ++p, a += a_step, b += g.b_row) {
      const Batch x(*a);
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) sum[v] = xsimd::fma(x, Batch::load_unaligned(b + v * W), sum[v]);
    }
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) finish(g, j + v * W, sum[v]);
  }

  /// m = 1, and B has a unit stride.
  static void gemv(const Gemm<T>& g, T* scratch) {
    if (g.b_row == 1) {
      const T* a = g.a;
      if (g.a_col != 1) {
        for (std::int64_t p = 0; p < g.k; ++p) scratch[p] = a[p * g.a_col];
        a = scratch;
      }
      return dots(g, a);
    }
    std::int64_t j = 0;
    for (; j + 8 * W <= g.n; j += 8 * W) rows<8>(g, g.a, g.a_col, j);
    for (; j + 4 * W <= g.n; j += 4 * W) rows<4>(g, g.a, g.a_col, j);
    for (; j + W <= g.n; j += W) rows<1>(g, g.a, g.a_col, j);
    if (j == g.n) return;
    Batch sum(T(0));
    for (std::int64_t p = 0; p < g.k; ++p) {
      sum = xsimd::fma(Batch(g.a[p * g.a_col]), load_part(g.b + p * g.b_row + j, g.n - j), sum);
    }
    finish(g, j, sum);
  }
};

}  // namespace saccade::kernels
