// Updates that are made whole or not at all.
#pragma once

#include "nn/named_tensors.h"
#include "rl/agent.h"

namespace saccade::rl {

/// Makes updates all or nothing. A batch of enormous numbers can overflow anywhere in an update, after the
/// critics have taken their step, and steps that are too large for deep networks do so within a few updates;
/// then all that it changed is put back from copies. Those cost as much as an optimiser's step, so they are
/// made only until twenty updates in a row were quiet, none of their metrics beyond 1e6, and where the batch
/// has a number beyond that, or one that is none.
///
/// A team's members decide together, and throw together: an update is made on all of them or on none. The
/// metrics are those of all their batches.
class UpdateGuard {
 public:
  /// Runs update(agent's own), which throws where a loss is not finite. Throws Error, the agent being as
  /// before, if it does or if it leaves a weight or moment that is not finite.
  template <class F>
  Metrics operator()(Agent& agent, const Batch& batch, const F& update) {
    if (quiet_ >= kQuiet && !any(enormous(batch))) return remember(of_all(update()));
    const Kept kept = keep(agent);
    try {
      const Metrics metrics = of_all(update());
      check_state(agent);
      return remember(metrics);
    } catch (...) {
      const int quiet = quiet_;
      agent.load(kept.weights, kept.optimizer_state);
      quiet_ = quiet;  // it is the agent that it was
      throw;
    }
  }

  /// After a load: nothing is known of what came from elsewhere.
  void begin_anew() { quiet_ = 0; }

 private:
  struct Kept {
    nn::NamedTensors weights, optimizer_state;
  };
  static Kept keep(const Agent& agent);
  static bool enormous(const Batch& batch);
  static void check_state(const Agent& agent);
  Metrics remember(const Metrics& metrics);
  static bool any(bool mine);
  static Metrics of_all(const Metrics& metrics);

  static constexpr int kQuiet = 20;
  int quiet_ = 0;  // updates in a row whose metrics were moderate
};

}  // namespace saccade::rl
