// The kernels for AVX2 with FMA.
#include "autograd/kernels/table.inl.h"

namespace saccade::kernels {

constinit const Tables tables_avx2 = make_tables<xsimd::fma3<xsimd::avx2>>("avx2");

}  // namespace saccade::kernels
