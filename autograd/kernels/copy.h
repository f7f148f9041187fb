// Copies between strided layouts; every other kernel takes contiguous elements.
#pragma once

#include <algorithm>
#include <cstdint>

#include "autograd/shape.h"

namespace saccade::kernels {

/// dst[i] = src[i] for every index i of `shape`, each side with its own strides.
template <class T>
void copy(Shape shape, const T* src, Strides from, T* dst, Strides to) {
  // Drop the dimensions of size 1 and merge neighbours that both sides walk as one.
  std::int64_t rank = 0;
  for (std::int64_t d = 0; d < shape.size(); ++d) {
    if (shape[d] == 0) return;
    if (shape[d] == 1) continue;
    if (rank > 0 && from[rank - 1] == from[d] * shape[d] && to[rank - 1] == to[d] * shape[d]) {
      shape[rank - 1] *= shape[d];
      from[rank - 1] = from[d];
      to[rank - 1] = to[d];
      continue;
    }
    shape[rank] = shape[d];
    from[rank] = from[d];
    to[rank] = to[d];
    ++rank;
  }
  if (rank == 0) {
    *dst = *src;
    return;
  }
  const std::int64_t inner = rank - 1, n = shape[inner], s = from[inner], t = to[inner];
  Shape index = Shape::filled(rank, 0);
  while (true) {
    if (s == 1 && t == 1) {
      std::copy_n(src, n, dst);
    } else if (s == 0 && t == 1) {
      std::fill_n(dst, n, *src);
    } else {
      for (std::int64_t i = 0; i < n; ++i) dst[i * t] = src[i * s];
    }
    std::int64_t d = inner - 1;
    for (; d >= 0; --d) {  // an odometer over the outer dimensions
      src += from[d];
      dst += to[d];
      if (++index[d] < shape[d]) break;
      src -= from[d] * shape[d];
      dst -= to[d] * shape[d];
      index[d] = 0;
    }
    if (d < 0) return;
  }
}

}  // namespace saccade::kernels
