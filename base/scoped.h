// A variable with another value for a while.
#pragma once

#include <utility>

namespace saccade {

/// Sets a variable, and puts back what it held when this goes, whichever way that is:
///
///     const Scoped quiet(verbose, false);
template <class T>
class Scoped {
 public:
  [[nodiscard]] Scoped(T& variable, T value) : variable_(&variable), before_(std::move(*variable_)) {
    *variable_ = std::move(value);
  }
  ~Scoped() { *variable_ = std::move(before_); }
  Scoped(const Scoped&) = delete;
  Scoped& operator=(const Scoped&) = delete;

 private:
  T* variable_;
  T before_;
};

}  // namespace saccade
