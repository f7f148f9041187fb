// A place in the source. std::source_location with Clang 14 too, which lacks it.
#pragma once

namespace saccade {

struct SourceLocation {
  const char* file = "";
  unsigned line = 0;
  const char* function = "";

  /// Of the call that this stands in, or, in a default argument, of the call that leaves that out.
  static constexpr SourceLocation current(const char* file = __builtin_FILE(),
                                          unsigned line = __builtin_LINE(),
                                          const char* function = __builtin_FUNCTION()) {
    return {file, line, function};
  }
};

}  // namespace saccade
