// The settings in a file of Stable-Baselines3: its member `data`.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace saccade::rl::sb3 {

using Json = nlohmann::ordered_json;

template <class... Args>
[[noreturn]] void fail(const std::string& source, fmt::format_string<Args...> message, Args&&... args) {
  throw FormatError(fmt::format("{}: {}", source, fmt::format(message, std::forward<Args>(args)...)));
}

/// The numbers of "[-1. 0.5 inf]", "(3,)" or [3].
std::vector<double> numbers_in(const Json& value);

/// A JSON object. What JSON cannot say is in it as a pickle with its members as text, such as {":type:":
/// "<class 'gymnasium.spaces.box.Box'>", ":serialized:": "...", "low": "[-2.]", "_shape": [1]}.
class Data {
 public:
  /// FormatError, naming `source`, for what is no object.
  Data(std::string_view text, std::string source);
  const std::string& source() const { return source_; }

  /// null where it is missing.
  const Json& operator[](const char* key) const {
    static const Json nothing;
    return json_.contains(key) ? json_.at(key) : nothing;
  }
  /// FormatError for what is no number, or, with no default, missing.
  Json number(const char* key) const {
    const Json& value = (*this)[key];
    if (!value.is_number())
      fail(source_, "{} is {}, expected a number", key, json_.contains(key) ? shown(value) : "missing");
    return value;
  }
  Json number(const char* key, const Json& otherwise) const {
    return (*this)[key].is_null() ? otherwise : number(key);
  }

  /// A member of what JSON cannot say, as text; "" if there is none.
  std::string text(const char* key, const char* member) const {
    const Json& value = (*this)[key];
    if (!value.is_object() || !value.contains(member)) return "";
    const Json& part = value.at(member);
    return part.is_string() ? part.get<std::string>() : dumped(part);
  }

 private:
  std::string source_;
  Json json_;
};

/// How often there are updates: after so many steps of all copies of the environment, or episodes.
struct Frequency {
  std::int64_t steps = 1;
  bool of_episodes = false;
};

/// `train_freq`. FormatError where it is none.
Frequency train_frequency(const Data& data);

/// The id of the environment that the agent acts in: the one that is asked for, or the only one that has the
/// file's spaces. ConfigError where there is not one, or where those of the one that is asked for are others.
std::string environment(const Data& data, const std::string& path, const std::string& asked);

}  // namespace saccade::rl::sb3
