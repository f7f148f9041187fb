// The kernels for AVX-512 F, CD, DQ, BW and VL.
#include "autograd/kernels/table.inl.h"

namespace saccade::kernels {

constinit const Tables tables_avx512 = make_tables<xsimd::avx512bw>("avx512");

}  // namespace saccade::kernels
