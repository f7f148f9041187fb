// Matrix products on several threads.
#pragma once

#include "autograd/kernels/table.h"

namespace saccade::kernels {

/// How far apart the matrices of a batch are, in elements; 0 where one serves for all.
struct GemmBatch {
  std::int64_t count = 1, a = 0, b = 0, c = 0, bias = 0;
};

/// Every product of the batch: for each i below its count, `product` with its pointers moved on by i times
/// those distances.
template <class T>
void gemm(const Gemm<T>& product, const GemmBatch& batch);

}  // namespace saccade::kernels
