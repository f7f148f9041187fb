#include "envs/checks.h"

#include <fmt/format.h>

#include <cmath>

#include "base/error.h"

namespace saccade::envs {

void check_size(const Spec& spec, std::string_view what, std::size_t given, std::size_t expected) {
  if (given == expected) return;
  throw ShapeError(
      fmt::format("{}: {} of size {} was given, but size {} is expected", spec.id, what, given, expected));
}

namespace {

void check_finite(const Spec& spec, std::string_view what, std::span<const double> values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isfinite(values[i])) continue;
    throw Error(
        fmt::format("{}: {}[{}] is {}, but a finite number is expected", spec.id, what, i, values[i]));
  }
}

}  // namespace

void check_action(const Spec& spec, std::span<const double> action) {
  check_size(spec, "action", action.size(), size_of(spec.action_space));
  check_finite(spec, "action", action);
  const auto* choices = std::get_if<Discrete>(&spec.action_space);
  if (choices == nullptr) return;
  const double choice = action[0];
  const bool is_whole = choice == std::floor(choice);
  if (is_whole && 0 <= choice && choice < static_cast<double>(choices->n)) return;
  throw Error(fmt::format("{}: the action is {}, but a whole number from 0 to {} is expected", spec.id,
                          choice, choices->n - 1));
}

void check_observation(const Spec& spec, std::span<double> observation) {
  check_size(spec, "observation", observation.size(), size_of(spec.observation_space));
}

void check_state(const Spec& spec, std::span<const double> state, std::size_t size) {
  check_size(spec, "state", state.size(), size);
  check_finite(spec, "state", state);
}

}  // namespace saccade::envs
