#include "tools/bench/peak.h"

#include <benchmark/benchmark.h>

#include <cstring>
#include <memory>
#include <string_view>
#include <thread>
#include <vector>

#include "autograd/kernels/table.h"
#include "autograd/tensor.h"

namespace saccade::bench {

namespace {

const PeakLoops& loops() {
#if defined(__x86_64__)
  const std::string_view isa = kernels::instruction_set();
  return isa == "avx512" ? peak_avx512 : isa == "avx2" ? peak_avx2 : peak_sse2;
#else
  return peak_native;
#endif
}

Work copy(std::int64_t bytes) {
  struct Blocks {
    Tensor from, to;
  };
  auto blocks = std::make_shared<Blocks>();
  return repeat([blocks, bytes] {
    if (!blocks->from.defined()) *blocks = {ones({bytes / 4}), zeros({bytes / 4})};
    std::memcpy(blocks->to.raw(), blocks->from.raw(), static_cast<std::size_t>(bytes));
  });
}

}  // namespace

Work fma_peak(int threads) {
  return [threads](std::int64_t calls) {
    const auto run = [calls] { benchmark::DoNotOptimize(loops().fma(calls * kFmaFlops)); };
    const Work all = repeat([&] {
      std::vector<std::jthread> others;
      for (int t = 1; t < threads; ++t) others.emplace_back(run);
      run();
    });
    return std::vector{all(1)[0] / static_cast<double>(calls)};
  };
}

Work read_peak() {
  return repeat([values = ones({kReadBytes / 4})] {
    benchmark::DoNotOptimize(loops().read(values.data<float>(), values.numel()));
  });
}

Work copy_peak() { return copy(kCopyBytes); }
Work big_copy_peak() { return copy(kBigCopyBytes); }

}  // namespace saccade::bench
