// How observations come to networks.
#pragma once

#include <cstdint>

namespace saccade::rl {

/// The width of a network's input. An observation of a Box comes as it is. One of a Discrete space is a
/// single number, that of a state, and comes one-hot: as many numbers as there are states, all 0 but for a 1.
struct ObsSize {
  std::int64_t width;
  bool one_hot = false;

  // A plain number is the size of a Box.
  ObsSize(std::int64_t width_of_input, bool is_one_hot = false)  // NOLINT(google-explicit-constructor)
      : width(width_of_input), one_hot(is_one_hot) {}
};

}  // namespace saccade::rl
