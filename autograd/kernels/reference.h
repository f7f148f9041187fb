// The kernels as plain loops: what each computes, one element at a time. Read these beside the fast ones; the
// tests hold those against them.
#pragma once

#include <cmath>
#include <cstdint>

#include "autograd/kernels/table.h"

namespace saccade::kernels::reference {

/// C = activation(A B + bias), for Table::gemm and, at m = 1, Table::gemv.
template <class T>
void gemm(const Gemm<T>& g) {
  for (std::int64_t i = 0; i < g.m; ++i) {
    for (std::int64_t j = 0; j < g.n; ++j) {
      T sum = 0;
      for (std::int64_t p = 0; p < g.k; ++p) {
        sum += g.a[i * g.a_row + p * g.a_col] * g.b[p * g.b_row + j * g.b_col];
      }
      if (g.bias != nullptr) sum += g.bias[j * g.bias_col];
      if (g.relu && sum < 0) sum = 0;  // NaN stays
      g.c[i * g.c_row + j * g.c_col] = sum;
    }
  }
}

/// x + y, and the larger and the smaller, of which NaN is both.
template <class T>
T add(T x, T y) {
  return x + y;
}
template <class T>
T max(T x, T y) {
  return std::isnan(x) || x > y ? x : y;
}
template <class T>
T min(T x, T y) {
  return std::isnan(x) || x < y ? x : y;
}

/// n elements, `step` apart, as one: f(... f(f(start, x[0]), x[step]) ...). Table::reduce_rows does this to
/// each row of a matrix, Table::reduce_cols to each column.
template <class T, class Result, class F>
Result reduce(std::int64_t n, const T* x, std::int64_t step, Result start, const F& f) {
  Result result = start;
  for (std::int64_t i = 0; i < n; ++i) result = f(result, static_cast<Result>(x[i * step]));
  return result;
}

/// Adam's step (Kingma and Ba 2015) for n elements: see AdamStep.
template <class T>
void adam(const AdamStep& s, std::int64_t n, const T* g, T* p, T* m, T* v) {
  const T beta1 = T(s.beta1), beta2 = T(s.beta2);
  for (std::int64_t i = 0; i < n; ++i) {
    const T gradient = g[i] + T(s.l2) * p[i];
    m[i] = beta1 * m[i] + T(1 - s.beta1) * gradient;
    v[i] = beta2 * v[i] + T(1 - s.beta2) * gradient * gradient;
    p[i] = T(s.decay) * p[i] - T(s.step_size) * m[i] / (std::sqrt(v[i]) / T(s.root_bias2) + T(s.eps));
  }
}

/// target += weight * (source - target)
template <class T>
void lerp(double weight, std::int64_t n, const T* source, T* target) {
  for (std::int64_t i = 0; i < n; ++i) target[i] += T(weight) * (source[i] - target[i]);
}

}  // namespace saccade::kernels::reference
