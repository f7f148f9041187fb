// The kernels for processors other than x86-64, with the instruction set that the compiler targets.
#include "autograd/kernels/table.inl.h"

namespace saccade::kernels {

constinit const Tables tables_native = make_tables<xsimd::default_arch>("native");

}  // namespace saccade::kernels
