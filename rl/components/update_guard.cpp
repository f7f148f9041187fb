#include "rl/components/update_guard.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string_view>
#include <type_traits>

#include "autograd/modes.h"
#include "autograd/ops.h"
#include "base/error.h"
#include "nn/team.h"

namespace saccade::rl {

namespace {

constexpr double kEnormous = 1e6;

// False for NaN. This is done at every update, so it looks at bits: as whole numbers, those of floats without
// their sign are in the order of their sizes, infinity and NaN last, and their maximum is a loop that
// compilers vectorise.
bool moderate(const Tensor& x) {
  return visit(x.dtype(), [&]<class T>() {
    using Bits = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
    constexpr Bits kNoSign = std::numeric_limits<Bits>::max();
    const Tensor flat = contiguous(x);
    const T* at = flat.data<T>();
    const std::int64_t n = flat.numel();
    Bits largest = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      const Bits bits = std::bit_cast<Bits>(at[i]) & kNoSign;
      largest = bits > largest ? bits : largest;
    }
    return largest <= std::bit_cast<Bits>(T(kEnormous));
  });
}

bool all_finite(const Tensor& x) {
  // 0 times a number is 0, unless that is NaN or infinite.
  return x.numel() == 0 || sum(0 * x).item() == 0;
}

nn::NamedTensors copies(const nn::NamedTensors& tensors) {
  nn::NamedTensors all;
  for (const auto& [name, tensor] : tensors) all.push_back({name, 1 * tensor});
  return all;
}

}  // namespace

UpdateGuard::Kept UpdateGuard::keep(const Agent& agent) {
  const NoGrad no_grad;
  return {copies(agent.named_weights()), copies(agent.named_optimizer_state())};
}

bool UpdateGuard::enormous(const Batch& batch) {
  const NoGrad no_grad;
  return !(moderate(batch.obs) && moderate(batch.action) && moderate(batch.reward) &&
           moderate(batch.next_obs));
}

void UpdateGuard::check_state(const Agent& agent) {
  const NoGrad no_grad;
  for (const nn::NamedTensors& tensors : {agent.named_weights(), agent.named_optimizer_state()}) {
    for (const auto& [name, tensor] : tensors) {
      if (all_finite(tensor)) continue;
      throw Error(
          fmt::format("the update made '{}' overflow; the agent is as it was before; try a smaller "
                      "learning rate or reward_scale",
                      name));
    }
  }
}

Metrics UpdateGuard::remember(const Metrics& metrics) {
  const bool quiet = std::all_of(metrics.begin(), metrics.end(), [](const Metric& metric) {
    return !metric.value || std::abs(*metric.value) <= kEnormous;
  });
  quiet_ = quiet ? std::min(quiet_ + 1, kQuiet) : 0;
  return metrics;
}

bool UpdateGuard::any(bool mine) {
  nn::Team* const team = nn::team();
  return team == nullptr ? mine : team->any(mine);
}

Metrics UpdateGuard::of_all(const Metrics& metrics) {
  nn::Team* const team = nn::team();
  return team == nullptr ? metrics : metrics.averaged(*team);
}

}  // namespace saccade::rl
