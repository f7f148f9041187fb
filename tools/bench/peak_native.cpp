#include "tools/bench/peak.inl.h"

namespace saccade::bench {

namespace {

typedef float Vector __attribute__((vector_size(16)));

}  // namespace

const PeakLoops peak_native = {&fma<Vector>, &read<Vector>};

}  // namespace saccade::bench
