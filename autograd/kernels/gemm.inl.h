// Matrix multiplication for one instruction set: C = activation(A B + bias).
//
// C is computed in tiles of kRows rows by up to three vectors of columns. A tile's sums stay in registers
// while k runs: each step loads one row of a packed panel of B (V vectors), and for each of the tile's rows
// broadcasts one element of A and does V fused multiply-adds:
//
//                 panel of B, packed:  k x (V vectors)
//                 [ b0 | b1 | b2 ]        one row per step
//     A: kRows    [ .. | .. | .. ]  +=    kRows x V accumulators
//
// 8 rows x 3 vectors use 24 of AVX-512's 32 registers, 4 x 3 use 12 of 16 on the older sets; both keep the
// two multiply-add units busy. Columns that do not fill three vectors take tiles of two or one; a row or
// vector that is partly outside C is computed on padding and stored in part. Panels of B are packed so that a
// step reads consecutive memory whatever B's strides; A is read in place when its rows are contiguous, and
// packed otherwise.
//
// Each element of C is one sum over k, in order, in blocks of kDepth. It does not depend on the tiling:
// cutting C into parts for several threads changes no bit.
#pragma once

#include <cstdint>
#include <xsimd/xsimd.hpp>

#include "autograd/kernels/table.h"

namespace saccade::kernels {

template <class Arch, class T>
struct GemmKernel {
  using Batch = xsimd::batch<T, Arch>;
  static constexpr std::int64_t W = static_cast<std::int64_t>(Batch::size);
  static constexpr int kRows = sizeof(Batch) == 64 ? 8 : 4;
  static constexpr int kVectors = 3;
  static constexpr std::int64_t kDepth = 512;      // k per pass: a panel of B is 512 x 48 floats, within L2
  static constexpr std::int64_t kBlockRows = 512;  // rows of A packed at a time

  static std::int64_t round_up(std::int64_t n, std::int64_t to) { return (n + to - 1) / to * to; }
  static std::int64_t smaller(std::int64_t a, std::int64_t b) { return a < b ? a : b; }

  static std::int64_t scratch(std::int64_t m, std::int64_t n, std::int64_t k) {
    const std::int64_t panels = smaller(k, kDepth) * (kVectors * W + round_up(smaller(m, kBlockRows), kRows));
    const std::int64_t vector = m == 1 || n == 1 ? k : 0;  // a contiguous copy of it
    return panels > vector ? panels : vector;
  }

