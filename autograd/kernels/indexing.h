// Plain loops along one dimension of contiguous tensors: indexing, running sums, triangles. Indices are
// integers.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <type_traits>

#include "autograd/kernels/running_sum.h"
#include "autograd/pool.h"
#include "autograd/shape.h"

namespace saccade::kernels {

/// A shape as (outer, n, inner) around one of its dimensions.
struct Around {
  std::int64_t outer = 1, n = 1, inner = 1;
};

inline Around around(const Shape& shape, std::int64_t dim) {
  Around a;
  for (std::int64_t d = 0; d < dim; ++d) a.outer *= shape[d];
  a.n = shape[dim];
  for (std::int64_t d = dim + 1; d < shape.size(); ++d) a.inner *= shape[d];
  return a;
}

/// out (outer, 1, inner): the index of the maximum (or minimum) of each line, of a tie the first; NaN wins.
template <class T>
void arg_extremum(const Around& a, const T* x, std::int64_t* out, bool max) {
  const auto is_nan = [](T v) { return v != v; };
  for (std::int64_t o = 0; o < a.outer; ++o) {
    for (std::int64_t i = 0; i < a.inner; ++i) {
      const T* line = x + o * a.n * a.inner + i;
      std::int64_t best = 0;
      for (std::int64_t j = 1; j < a.n && !is_nan(line[best * a.inner]); ++j) {
        const T candidate = line[j * a.inner], held = line[best * a.inner];
        if (is_nan(candidate) || (max ? candidate > held : candidate < held)) best = j;
      }
      out[o * a.inner + i] = best;
    }
  }
}

/// index (outer, n, inner): the places of each line's elements from the smallest to the largest, NaN last; of
/// equal ones, the first first.
template <class T>
void argsort(const Around& a, const T* x, std::int64_t* index) {
  PoolVector<std::int64_t> order(static_cast<std::size_t>(a.n));
  for (std::int64_t o = 0; o < a.outer; ++o) {
    for (std::int64_t i = 0; i < a.inner; ++i) {
      const T* line = x + o * a.n * a.inner + i;
      std::iota(order.begin(), order.end(), 0);
      std::sort(order.begin(), order.end(), [&](std::int64_t j, std::int64_t k) {
        const T p = line[j * a.inner], q = line[k * a.inner];
        if (p < q || q < p) return p < q;
        const bool p_nan = p != p, q_nan = q != q;
        return p_nan == q_nan ? j < k : q_nan;
      });
      std::int64_t* out = index + o * a.n * a.inner + i;
      for (std::int64_t j = 0; j < a.n; ++j) out[j * a.inner] = order[static_cast<std::size_t>(j)];
    }
  }
}

template <class T>
void cumsum(const Around& a, const T* x, T* out) {
  for (std::int64_t o = 0; o < a.outer; ++o) {
    for (std::int64_t i = 0; i < a.inner; ++i) {
      RunningSum<T> sum;
      for (std::int64_t j = 0; j < a.n; ++j) {
        const std::int64_t at = (o * a.n + j) * a.inner + i;
        sum.add(x[at]);
        out[at] = sum.value();
      }
    }
  }
}

/// out[o][j][i] = x[o][index[o][j][i]][i], for j below `rows`; x has a.n rows.
template <class T>
void gather(const Around& a, std::int64_t rows, const T* x, const std::int64_t* index, T* out) {
  for (std::int64_t o = 0; o < a.outer; ++o) {
    for (std::int64_t j = 0; j < rows; ++j) {
      for (std::int64_t i = 0; i < a.inner; ++i) {
        const std::int64_t at = (o * rows + j) * a.inner + i;
        out[at] = x[(o * a.n + index[at]) * a.inner + i];
      }
    }
  }
}

/// add(place, x[o][j][i]) for the place of [o][index[o][j][i]][i] in a tensor of a.n rows, for j below
/// `rows`.
template <class T, class Out>
void scatter(const Around& a, std::int64_t rows, const T* x, const std::int64_t* index, const Out& add) {
  for (std::int64_t o = 0; o < a.outer; ++o) {
    for (std::int64_t j = 0; j < rows; ++j) {
      for (std::int64_t i = 0; i < a.inner; ++i) {
        const std::int64_t at = (o * rows + j) * a.inner + i;
        add((o * a.n + index[at]) * a.inner + i, x[at]);
      }
    }
  }
}

/// out[o][index[o][j][i]][i] += x[o][j][i] for an `out` of zeros with a.n rows. Where many terms may meet in
/// one place, each place keeps a running sum.
template <class T>
void scatter_add(const Around& a, std::int64_t rows, const T* x, const std::int64_t* index, T* out) {
  constexpr std::int64_t kFew = 128;
  if (rows <= kFew || std::is_integral_v<T>) {
    scatter(a, rows, x, index, [out](std::int64_t to, T term) { out[to] += term; });
    return;
  }
  PoolVector<RunningSum<T>> sums(static_cast<std::size_t>(a.outer * a.n * a.inner));
  scatter(a, rows, x, index, [&](std::int64_t to, T term) { sums[static_cast<std::size_t>(to)].add(term); });
  for (std::size_t i = 0; i < sums.size(); ++i) out[i] = sums[i].value();
}

/// Reverses the order along the dimension.
template <class T>
void flip(const Around& a, const T* x, T* out) {
  for (std::int64_t o = 0; o < a.outer; ++o) {
    for (std::int64_t j = 0; j < a.n; ++j) {
      for (std::int64_t i = 0; i < a.inner; ++i) {
        out[(o * a.n + j) * a.inner + i] = x[(o * a.n + a.n - 1 - j) * a.inner + i];
      }
    }
  }
}

/// Keeps element (i, j) of each (rows, cols) matrix where j - i <= diagonal (lower) or >= diagonal (upper).
template <class T>
void triangle(std::int64_t matrices, std::int64_t rows, std::int64_t cols, std::int64_t diagonal, bool lower,
              const T* x, T* out) {
  for (std::int64_t m = 0; m < matrices; ++m) {
    for (std::int64_t i = 0; i < rows; ++i) {
      for (std::int64_t j = 0; j < cols; ++j) {
        const std::int64_t at = (m * rows + i) * cols + j;
        out[at] = (lower ? j - i <= diagonal : j - i >= diagonal) ? x[at] : T(0);
      }
    }
  }
}

}  // namespace saccade::kernels
