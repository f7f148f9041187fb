#include "autograd/kernels/parallel.h"

#include <fmt/format.h>
#include <omp.h>

#include "base/error.h"

namespace saccade {

namespace {

int threads = omp_get_max_threads();

}  // namespace

void set_num_threads(int n) {
  if (n < 1) throw ConfigError(fmt::format("set_num_threads: {} given, expected at least 1", n));
  threads = n;
}

int num_threads() { return threads; }

}  // namespace saccade
