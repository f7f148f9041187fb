// Text for terminals and shells.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace saccade::tools {

/// How wide help and tables are at most.
constexpr std::size_t kColumns = 80;

/// How many columns a UTF-8 text takes, one for each character.
std::size_t columns(std::string_view text);

/// The text in lines of at most `width` columns, broken between words. A word that is longer has a line to
/// itself.
std::vector<std::string> wrap(std::string_view text, std::size_t width);

/// Two columns, as in a list of options: `left` indented by two, `right` from column `start` on, wrapped at
/// kColumns. Ends with a newline.
std::string two_columns(std::string_view left, std::string_view right, std::size_t start);

/// 812, 8.1k, 10k, 1.2M: a count in about four characters.
std::string compact(double count);

/// 0:07, 12:30, 1:02:03, 3d 04h.
std::string duration(double seconds);

/// The word as a shell would have it typed: quoted if need be.
std::string shell_word(std::string_view word);

/// The integer that a flag was given. Throws ConfigError naming flag, text and range where it is none.
std::int64_t parse_integer(std::string_view flag, std::string_view text, std::int64_t least,
                           std::int64_t most);

/// How this program was called, for messages that say what to type.
std::string program();
void set_program(std::string_view argv0);

/// "saccade: warning: message" on stderr.
void warn(std::string_view message);

}  // namespace saccade::tools
