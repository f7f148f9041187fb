// Other libraries doing the same work. Each in a file of its own, and there only if the library is installed.
#pragma once

#include <string>
#include <vector>

#include "tools/bench/work.h"

namespace saccade::bench {

/// oneDNN: "2.6.3", and products on `threads` threads, each in the faster of its two ways for row-major
/// matrices: sgemm, and the matmul primitive, which takes both members of a stack at once.
std::string onednn_version();
Work onednn_products(ProductList list, int threads);
Work onednn_products_by_phase(ProductList list, int threads);

/// OpenBLAS: "0.3.21 (SkylakeX)", and products by sgemm.
std::string openblas_version();
Work openblas_products(ProductList list, int threads);

/// libtorch, eager: "1.13.1". Linear algebra beneath it is OpenBLAS's or whichever its BLAS is.
std::string torch_version();
/// The same update as rl::Sac's; the two critics as networks of their own, or stacked as batched products.
Work torch_update(const UpdateSize& size, bool stacked, int threads);
Work torch_policy(const UpdateSize& size);
Work torch_elementwise(const std::string& op);
Work torch_tape();

}  // namespace saccade::bench
