// Checks that every environment makes of what it is given, before it changes anything.
#pragma once

#include <cstddef>
#include <span>

#include "envs/env.h"

namespace saccade::envs {

/// Throws ShapeError unless the action has the size of spec.action, Error unless all of it is finite. An
/// action outside the box is no error: environments clip it.
void check_action(const Spec& spec, std::span<const double> action);

/// Throws ShapeError unless there is room for exactly one observation.
void check_observation(const Spec& spec, std::span<double> observation);

/// Throws ShapeError unless the state has this size, Error unless all of it is finite.
void check_state(const Spec& spec, std::span<const double> state, std::size_t size);

}  // namespace saccade::envs
