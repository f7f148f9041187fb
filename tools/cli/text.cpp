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

void warn(std::string_view message) { err("saccade: warning: {}\n", printable(message)); }

}  // namespace saccade::cli
