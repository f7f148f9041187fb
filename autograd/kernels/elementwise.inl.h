// The loops behind the elementwise functions, reductions and optimiser steps, for one instruction set Arch.
// Everything is a template on Arch: otherwise the linker could give every file a copy that was compiled for a
// processor with more instructions than this one has.
#pragma once

#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>
#include <xsimd/xsimd.hpp>

#include "autograd/kernels/functors.h"
#include "autograd/kernels/table.h"

namespace saccade::kernels {

template <class F, class B>
constexpr std::int64_t kArity = std::is_invocable_v<F, B>      ? 1
                                : std::is_invocable_v<F, B, B> ? 2
                                                               : 3;

// Reads an input's elements: from memory, or from a batch of copies if all are the same.
template <class B, class T>
struct Input {
  const T* from;
  std::int64_t mask;  // of the index: all ones, or 0
  B at(std::int64_t i) const { return B::load_unaligned(from + (i & mask)); }
};

template <class B, class T, class F, class... In>
std::int64_t whole_batches(const F& f, std::int64_t n, T* out, const In... in) {
  constexpr auto W = static_cast<std::int64_t>(B::size);
  std::int64_t i = 0;
  for (; i + 2 * W <= n; i += 2 * W) {
    const B first = f(in.at(i)...), second = f(in.at(i + W)...);
    first.store_unaligned(out + i);
    second.store_unaligned(out + i + W);
  }
  if (i + W <= n) {
    f(in.at(i)...).store_unaligned(out + i);
    i += W;
  }
  return i;
}

// The elements left over, too few for a batch, go through a padded one: a value does not depend on where it
// stands.
template <class Arch, class T, class F, std::size_t... I>
void elementwise_loop(const F& f, std::int64_t n, const T* const* in, const std::int64_t* step, T* out,
                      std::index_sequence<I...>) {
  using Batch = xsimd::batch<T, Arch>;
  constexpr auto W = static_cast<std::int64_t>(Batch::size);
  alignas(64) T lanes[sizeof...(I)][Batch::size];
  const auto splat = [&](std::size_t k) {
    for (T& lane : lanes[k]) lane = *in[k];
    return lanes[k];
  };
  const std::int64_t i = whole_batches<Batch>(
      f, n, out, Input<Batch, T>{step[I] == 0 ? splat(I) : in[I], step[I] == 0 ? 0 : -1}...);
  if (i == n) return;
  const auto pad = [&](std::size_t k) {
    if (step[k] == 0) return;
    for (std::int64_t j = 0; j < W; ++j) lanes[k][j] = in[k][i + j < n ? i + j : i];
  };
  (pad(I), ...);
  alignas(64) T result[Batch::size];
  f(Batch::load_aligned(lanes[I])...).store_aligned(result);
  for (std::int64_t j = 0; i + j < n; ++j) out[i + j] = result[j];
}

template <class Arch, class T, class F>
void elementwise(const void* f, std::int64_t n, const T* const* in, const std::int64_t* step, T* out) {
  constexpr auto arity = static_cast<std::size_t>(kArity<F, xsimd::batch<T, Arch>>);
  elementwise_loop<Arch>(*static_cast<const F*>(f), n, in, step, out, std::make_index_sequence<arity>{});
}

// Sums are taken in blocks of so many elements (along a row, in each lane; down a column, so many rows), and
// the blocks' sums are added in pairs, the pairs' sums in pairs, and so on. So no element goes through more
// additions than a block has elements plus the logarithm of the number of blocks, and the rounding error does
// not grow with the length.
constexpr std::int64_t kBlock = 128;

// Joins Q batches at a time in that way. Like the digits of a binary counter, level i holds what 2^i blocks
// came to, or nothing.
template <class F, class B, int Q = 1>
struct Pairwise {
  F f;
  B level[48][Q];
  int depth = 0;
  std::int64_t blocks = 0;

  void add(B (&block)[Q]) {
    for (std::int64_t carry = blocks++; carry % 2 == 1; carry /= 2) join(block);
#pragma GCC unroll 4
    for (int q = 0; q < Q; ++q) level[depth][q] = block[q];
    ++depth;
  }
  void total(B (&result)[Q]) {
#pragma GCC unroll 4
    for (int q = 0; q < Q; ++q) result[q] = depth == 0 ? F::template start<B>() : level[depth - 1][q];
    if (depth > 0) --depth;
    while (depth > 0) join(result);
  }

