// Text for messages, terminals and shells.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace saccade {

/// The candidate with the smallest edit distance to `word`, or "" when none is near enough to be a likely
/// misspelling.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

/// "a, b, c"
std::string join(const std::vector<std::string>& words, std::string_view separator = ", ");

/// "a, b and c"
std::string listed(const std::vector<std::string>& words);

/// The text as a terminal may have it: control characters and bytes that are not UTF-8 become "\\x1b" and the
/// like.
std::string printable(std::string_view text);

/// How many columns a UTF-8 text takes, one for each character.
std::size_t columns(std::string_view text);

/// The text in lines of at most `width` columns, broken between words. A word that is longer has a line to
/// itself.
std::vector<std::string> wrap(std::string_view text, std::size_t width);

/// 41,000
std::string grouped(std::int64_t n);

/// 812, 8.1k, 10k, 1.2M: a count in about four characters.
std::string compact(double count);

/// 0:07, 12:30, 1:02:03, 3d 04h.
std::string duration(double seconds);

/// The integer that a flag was given. Throws ConfigError naming flag, text and range where it is none.
std::int64_t parse_integer(std::string_view flag, std::string_view text, std::int64_t min, std::int64_t max);

/// Now: "2026-01-31 23:59 UTC".
std::string utc_now();

/// The word as a shell would have it typed: quoted if need be.
std::string shell_word(std::string_view word);

/// How this program was called, for messages that say what to type.
std::string program();
void set_program(std::string_view argv0);

}  // namespace saccade
