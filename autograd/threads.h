// How many threads the engine may use.
#pragma once

namespace saccade {

/// For kernels; at first OMP_NUM_THREADS or the number of cores. Results do not depend on it. Throws
/// ConfigError below 1.
void set_num_threads(int n);
int num_threads();

}  // namespace saccade
