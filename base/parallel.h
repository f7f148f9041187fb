// Loops on several threads.
#pragma once

#include <cstdint>

#include "base/threads.h"

namespace saccade::kernels {

namespace detail {
/// Calls run(f, chunk) for every chunk below `chunks`, on several threads.
void run_chunks(std::int64_t chunks, void (*run)(const void* f, std::int64_t chunk), const void* f);
}  // namespace detail

/// Calls f(begin, end) for consecutive chunks of `grain` (the last may be shorter) that cover [0, n), on
/// several threads if there is more than one chunk. Chunks depend on n and grain alone, never on the number
/// of threads, so a kernel that combines its chunks' results in order gives the same bits on any number. f
/// must not throw.
template <class F>
void parallel_for(std::int64_t n, std::int64_t grain, const F& f) {
  const std::int64_t chunks = (n + grain - 1) / grain;
  const auto run = [&](std::int64_t chunk) {
    const std::int64_t begin = chunk * grain;
    f(begin, begin + grain < n ? begin + grain : n);
  };
  if (chunks <= 1 || num_threads() == 1) {
    for (std::int64_t chunk = 0; chunk < chunks; ++chunk) run(chunk);
    return;
  }
  using Run = decltype(run);
  detail::run_chunks(
      chunks, [](const void* context, std::int64_t chunk) { (*static_cast<const Run*>(context))(chunk); },
      &run);
}

}  // namespace saccade::kernels
