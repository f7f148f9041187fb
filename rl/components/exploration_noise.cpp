#include "rl/components/exploration_noise.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "base/error.h"

namespace saccade::rl {

void pink_noise(std::vector<double>& processes, Rng& rng, std::span<double> values) {
  constexpr std::array kTimeConstants = {1.0, 4.0, 16.0, 64.0, 256.0};
  if (processes.empty()) {  // in their stationary state from the start
    processes.resize(values.size() * kTimeConstants.size());
    rng.fill_normal(processes);
  }
  if (processes.size() != values.size() * kTimeConstants.size()) {
    throw Error(fmt::format("pink noise: {} numbers remembered, expected {} for each of {} values",
                            processes.size(), kTimeConstants.size(), values.size()));
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    double sum = 0;
    for (std::size_t k = 0; k < kTimeConstants.size(); ++k) {
      double& x = processes[i * kTimeConstants.size() + k];
      const double kept = std::exp(-1 / kTimeConstants[k]);
      x = kept * x + std::sqrt(1 - kept * kept) * rng.normal();
      sum += x;
    }
    values[i] = sum / std::sqrt(static_cast<double>(kTimeConstants.size()));
  }
}

}  // namespace saccade::rl
