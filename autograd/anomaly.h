// Finding the op where a number first went wrong.
#pragma once

#include <functional>
#include <string>

#include "autograd/tensor.h"
#include "base/scoped.h"

namespace saccade {

namespace detail {
extern constinit thread_local bool detecting_anomalies;
}

/// While alive, an op of this thread whose result holds NaN or infinity throws Error naming it, its scope and
/// the element, and so does a gradient: the first place where a number went wrong, forward or backward. It
/// reads every result, so use it to look for a fault.
class DetectAnomaly : Scoped<bool> {
 public:
  [[nodiscard]] DetectAnomaly() : Scoped(detail::detecting_anomalies, true) {}
  static bool active() { return detail::detecting_anomalies; }
};

/// Throws if x holds NaN or infinity. `what` says what x is, as in "the result of 'log'".
void check_anomaly(const Tensor& x, const std::function<std::string()>& what);

}  // namespace saccade
