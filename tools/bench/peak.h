// The machine's limits, to hold measurements against: how fast one core multiplies and adds, reads and
// copies.
#pragma once

#include <cstdint>

#include "tools/bench/work.h"

namespace saccade::bench {

/// One call is kFmaFlops floating-point operations on each of `threads` threads at once: fused multiply-adds
/// of f32 in registers, with the instruction set that the engine uses (on SSE2 a product and a sum).
constexpr std::int64_t kFmaFlops = 1 << 20;
Work fma_peak(int threads);

/// One call reads kReadBytes of f32, or copies kCopyBytes by memcpy, which read and written counts twice.
/// Both working sets lie in the second cache.
constexpr std::int64_t kReadBytes = 256 << 10, kCopyBytes = 256 << 10;
Work read_peak();
Work copy_peak();
/// The same for kBigCopyBytes, past the caches.
constexpr std::int64_t kBigCopyBytes = 256 << 20;
Work big_copy_peak();

/// Loops of one instruction set.
struct PeakLoops {
  /// Does about `flops` operations; what it returns says nothing.
  float (*fma)(std::int64_t flops);
  /// Adds up n floats, n a multiple of 1024, aligned to 64 bytes.
  float (*read)(const float* values, std::int64_t n);
};
extern const PeakLoops peak_sse2, peak_avx2, peak_avx512, peak_native;

}  // namespace saccade::bench