 private:
  void join(B (&right)[Q]) {
    --depth;
#pragma GCC unroll 4
    for (int q = 0; q < Q; ++q) right[q] = f(level[depth][q], right[q]);
  }
};

// Rows shorter than a batch: a batch of rows at a time, lane by lane.
template <class Arch, class T, class F>
void reduce_narrow_rows(std::int64_t rows, std::int64_t cols, const T* in, T* out) {
  using Batch = xsimd::batch<T, Arch>;
  constexpr auto W = static_cast<std::int64_t>(Batch::size);
  const F f;
  alignas(64) T lanes[Batch::size] = {};
  for (std::int64_t r = 0; r < rows; r += W) {
    const std::int64_t n = r + W < rows ? W : rows - r;
    Batch total = F::template start<Batch>();
    for (std::int64_t j = 0; j < cols; ++j) {
      for (std::int64_t l = 0; l < n; ++l) lanes[l] = in[(r + l) * cols + j];
      total = f(total, Batch::load_aligned(lanes));
    }
    total.store_aligned(lanes);
    for (std::int64_t l = 0; l < n; ++l) out[r + l] = lanes[l];
  }
}

template <class Arch, class T, class F>
void reduce_rows(std::int64_t rows, std::int64_t cols, const T* in, T* out) {
  using Batch = xsimd::batch<T, Arch>;
  constexpr auto W = static_cast<std::int64_t>(Batch::size);
  const F f;
  if (cols <= W) return reduce_narrow_rows<Arch, T, F>(rows, cols, in, out);
  for (std::int64_t r = 0; r < rows; ++r, in += cols) {
    Pairwise<F, Batch> blocks;
    std::int64_t i = 0;
    while (i + W <= cols) {
      Batch even = F::template start<Batch>(), odd = even;
      const std::int64_t end = i + kBlock * W < cols ? i + kBlock * W : cols;
      for (; i + 2 * W <= end; i += 2 * W) {
        even = f(even, Batch::load_unaligned(in + i));
        odd = f(odd, Batch::load_unaligned(in + i + W));
      }
      if (i + W <= end) {
        even = f(even, Batch::load_unaligned(in + i));
        i += W;
      }
      Batch block[] = {f(even, odd)};
      blocks.add(block);
    }
    Batch sum[1];
    blocks.total(sum);
    Batch total = sum[0];
    alignas(64) T lanes[Batch::size];
    if (i < cols) {
      F::template start<Batch>().store_aligned(lanes);
      for (std::int64_t j = 0; i + j < cols; ++j) lanes[j] = in[i + j];
      total = f(total, Batch::load_aligned(lanes));
    }
    // Fold the lanes in halves.
    total.store_aligned(lanes);
    using One = xsimd::batch<T, Arch>;
    for (std::int64_t half = W / 2; half > 0; half /= 2) {
      for (std::int64_t j = 0; j < half; ++j) {
        alignas(64) T folded[Batch::size];
        f(One(lanes[j]), One(lanes[j + half])).store_aligned(folded);
        lanes[j] = folded[0];
      }
    }
    out[r] = lanes[0];
  }
}

template <class Arch, class T, class F>
void reduce_cols(std::int64_t rows, std::int64_t cols, const T* in, T* out) {
  using Batch = xsimd::batch<T, Arch>;
  constexpr auto W = static_cast<std::int64_t>(Batch::size);
  const F f;
  // Four batches of columns at a time, so that their sums do not wait for one another.
  std::int64_t first = 0;
  for (; first + 4 * W <= cols; first += 4 * W) {
    Pairwise<F, Batch, 4> blocks;
    for (std::int64_t r = 0; r < rows;) {
      Batch block[4];
#pragma GCC unroll 4
      for (Batch& x : block) x = F::template start<Batch>();
      const std::int64_t end = r + kBlock < rows ? r + kBlock : rows;
      for (; r < end; ++r) {
#pragma GCC unroll 4
        for (int q = 0; q < 4; ++q)
          block[q] = f(block[q], Batch::load_unaligned(in + r * cols + first + q * W));
      }
      blocks.add(block);
    }
    Batch total[4];
    blocks.total(total);
#pragma GCC unroll 4
    for (int q = 0; q < 4; ++q) total[q].store_unaligned(out + first + q * W);
  }
  for (std::int64_t j = first; j < cols; j += W) {
    const bool whole = j + W <= cols;
    alignas(64) T lanes[Batch::size] = {};
    const auto load = [&](const T* from) {
      if (whole) return Batch::load_unaligned(from);
      for (std::int64_t l = 0; j + l < cols; ++l) lanes[l] = from[l];
      return Batch::load_aligned(lanes);
    };
    Pairwise<F, Batch> blocks;
    for (std::int64_t r = 0; r < rows;) {
      Batch block[] = {F::template start<Batch>()};
      const std::int64_t end = r + kBlock < rows ? r + kBlock : rows;
      for (; r < end; ++r) block[0] = f(block[0], load(in + r * cols + j));
      blocks.add(block);
    }
    Batch total[1];
    blocks.total(total);
    if (whole) {
      total[0].store_unaligned(out + j);
    } else {
      total[0].store_aligned(lanes);
      for (std::int64_t l = 0; j + l < cols; ++l) out[j + l] = lanes[l];
    }
  }
}

template <class Arch, class T>
struct AdamRule {
  using Batch = xsimd::batch<T, Arch>;
  Batch step_size, beta1, beta2, rest1, rest2, unbias2, eps, l2, decay;
  explicit AdamRule(const AdamStep& s)
      : step_size(T(s.step_size)),
        beta1(T(s.beta1)),
        beta2(T(s.beta2)),
        rest1(T(1 - s.beta1)),
        rest2(T(1 - s.beta2)),
        unbias2(T(1 / s.root_bias2)),
        eps(T(s.eps)),
        l2(T(s.l2)),
        decay(T(s.decay)) {}

