// How many threads the engine may use.
#pragma once

namespace saccade {

/// For kernels; at first OMP_NUM_THREADS, or the number of processors that this process may use. Results do
/// not depend on it. ConfigError below 1, or at first use if OMP_NUM_THREADS is no number from 1 to 1024.
void set_num_threads(int n);
int num_threads();

}  // namespace saccade
