// Expressions that a user types, such as tanh(x*w)+x, on the engine's own ops.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "autograd/tensor.h"

namespace saccade::study {

/// An expression: numbers, names, + - * / ^ (or **), unary minus, parentheses, and the ops of autograd/ops.h
/// by their names. ^ binds to the right and before a minus, as in -x^2. Numbers alone are computed while
/// parsing. Some ops take a number after the tensor: sum(x, 0), clamp(x, -1, 1), transpose(x, 0, 1). `pi` and
/// `e` are numbers unless they are given values.
///
/// Nothing here recurses: an expression becomes a list of steps for a stack.
class Expression {
 public:
  /// Throws ConfigError that names the place, and for an unknown op the nearest; for more than kMostDepth
  /// brackets or operators within each other, or more than kMostSteps steps.
  explicit Expression(std::string_view text);

  static constexpr std::size_t kMostDepth = 200, kMostSteps = 2000;
  static constexpr std::int64_t kMostElements = 10'000;

  /// The names that need a value, in order of appearance.
  const std::vector<std::string>& names() const { return names_; }
  /// The value where names() are these, broadcast as the ops do. ConfigError where a name has no value or an
  /// op cannot be applied, with its place; or where a result has more than kMostElements elements.
  Tensor operator()(const std::map<std::string, Tensor>& values) const;

  /// What can be called, in alphabetical order.
  static std::vector<std::string> functions();

 private:
  struct Step {
    enum class Kind { number, name, call } kind = Kind::number;
    double number = 0;
    std::size_t index = 0;      // of names_, or of the table of functions
    std::size_t arguments = 0;  // of a call
    std::size_t at = 0;         // in the text
  };
  friend class ExpressionParser;

  std::string text_;
  std::vector<std::string> names_;
  std::vector<Step> steps_;
};

/// A value as it is typed: 0.5, -1e-3, [1, 2, 3] or [[1, 2], [3, 4]], as f64. ConfigError naming `name` and
/// the place for anything else, for rows of different lengths and for more than Expression::kMostElements.
Tensor parse_value(std::string_view name, std::string_view text);

}  // namespace saccade::study
