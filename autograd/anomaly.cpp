#include "autograd/anomaly.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.h"

namespace saccade {

constinit thread_local bool detail::detecting_anomalies = false;

void check_anomaly(const Tensor& x, const std::function<std::string()>& what) {
  const std::vector<double> values = x.to_vector();
  const auto bad = std::find_if(values.begin(), values.end(), [](double v) { return !std::isfinite(v); });
  if (bad == values.end()) return;
  throw Error(fmt::format("anomaly: {} is {} at element {} of {}", what(), *bad, bad - values.begin(),
                          x.shape().str()));
}

}  // namespace saccade
