#include "envs/spaces.h"

namespace saccade::envs {

void sample(const Space& space, Rng& rng, std::span<double> point) {
  if (const auto* choices = std::get_if<Discrete>(&space)) {
    point[0] = static_cast<double>(rng.below(static_cast<std::uint64_t>(choices->n)));
    return;
  }
  const Box& box = std::get<Box>(space);
  for (std::size_t i = 0; i < point.size(); ++i) point[i] = rng.uniform(box.low[i], box.high[i]);
}

}  // namespace saccade::envs
