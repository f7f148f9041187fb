// Loops on several threads.
#pragma once

#include <cstdint>

#include "base/threads.h"

namespace saccade {

namespace detail {
/// Calls run(f, chunk) for every chunk below `chunks`, on several threads.
void run_chunks(std::int64_t chunks, void (*run)(const void* f, std::int64_t chunk), const void* f);
}  // namespace detail

/// Covers [0, n) with consecutive chunks of `grain`, the last perhaps shorter, and calls f(begin, end) for
/// each: on several threads if there are several chunks. f must not throw.
///
/// The chunks depend on n and grain alone, never on the number of threads. So a kernel that adds up its
/// chunks' results in order gives the same bits on any number. A loop within a chunk runs on that chunk's
/// thread.
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

}  // namespace saccade
