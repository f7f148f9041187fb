// The kernels of one instruction set, as a table of function pointers. Each set's table is compiled in its
// own file with its own compiler flags; one table is chosen when the program starts.
//
// All pointers are to contiguous elements. Nothing here is threaded; see gemm.h and base/parallel.h for that.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "autograd/kernels/functors.h"

namespace saccade::kernels {

/// C = activation(A B + bias): A is (m, k), B is (k, n), C is (m, n). Strides are free, so a product with a
/// transpose is the same call; C is best row-major.
template <class T>
struct Gemm {
  std::int64_t m = 0, n = 0, k = 0;
  const T* a = nullptr;
  std::int64_t a_row = 0, a_col = 0;
  const T* b = nullptr;
  std::int64_t b_row = 0, b_col = 0;
  T* c = nullptr;
  std::int64_t c_row = 0, c_col = 1;  // c_col is 1 for gemv
  const T* bias = nullptr;            // (n), added to every row; or null
  std::int64_t bias_col = 1;          // 0: one value for all columns (gemv only)
  bool relu = false;
};

/// One step of Adam (Kingma and Ba 2015) as PyTorch writes it: see nn/optim/adam.h.
struct AdamStep {
  double step_size, beta1, beta2, root_bias2, eps, l2, decay;  // decay: p *= decay first (AdamW)
};

template <class T>
struct Table {
  const char* name = "";
  /// out[i] = f(in[0][i * step[0]], in[1][i * step[1]], ...); steps are 0 or 1. f points at the functor.
  using Elementwise = void (*)(const void* f, std::int64_t n, const T* const* in, const std::int64_t* step,
                               T* out);
  Elementwise elementwise[ElementwiseOps::size] = {};
  /// (rows, cols) to (rows), and to (cols).
  using Reduce = void (*)(std::int64_t rows, std::int64_t cols, const T* in, T* out);
  Reduce reduce_rows[ReduceOps::size] = {};
  Reduce reduce_cols[ReduceOps::size] = {};

  /// Scratch is 64-byte aligned.
  void (*gemm)(const Gemm<T>& product, T* scratch) = nullptr;
  /// The same for m = 1 and a B with a unit stride.
  void (*gemv)(const Gemm<T>& product, T* scratch) = nullptr;
  std::int64_t (*gemm_scratch)(std::int64_t k) = nullptr;  // elements, for either

  void (*adam)(const AdamStep& step, std::int64_t n, const T* g, T* p, T* m, T* v) = nullptr;
  /// target += weight * (source - target)
  void (*lerp)(double weight, std::int64_t n, const T* source, T* target) = nullptr;
};

struct Tables {
  Table<float> f32;
  Table<double> f64;
};

// One for each file of this folder that is named after it; which exist depends on the processor family.
extern const Tables tables_sse2, tables_avx2, tables_avx512, tables_native;

/// The tables in use: the best that this processor and operating system support, or the one that the
/// environment variable SACCADE_ISA names ("sse2", "avx2", "avx512"). Throws ConfigError if that is unknown
/// or not supported here.
const Tables& tables();
/// Its name, and those that could run here, the best last.
const char* instruction_set();
std::vector<std::string> supported_instruction_sets();

template <class T>
const Table<T>& table() {
  if constexpr (sizeof(T) == 4) {
    return tables().f32;
  } else {
    return tables().f64;
  }
}

}  // namespace saccade::kernels
