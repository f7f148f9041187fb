// Switches of a thread: whether its ops record at all, and what they note about themselves on the tape.
#pragma once

#include <string>
#include <string_view>

#include "base/scoped.h"

namespace saccade {

namespace detail {
extern constinit thread_local bool recording;
extern constinit thread_local const std::string* scope;
extern constinit thread_local bool noting_locations;
/// The one text "outer/name", which lives for ever.
const std::string* scope_name(const std::string* outer, std::string_view name);
}  // namespace detail

/// Whether ops put themselves on the tape in this thread.
inline bool grad_enabled() { return detail::recording; }

/// While alive, nothing is recorded in this thread.
class NoGrad : Scoped<bool> {
 public:
  [[nodiscard]] NoGrad() : Scoped(detail::recording, false) {}
};

/// While alive, ops record in this thread, whatever encloses it.
class EnableGrad : Scoped<bool> {
 public:
  [[nodiscard]] EnableGrad() : Scoped(detail::recording, true) {}
};

/// While alive, nodes made in this thread carry this name, below that of any enclosing scope ("actor/0"), so
/// that graphs and errors can say where in a model they come from.
class Scope : Scoped<const std::string*> {
 public:
  [[nodiscard]] explicit Scope(std::string_view name)
      : Scoped(detail::scope, detail::scope_name(detail::scope, name)) {}

  /// The full name, which lives for ever; null outside every scope.
  static const std::string* current() { return detail::scope; }
};

/// While alive, nodes made in this thread note where in the source record() was called: the op's own line,
/// with its gradients beside it. For explaining a graph.
class NoteLocations : Scoped<bool> {
 public:
  [[nodiscard]] NoteLocations() : Scoped(detail::noting_locations, true) {}
};

}  // namespace saccade
