#include "autograd/kernels/gemm.h"

#include <algorithm>

#include "autograd/kernels/parallel.h"
#include "autograd/pool.h"

namespace saccade::kernels {

namespace {

constexpr std::int64_t kSmall = std::int64_t{1} << 21;  // multiply-adds that one thread does as fast as two
constexpr std::int64_t kColumns = 96;                   // a part's width: two panels of AVX-512 floats
constexpr std::int64_t kRows = 256;                     // its height, where there are few columns

template <class T>
void gemm_part(const Gemm<T>& part) {
  const Table<T>& t = table<T>();
  const auto bytes = static_cast<std::size_t>(t.gemm_scratch(part.m, part.n, part.k)) * sizeof(T);
  void* scratch = pool::allocate(bytes);
  t.gemm(part, static_cast<T*>(scratch));
  pool::release(scratch, bytes);
}

}  // namespace

// A batch is shared out by its matrices; a single large product by its columns, or rows if it is narrow. No
// element's value depends on the cut.
template <class T>
void gemm(const Gemm<T>& product, const GemmBatch& batch) {
  if (product.m == 0 || product.n == 0 || batch.count == 0) return;
  const bool small = product.m * product.n * product.k * batch.count <= kSmall;
  const bool by_columns = product.n > kColumns;
  const std::int64_t size = by_columns ? product.n : product.m;
  const std::int64_t width = small || batch.count > 1 ? size : (by_columns ? kColumns : kRows);
  const std::int64_t parts = (size + width - 1) / width;
  const auto run = [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t matrix = i / parts, from = i % parts * width, n = std::min(width, size - from);
      Gemm<T> g = product;
      g.a += matrix * batch.a + (by_columns ? 0 : from * g.a_row);
      g.b += matrix * batch.b + (by_columns ? from * g.b_col : 0);
      g.c += matrix * batch.c + (by_columns ? from : from * g.c_row);
      if (g.bias != nullptr) g.bias += matrix * batch.bias + (by_columns ? from : 0);
      (by_columns ? g.n : g.m) = n;
      gemm_part(g);
    }
  };
  parallel_for(batch.count * parts, small ? batch.count * parts : 1, run);
}

template void gemm(const Gemm<float>&, const GemmBatch&);
template void gemm(const Gemm<double>&, const GemmBatch&);

}  // namespace saccade::kernels
