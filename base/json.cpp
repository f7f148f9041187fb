#include "base/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "base/error.h"
#include "base/files.h"

namespace saccade {

namespace {

using Json = nlohmann::ordered_json;

// Byte number `at` of a text, the first being 1.
std::string line_and_column(std::string_view text, std::size_t at) {
  const std::string_view before = text.substr(0, std::max<std::size_t>(at, 1) - 1);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  return fmt::format("line {}, column {}", line, before.size() - (before.rfind('\n') + 1) + 1);
}

}  // namespace

Json parse_json(std::string_view text, const std::string& source, const JsonLimits& limits) {
  std::vector<std::set<std::string>> keys;  // of the objects that are open
  const auto check = [&](int depth, Json::parse_event_t event, Json& value) {
    if (depth >= limits.max_depth &&
        (event == Json::parse_event_t::object_start || event == Json::parse_event_t::array_start)) {
      throw FormatError(fmt::format("{}: nests deeper than {} levels", source, limits.max_depth));
    }
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key && keys.back().size() >= limits.max_keys)
      throw FormatError(fmt::format("{}: has an object of more than {} keys", source, limits.max_keys));
    if (event == Json::parse_event_t::key && !keys.back().insert(value.get<std::string>()).second) {
      throw FormatError(fmt::format("{}: has {} twice", source, shown(value)));
    }
    return true;
  };
  try {
    return Json::parse(text, check, true, limits.comments);
  } catch (const Json::parse_error& error) {
    throw FormatError(fmt::format("{}: is not valid JSON ({})", source, line_and_column(text, error.byte)));
  } catch (const Json::out_of_range&) {
    throw FormatError(fmt::format("{}: holds a number too large for a double", source));
  }
}

Json read_json(const std::string& path, const JsonLimits& limits) {
  return parse_json(read_file(path, limits.max_bytes), path, limits);
}

std::int64_t count_of(const Json& object, const char* key, const std::string& source) {
  const Json& value = object.at(key);
  constexpr std::int64_t kMost = 9'000'000'000'000'000;
  if (!value.is_number_integer() || value < 0 || value > kMost) {
    throw FormatError(
        fmt::format("{}: {} is {}, expected a count of at most {}", source, key, shown(value), kMost));
  }
  return value.get<std::int64_t>();
}

std::int64_t whole_number(const Json& value, const std::string& what) {
  if (!value.is_number_integer() || (value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX)) {
    throw FormatError(fmt::format("{} is {}, expected a whole number of 64 bits", what, shown(value)));
  }
  return value.get<std::int64_t>();
}

std::uint64_t bits_of(const Json& value, const std::string& what) {
  if (!value.is_number_unsigned()) {
    throw FormatError(fmt::format("{} is {}, expected a whole number from 0 of 64 bits", what, shown(value)));
  }
  return value.get<std::uint64_t>();
}

std::string shown(const Json& value, std::size_t max) {
  const std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  return text.size() <= max ? text : text.substr(0, max - 3) + "...";
}

std::string dumped(const Json& value, int indent) {
  return value.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace saccade
