// Updates that are made whole or not at all.
#pragma once

#include "nn/named_tensors.h"
#include "rl/agent.h"

namespace saccade::rl {

/// Makes updates all or nothing. A batch of enormous numbers can overflow anywhere in an update, after the
/// critics have taken their step; then all that it changed is put back from copies. Those cost as much as an
/// optimiser's step, so they are made only where numbers of the batch, of the update before or of what was
/// loaded are beyond 1e6, or are no numbers.
class UpdateGuard {
 public:
  /// Runs update(agent's own), which throws where a loss is not finite. Throws Error, the agent being as
  /// before, if it does or if it leaves a weight or moment that is not finite.
  template <class F>
  Metrics operator()(Agent& agent, const Batch& batch, const F& update) {
    if (!wary_ && !enormous(batch)) return remember(update());
    const Kept kept = keep(agent);
    try {
      const Metrics metrics = update();
      check_state(agent);
      return remember(metrics);
    } catch (...) {
      agent.load(kept.weights, kept.optimizer_state);
      throw;
    }
  }

  /// After a load: what came from elsewhere may be enormous.
  void look_at(const Agent& agent);

 private:
  struct Kept {
    nn::NamedTensors weights, optimizer_state;
  };
  static Kept keep(const Agent& agent);
  static bool enormous(const Batch& batch);
  static void check_state(const Agent& agent);
  Metrics remember(const Metrics& metrics);

  bool wary_ = true;  // of the first update, of which nothing is known yet
};

}  // namespace saccade::rl