  void operator()(Batch g, Batch& p, Batch& m, Batch& v) const {
    g = g + l2 * p;
    p = p * decay;
    m = beta1 * m + rest1 * g;
    v = beta2 * v + rest2 * (g * g);
    // When a unit dies, its averages decay until they are denormal, and arithmetic on those takes many times
    // as long. So a denormal m becomes 0, and then a denormal v does too.
    const Batch min_normal(std::numeric_limits<T>::min()), zero(T(0));
    m = select(abs(m) < min_normal, zero, m);
    v = select(m == zero && v < min_normal, zero, v);
    p = p - step_size * (m / (sqrt(v) * unbias2 + eps));
  }
};

template <class Arch, class T>
void adam(const AdamStep& step, std::int64_t n, const T* g, T* p, T* m, T* v) {
  using Batch = xsimd::batch<T, Arch>;
  constexpr auto W = static_cast<std::int64_t>(Batch::size);
  const AdamRule<Arch, T> rule(step);
  const auto update = [&](const T* g_at, T* p_at, T* m_at, T* v_at) {
    Batch pi = Batch::load_unaligned(p_at), mi = Batch::load_unaligned(m_at),
          vi = Batch::load_unaligned(v_at);
    rule(Batch::load_unaligned(g_at), pi, mi, vi);
    pi.store_unaligned(p_at);
    mi.store_unaligned(m_at);
    vi.store_unaligned(v_at);
  };
  std::int64_t i = 0;
  for (; i + W <= n; i += W) update(g + i, p + i, m + i, v + i);
  if (i == n) return;
  alignas(64) T tail[4][Batch::size] = {};
  T* const arrays[] = {p, m, v};
  for (std::int64_t j = 0; i + j < n; ++j) {
    tail[3][j] = g[i + j];
    for (int k = 0; k < 3; ++k) tail[k][j] = arrays[k][i + j];
  }
  update(tail[3], tail[0], tail[1], tail[2]);
  for (std::int64_t j = 0; i + j < n; ++j) {
    for (int k = 0; k < 3; ++k) arrays[k][i + j] = tail[k][j];
  }
}

template <class Arch, class T>
struct LerpRule {
  xsimd::batch<T, Arch> weight;
  xsimd::batch<T, Arch> operator()(xsimd::batch<T, Arch> source, xsimd::batch<T, Arch> target) const {
    return target + weight * (source - target);
  }
};

template <class Arch, class T>
void lerp(double weight, std::int64_t n, const T* source, T* target) {
  const LerpRule<Arch, T> rule{xsimd::batch<T, Arch>(T(weight))};
  const T* in[] = {source, target};
  const std::int64_t step[] = {1, 1};
  elementwise_loop<Arch>(rule, n, in, step, target, std::make_index_sequence<2>{});
}

}  // namespace saccade::kernels
