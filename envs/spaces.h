// The spaces of observations and actions, in Gymnasium's terms.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <variant>
#include <vector>

#include "base/rng.h"

namespace saccade::envs {

/// Vectors of real numbers between bounds, one pair a coordinate; infinite where there is none. Everything
/// here takes them in a row; where they come from, they may have a shape.
struct Box {
  std::vector<double> low, high;
  std::vector<std::int64_t> shape = {};  // empty: as many numbers as there are bounds
};

/// An interval: of what is healthy, or to clip to.
struct Range {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
};

/// The whole numbers 0 to n - 1, which where they come from may begin at another number than 0.
struct Discrete {
  std::int64_t n = 0, start = 0;
};

using Space = std::variant<Box, Discrete>;

/// How many numbers write down a point of the space: one a coordinate of a Box, one for a choice.
inline std::size_t size_of(const Space& space) {
  const Box* box = std::get_if<Box>(&space);
  return box == nullptr ? 1 : box->low.size();
}

/// The bounds of those numbers.
inline Box bounds_of(const Space& space) {
  if (const Box* box = std::get_if<Box>(&space)) return *box;
  return {.low = {0}, .high = {static_cast<double>(std::get<Discrete>(space).n - 1)}};
}

/// A point drawn uniformly. The space must be bounded; `point` has room for size_of(space) numbers.
void sample(const Space& space, Rng& rng, std::span<double> point);

}  // namespace saccade::envs
