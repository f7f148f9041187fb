#include "tools/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "base/error.h"

namespace saccade::tools {

std::size_t columns(std::string_view text) {
  const auto starts_character = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; };
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), starts_character));
}

std::vector<std::string> wrap(std::string_view text, std::size_t width) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    if (!lines.empty() && columns(lines.back()) + 1 + columns(word) <= width) {
      lines.back().append(" ").append(word);
    } else {
      lines.emplace_back(word);
    }
  }
  return lines;
}

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

std::string compact(double count) {
  static constexpr struct {
    double unit;
    const char* suffix;
  } scales[] = {{1, ""}, {1e3, "k"}, {1e6, "M"}, {1e9, "G"}};
  for (const auto& [unit, suffix] : scales) {
    const double scaled = count / unit;
    if (scaled >= 999.5 && unit < 1e9) continue;
    const bool whole = unit == 1 || scaled >= 99.95 || scaled == std::floor(scaled);
    return fmt::format("{:.{}f}{}", scaled, whole ? 0 : 1, suffix);
  }
  return {};
}

std::string duration(double seconds) {
  const auto s = static_cast<std::int64_t>(std::llround(std::max(0.0, seconds)));
  if (s < 3600) return fmt::format("{}:{:02}", s / 60, s % 60);
  if (s < 86400) return fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
  return fmt::format("{}d {:02}h", s / 86400, s / 3600 % 24);
}

std::string shell_word(std::string_view word) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_-./+=:,@%").find(c) != std::string_view::npos;
  };
  if (!word.empty() && std::all_of(word.begin(), word.end(), plain)) return std::string(word);
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? "'\\''" : std::string(1, c);
  return quoted + "'";
}

std::int64_t parse_integer(std::string_view flag, std::string_view text, std::int64_t least,
                           std::int64_t most) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least || value > most) {
    throw ConfigError(
        fmt::format("{}: '{}' given; expected an integer from {} to {}", flag, text, least, most));
  }
  return value;
}

namespace {

std::string& program_name() {
  static std::string name = "saccade";
  return name;
}

}  // namespace

std::string program() { return program_name(); }

void set_program(std::string_view argv0) {
  if (!argv0.empty()) program_name() = shell_word(argv0);
}

void warn(std::string_view message) {
  std::fflush(stdout);
  fmt::print(stderr, "saccade: warning: {}\n", message);
}

}  // namespace saccade::tools
