// Checks that every environment makes of what it is given, before it changes anything.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "envs/env.h"

namespace saccade::envs {

/// Throws ShapeError, naming `what`, unless the size is the expected one.
void check_size(const Spec& spec, std::string_view what, std::size_t given, std::size_t expected);

/// Throws ShapeError unless the action has the size of spec.action_space, Error unless all of it is finite.
/// An action outside the box is no error, environments clip it; but one that is none of a discrete space's
/// choices is an Error.
void check_action(const Spec& spec, std::span<const double> action);

/// Throws ShapeError unless there is room for exactly one observation.
void check_observation(const Spec& spec, std::span<double> observation);

/// Throws ShapeError unless the state has this size, Error unless all of it is finite.
void check_state(const Spec& spec, std::span<const double> state, std::size_t size);

}  // namespace saccade::envs
