// Which SIMD library the kernels were built with.
#pragma once

#include <string>

namespace saccade::kernels {

/// xsimd's version, "8.1.0".
std::string xsimd_version();

}  // namespace saccade::kernels
