// How the command writes to a terminal and reads its flags.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/text.h"

namespace saccade::cli {

/// How wide help and tables are at most.
constexpr std::size_t kColumns = 80;

/// Two columns, as in a list of options: `left` indented by two, `right` from column `start` on, wrapped at
/// kColumns. Ends with a newline.
std::string two_columns(std::string_view left, std::string_view right, std::size_t start);

/// A paragraph on stdout, wrapped at kColumns.
void print_wrapped(std::string_view text);

/// The number that a flag was given. Throws ConfigError naming flag, text and range where it is none.
double parse_number(std::string_view flag, std::string_view text, double min, double max);

/// "saccade: warning: message" on stderr.
void warn(std::string_view message);

}  // namespace saccade::cli
