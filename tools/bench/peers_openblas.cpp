#include <cblas.h>
#include <fmt/format.h>

#include <sstream>

#include "tools/bench/peers.h"

namespace saccade::bench {

namespace {

void sgemm(ProductList& list, const Product& p) {
  const Matrix &a = list.matrices[p.a], &b = list.matrices[p.b];
  Matrix& c = list.matrices[p.c];
  const auto integer = [](std::int64_t n) { return static_cast<blasint>(n); };
  for (std::int64_t i = 0; i < p.count; ++i) {
    cblas_sgemm(CblasRowMajor, p.transpose_a ? CblasTrans : CblasNoTrans,
                p.transpose_b ? CblasTrans : CblasNoTrans, integer(p.m), integer(p.n), integer(p.k), 1,
                a.values.data() + i * a.stride(), integer(a.cols),
                b.values.data() + b_column(p, b) + i * b.stride(), integer(b.cols), 0,
                c.values.data() + c_column(p, c) + i * c.stride(), integer(c.cols));
  }
}

}  // namespace

std::string openblas_version() {
  // "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH ..."
  std::istringstream words(openblas_get_config());
  std::string name, number;
  words >> name >> number;
  return fmt::format("{} ({})", number, openblas_get_corename());
}

Work openblas_products(ProductList list, int threads) {
  return [threads, work = products(std::move(list), sgemm)](std::int64_t calls) {
    openblas_set_num_threads(threads);
    return work(calls);
  };
}

}  // namespace saccade::bench
