// JSON from outside: files that may be damaged, or made by somebody who means harm.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace saccade {

struct JsonLimits {
  std::int64_t max_bytes = std::int64_t{16} << 20;
  int max_depth = 16;             // what walks over a value may recurse so deep
  std::size_t max_keys = 10'000;  // of an object, which is searched from its first to its last
  bool comments = false;
};

/// Parses a whole text. Throws FormatError, naming `source`, with line and column for what is no JSON, and
/// for a value that nests deeper or has more keys than allowed, or an object with one key twice (of which
/// parsers would keep the last without a word).
nlohmann::ordered_json parse_json(std::string_view text, const std::string& source,
                                  const JsonLimits& limits = {});

/// The same for a file. FormatError too if it is missing, no regular file, or larger than allowed.
nlohmann::ordered_json read_json(const std::string& path, const JsonLimits& limits = {});

/// A member that counts something: a whole number from 0 to 9e15, which a double holds too. FormatError,
/// naming `source` and the member, if it is anything else; nlohmann's exception if there is none.
std::int64_t count_of(const nlohmann::ordered_json& object, const char* key, const std::string& source);

/// A whole number that 64 bits hold, with its sign or without. FormatError, naming `what`, for anything else:
/// nlohmann converts any number to any type, which has no meaning where it does not fit.
std::int64_t whole_number(const nlohmann::ordered_json& value, const std::string& what);
std::uint64_t bits_of(const nlohmann::ordered_json& value, const std::string& what);

/// A value for messages: on one line, ASCII alone, cut off after `max` characters.
std::string shown(const nlohmann::ordered_json& value, std::size_t max = 80);

/// A value for a file or a program: what is not UTF-8 in its texts is replaced.
std::string dumped(const nlohmann::ordered_json& value, int indent = -1);

}  // namespace saccade
