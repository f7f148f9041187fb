// How observations come to networks.
#pragma once

#include <cstdint>

namespace saccade::rl {

/// The size of a network's input: as many numbers as an observation has; or, of a Discrete space, whose
/// observation is the number k of a state, one for each state, of which the k-th is 1 and the others 0.
struct ObsSize {
  std::int64_t width;
  bool one_hot = false;

  ObsSize(std::int64_t size, bool of_choices = false)
      : width(size), one_hot(of_choices) {}  // NOLINT: most are plain
};

}  // namespace saccade::rl
