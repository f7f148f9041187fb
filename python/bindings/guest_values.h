// What goes to an environment of Python's and comes from it: observations, actions, and what is wrong with
// them.
#pragma once

#include <nanobind/nanobind.h>

#include <span>
#include <string>

#include "guests.h"

namespace saccade::python {

/// Throws GuestFailure, which names the environment.
[[noreturn]] void fail(const GuestFacts& facts, const std::string& what);

/// Networks compute in f32, in which larger numbers are infinite.
bool is_finite(double x);
/// GuestFailure for numbers that are not.
void check_finite(const GuestFacts& facts, const char* what, std::span<const double> numbers);
/// GuestFailure for observations that are none of a Discrete space's choices, which count from 0 here.
void check_choices(const GuestFacts& facts, std::span<const double> observations);

/// object.name(argument), or without one, by a name that Python need not look up by its letters.
nb::object call_method(nb::handle object, PyObject* name, PyObject* argument = nullptr);
PyObject* lasting_name(const char* name);

/// An observation's numbers: GuestFailure for one that does not fit the space.
void read_observation(const GuestFacts& facts, nb::handle given, std::span<double> out);
/// The action as the environment takes it.
nb::object to_action(const GuestFacts& facts, std::span<const double> action);

}  // namespace saccade::python
