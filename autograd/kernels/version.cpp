#include "autograd/kernels/version.h"

#include <fmt/format.h>

#include <xsimd/config/xsimd_config.hpp>

namespace saccade::kernels {

std::string xsimd_version() {
  return fmt::format("{}.{}.{}", XSIMD_VERSION_MAJOR, XSIMD_VERSION_MINOR, XSIMD_VERSION_PATCH);
}

}  // namespace saccade::kernels
