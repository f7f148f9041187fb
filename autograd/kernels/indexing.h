// Plain loops along one dimension of contiguous tensors: indexing, running sums, triangles.
#pragma once

#include <cmath>
#include <cstdint>

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
void arg_extremum(const Around& a, const T* x, T* out, bool max) {
  for (std::int64_t o = 0; o < a.outer; ++o) {
    for (std::int64_t i = 0; i < a.inner; ++i) {
      const T* line = x + o * a.n * a.inner + i;
      std::int64_t best = 0;
      for (std::int64_t j = 1; j < a.n && !std::isnan(line[best * a.inner]); ++j) {
        const T candidate = line[j * a.inner], held = line[best * a.inner];
        if (std::isnan(candidate) || (max ? candidate > held : candidate < held)) best = j;
      }
      out[o * a.inner + i] = static_cast<T>(best);
    }
  }
}

template <class T>
void cumsum(const Around& a, const T* x, T* out) {
  for (std::int64_t o = 0; o < a.outer; ++o) {
    for (std::int64_t i = 0; i < a.inner; ++i) {
      T sum = 0;
      for (std::int64_t j = 0; j < a.n; ++j) {
        const std::int64_t at = (o * a.n + j) * a.inner + i;
        out[at] = sum += x[at];
      }
    }
  }
}

/// out[o][j][i] = x[o][index[o][j][i]][i], for j below `rows`; x has a.n rows.
template <class T>
void gather(const Around& a, std::int64_t rows, const T* x, const T* index, T* out) {
  for (std::int64_t o = 0; o < a.outer; ++o) {
    for (std::int64_t j = 0; j < rows; ++j) {
      for (std::int64_t i = 0; i < a.inner; ++i) {
        const std::int64_t at = (o * rows + j) * a.inner + i;
        out[at] = x[(o * a.n + static_cast<std::int64_t>(index[at])) * a.inner + i];
      }
    }
  }
}

/// out[o][index[o][j][i]][i] += x[o][j][i], for j below `rows`; out has a.n rows.
template <class T>
void scatter_add(const Around& a, std::int64_t rows, const T* x, const T* index, T* out) {
  for (std::int64_t o = 0; o < a.outer; ++o) {
    for (std::int64_t j = 0; j < rows; ++j) {
      for (std::int64_t i = 0; i < a.inner; ++i) {
        const std::int64_t at = (o * rows + j) * a.inner + i;
        out[(o * a.n + static_cast<std::int64_t>(index[at])) * a.inner + i] += x[at];
      }
    }
  }
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
