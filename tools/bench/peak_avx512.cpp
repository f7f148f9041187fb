#include "tools/bench/peak.inl.h"

namespace saccade::bench {

namespace {

typedef float Vector __attribute__((vector_size(64)));

}  // namespace

const PeakLoops peak_avx512 = {&fma<Vector>, &read<Vector>};

}  // namespace saccade::bench
