// Loops over whole tensors that change them in place. Internal to nn.
#pragma once

#include <cstdint>

#include "autograd/tensor.h"
#include "base/parallel.h"

namespace saccade::nn {

/// Calls f(n, from, to...) for consecutive parts, on several threads: n elements, and where each tensor's
/// part begins. All tensors are contiguous, of one dtype and as many elements; `to` are written, and share no
/// element with each other. `from` may share memory with them: then it is copied first.
template <class F, class... To>
void update_in_place(const F& f, const Tensor& given, const To&... to) {
  Tensor from = given;
  if (((given.body()->storage.get() == to.body()->storage.get()) || ...)) {
    from = empty(given.shape(), given.dtype());
    from.copy_(given.detach());
  }
  constexpr std::int64_t kGrain = std::int64_t{1}
                                  << 14;  // half as many take less than a second thread's start
  visit(from.dtype(), [&]<class T>() {
    const auto run = [&](const T* read, auto*... written) {
      parallel_for(from.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
        f(end - begin, read + begin, (written + begin)...);
      });
    };
    run(from.data<T>(), to.template mutable_data<T>()...);
  });
}

}  // namespace saccade::nn
