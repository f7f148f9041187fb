// The kernels for every x86-64 processor.
#include "autograd/kernels/table.inl.h"

namespace saccade::kernels {

constinit const Tables tables_sse2 = make_tables<xsimd::sse2>("sse2");

}  // namespace saccade::kernels
