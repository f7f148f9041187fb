#include "tools/cli/text.h"
#include "tools/cli/output.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdio>

#include "base/error.h"

namespace saccade::cli {

std::string two_columns(std::string_view left, std::string_view right, std::size_t start) {
  std::string text = fmt::format("  {}", left);
  std::size_t column = 2 + columns(left);
  for (const std::string& line : wrap(right, kColumns - start)) {
    if (column + 2 > start) {
      text += '\n';
      column = 0;
    }
    text.append(start - column, ' ').append(line);
    column = kColumns;
  }
  return text + '\n';
}

void print_wrapped(std::string_view text) {
  for (const std::string& line : wrap(text, kColumns)) out("{}\n", line);
}

double parse_number(std::string_view flag, std::string_view text, double min, double max) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size() && min <= value && value <= max) return value;
  throw ConfigError(fmt::format("{}: '{}' given; expected a number from {} to {}", flag, text, min, max));
}

void warn(std::string_view message) { err("saccade: warning: {}\n", printable(message)); }

}  // namespace saccade::cli
