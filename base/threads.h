// How many threads the engine may use.
#pragma once

namespace saccade {

/// How many threads a loop takes at most; at first OMP_NUM_THREADS, or the number of processors that this
/// process may use. Results do not depend on it. ConfigError below 1, or at first use if OMP_NUM_THREADS is
/// no number from 1 to 1024.
void set_num_threads(int n);
int num_threads();

/// Whether a loop takes fewer threads while other programs keep processors busy; at first, unless OMP_DYNAMIC
/// is "false".
void set_dynamic_threads(bool dynamic);

namespace detail {
/// For the next loop: num_threads(), or fewer while other programs keep processors busy. One thread at a time
/// may ask.
int threads_for_loop();
}  // namespace detail

}  // namespace saccade
