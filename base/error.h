// Errors by kind. Every message names the thing, shows what was given and says what was expected.
#pragma once

#include <stdexcept>

namespace saccade {

/// The base of everything that Saccade throws.
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Shapes, dimensions or indices that do not fit the op.
struct ShapeError : Error {
  using Error::Error;
};

/// f32 and f64 mixed, or an op given the dtype that it does not take.
struct DTypeError : Error {
  using Error::Error;
};

/// A derivative that cannot be taken: no graph, a graph already released, a saved tensor overwritten.
struct GradError : Error {
  using Error::Error;
};

/// A flag, key, environment name or hyper-parameter that is unknown or out of range.
struct ConfigError : Error {
  using Error::Error;
};

/// A file that is missing, truncated or not in the expected format.
struct FormatError : Error {
  using Error::Error;
};

}  // namespace saccade