  // One tile. A's element (r, p) is a[r * a_row + p] in place or a[p * kRows + r] packed. In place, rows
  // beyond the last valid one repeat it.
  template <int V, bool Packed>
  static void tile(std::int64_t depth, const T* a, std::int64_t a_row, std::int64_t valid, const T* panel,
                   Batch (&sum)[kRows][kVectors]) {
    const T* row[kRows];
    for (int r = 0; r < kRows; ++r) row[r] = Packed ? a + r : a + smaller(r, valid - 1) * a_row;
    Batch acc[kRows][V];
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 3
      for (int v = 0; v < V; ++v) acc[r][v] = Batch(T(0));
    }
    for (std::int64_t p = 0; p < depth; ++p) {
      Batch b[V];
#pragma GCC unroll 3
      for (int v = 0; v < V; ++v) b[v] = Batch::load_unaligned(panel + (p * V + v) * W);
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        const Batch x(Packed ? row[0][p * kRows + r] : row[r][p]);
#pragma GCC unroll 3
        for (int v = 0; v < V; ++v) acc[r][v] = xsimd::fma(x, b[v], acc[r][v]);
      }
    }
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 3
      for (int v = 0; v < V; ++v) sum[r][v] = acc[r][v];
    }
  }

  // Adds what earlier passes over k left in C, and on the last one the bias and the activation; stores the
  // part inside C.
  static void store(const Gemm<T>& g, bool first, bool last, std::int64_t i, std::int64_t j,
                    std::int64_t rows, std::int64_t cols, const Batch (&sum)[kRows][kVectors]) {
    alignas(64) T part[Batch::size];
    const auto load = [&](const T* from, std::int64_t n) {
      if (n >= W) return Batch::load_unaligned(from);
      for (std::int64_t l = 0; l < W; ++l) part[l] = l < n ? from[l] : T(0);
      return Batch::load_aligned(part);
    };
    for (std::int64_t v = 0; v * W < cols; ++v) {
      const std::int64_t n = cols - v * W;
      const Batch bias = last && g.bias != nullptr ? load(g.bias + j + v * W, n) : Batch(T(0));
      for (std::int64_t r = 0; r < rows; ++r) {
        T* c = g.c + (i + r) * g.c_row + j + v * W;
        Batch x = sum[r][v];
        if (!first) x = load(c, n) + x;
        if (last && g.bias != nullptr) x = x + bias;
        if (last && g.relu) x = Relu{}(x);
        if (n >= W) {
          x.store_unaligned(c);
        } else {
          x.store_aligned(part);
          for (std::int64_t l = 0; l < n; ++l) c[l] = part[l];
        }
      }
    }
  }

  // Panel row p holds B's row p, columns [j, j + V * W), zero beyond the last.
  static void pack_b(const Gemm<T>& g, std::int64_t p0, std::int64_t depth, std::int64_t j,
                     std::int64_t vectors, T* to) {
    const std::int64_t width = vectors * W, cols = smaller(g.n - j, width);
    const T* from = g.b + p0 * g.b_row + j * g.b_col;
    if (g.b_col == 1) {
      for (std::int64_t p = 0; p < depth; ++p, from += g.b_row, to += width) {
        std::int64_t c = 0;
        for (; c + W <= cols; c += W) Batch::load_unaligned(from + c).store_unaligned(to + c);
        for (; c < width; ++c) to[c] = c < cols ? from[c] : T(0);
      }
      return;
    }
    constexpr std::int64_t kStrip =
        16;  // a transpose by strips, so that both sides stay within a few cache lines
    for (std::int64_t p1 = 0; p1 < depth; p1 += kStrip) {
      const std::int64_t p_end = smaller(p1 + kStrip, depth);
      for (std::int64_t c = 0; c < width; ++c) {
        const T* column = from + c * g.b_col;
        for (std::int64_t p = p1; p < p_end; ++p) to[p * width + c] = c < cols ? column[p * g.b_row] : T(0);
      }
    }
  }

  static void pack_a(const Gemm<T>& g, std::int64_t i0, std::int64_t rows, std::int64_t p0,
                     std::int64_t depth, T* to) {
    for (std::int64_t i = 0; i < rows; i += kRows) {
      const std::int64_t valid = smaller(rows - i, kRows);
      const T* from = g.a + (i0 + i) * g.a_row + p0 * g.a_col;
      for (std::int64_t p = 0; p < depth; ++p, from += g.a_col, to += kRows) {
        for (std::int64_t r = 0; r < kRows; ++r) to[r] = r < valid ? from[r * g.a_row] : T(0);
      }
    }
  }

  template <int V>
  static void panel(const Gemm<T>& g, std::int64_t i0, std::int64_t rows, std::int64_t j, std::int64_t p0,
                    std::int64_t depth, const T* packed_a, T* packed_b) {
    pack_b(g, p0, depth, j, V, packed_b);
    const bool first = p0 == 0, last = p0 + depth == g.k;
    const std::int64_t cols = smaller(g.n - j, V * W);
    for (std::int64_t i = 0; i < rows; i += kRows) {
      const std::int64_t valid = smaller(rows - i, kRows);
      Batch sum[kRows][kVectors];
      if (packed_a != nullptr) {
        tile<V, true>(depth, packed_a + i * depth, 0, valid, packed_b, sum);
      } else {
        tile<V, false>(depth, g.a + (i0 + i) * g.a_row + p0, g.a_row, valid, packed_b, sum);
      }
      store(g, first, last, i0 + i, j, valid, cols, sum);
    }
  }

  // The inner product of two contiguous vectors: four sums of lanes, folded.
  static T dot(const T* x, const T* y, std::int64_t n) {
    Batch s[4] = {Batch(T(0)), Batch(T(0)), Batch(T(0)), Batch(T(0))};
    std::int64_t i = 0;
    for (; i + 4 * W <= n; i += 4 * W) {
#pragma GCC unroll 4
      for (int q = 0; q < 4; ++q) {
        s[q] = xsimd::fma(Batch::load_unaligned(x + i + q * W), Batch::load_unaligned(y + i + q * W), s[q]);
      }
    }
    for (; i + W <= n; i += W)
      s[0] = xsimd::fma(Batch::load_unaligned(x + i), Batch::load_unaligned(y + i), s[0]);
    T sum = xsimd::hadd((s[0] + s[1]) + (s[2] + s[3]));
    for (; i < n; ++i) sum += x[i] * y[i];
    return sum;
  }

  static const T* contiguous(const T* x, std::int64_t stride, std::int64_t n, T* scratch) {
    if (stride == 1) return x;
    for (std::int64_t i = 0; i < n; ++i) scratch[i] = x[i * stride];
    return scratch;
  }

  static T finish(const Gemm<T>& g, T x, std::int64_t j) {
    if (g.bias != nullptr) x += g.bias[j];
    return g.relu && x < T(0) ? T(0) : x;
  }

  // A row vector times B (m = 1), or A times a column vector (n = 1), where the matrix is contiguous along k.
  static void dots(const Gemm<T>& g, T* scratch) {
    if (g.n == 1 && g.a_col == 1) {
      const T* b = contiguous(g.b, g.b_row, g.k, scratch);
      for (std::int64_t i = 0; i < g.m; ++i) g.c[i * g.c_row] = finish(g, dot(g.a + i * g.a_row, b, g.k), 0);
    } else {
      const T* a = contiguous(g.a, g.a_col, g.k, scratch);
      for (std::int64_t j = 0; j < g.n; ++j) g.c[j] = finish(g, dot(g.b + j * g.b_col, a, g.k), j);
    }
  }

  // A row vector times row-major B: V vectors of columns at a time, no packing.
  template <int V>
  static void row_times(const Gemm<T>& g, const T* a, std::int64_t j) {
    Batch sum[kRows][kVectors];
    for (int v = 0; v < V; ++v) sum[0][v] = Batch(T(0));
    for (std::int64_t p = 0; p < g.k; ++p) {
      const Batch x(a[p]);
      for (int v = 0; v < V; ++v)
        sum[0][v] = xsimd::fma(x, Batch::load_unaligned(g.b + p * g.b_row + j + v * W), sum[0][v]);
    }
    store(g, true, true, 0, j, 1, V * W, sum);
  }

  static void row_vector(const Gemm<T>& g, T* scratch) {
    const T* a = contiguous(g.a, g.a_col, g.k, scratch);
    std::int64_t j = 0;
    for (; j + kVectors * W <= g.n; j += kVectors * W) row_times<kVectors>(g, a, j);
    for (; j + W <= g.n; j += W) row_times<1>(g, a, j);
    for (; j < g.n; ++j) {
      T sum = T(0);
      for (std::int64_t p = 0; p < g.k; ++p) sum += a[p] * g.b[p * g.b_row + j];
      g.c[j] = finish(g, sum, j);
    }
  }

  static void run(const Gemm<T>& g, T* scratch) {
    if (g.k > 0 && ((g.n == 1 && g.a_col == 1) || (g.m == 1 && g.b_row == 1))) return dots(g, scratch);
    if (g.k > 0 && g.m == 1 && g.b_col == 1) return row_vector(g, scratch);

    const bool pack = g.a_col != 1;
    for (std::int64_t p0 = 0; p0 == 0 || p0 < g.k; p0 += kDepth) {
      const std::int64_t depth = smaller(g.k - p0, kDepth);
      T* packed_b = scratch;
      T* packed_a = pack ? scratch + depth * kVectors * W : nullptr;
      for (std::int64_t i0 = 0; i0 < g.m; i0 += kBlockRows) {
        const std::int64_t rows = smaller(g.m - i0, kBlockRows);
        if (pack) pack_a(g, i0, rows, p0, depth, packed_a);
        std::int64_t vectors = (g.n + W - 1) / W;
        for (std::int64_t j = 0; vectors > 0;) {
          // Threes, but four as two twos: a tile of one vector wastes half of each step's loads.
          const std::int64_t take = vectors == 4 || vectors == 2 ? 2 : smaller(vectors, kVectors);
          switch (take) {
            case 1:
              panel<1>(g, i0, rows, j, p0, depth, packed_a, packed_b);
              break;
            case 2:
              panel<2>(g, i0, rows, j, p0, depth, packed_a, packed_b);
              break;
            default:
              panel<3>(g, i0, rows, j, p0, depth, packed_a, packed_b);
              break;
          }
          vectors -= take;
          j += take * W;
        }
      }
    }
  }
};

}  // namespace saccade::kernels
