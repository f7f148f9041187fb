#include "rl/components/agent_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>

#include "autograd/modes.h"
#include "autograd/ops.h"
#include "base/error.h"

namespace saccade::rl {

namespace {

constexpr double kEnormous = 1e6;

// False for NaN. Plain loops, for this is done at every update.
bool moderate(const Tensor& x) {
  return visit(x.dtype(), [&]<class T>() {
    const Tensor flat = contiguous(x);
    const T* at = flat.data<T>();
    bool all = true;
    for (std::int64_t i = 0; i < flat.numel(); ++i) all &= std::abs(at[i]) <= T(kEnormous);
    return all;
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

void load_agent(const Agent& agent, const nn::NamedTensors& weights, const nn::NamedTensors& optimizer_state,
                std::initializer_list<PrefixedOptimizer> optimizers) {
  const nn::NamedTensors mine = agent.named_weights();
  nn::check_by_name("weights", weights, mine);
  nn::check_by_name("the optimisers' state", optimizer_state, agent.named_optimizer_state());
  for (const auto& [prefix, optimizer] : optimizers) {
    optimizer->check_state(nn::with_prefix(optimizer_state, prefix));
  }
  // Nothing from here on throws.
  nn::copy_by_name("weights", weights, mine);
  for (const auto& [prefix, optimizer] : optimizers) {
    optimizer->load_state(nn::with_prefix(optimizer_state, prefix));
  }
}

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
  wary_ = std::any_of(metrics.begin(), metrics.end(), [](const Metric& metric) {
    return metric.value && !(std::abs(*metric.value) <= kEnormous);
  });
  return metrics;
}

}  // namespace saccade::rl
