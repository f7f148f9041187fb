#include "tools/bench/peak.inl.h"

namespace saccade::bench {

namespace {

typedef float Vector __attribute__((vector_size(16)));

}  // namespace

const PeakLoops peak_sse2 = {&fma<Vector>, &read<Vector>};

}  // namespace saccade::bench
