#include "rl/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"

namespace saccade::rl {

namespace {

using Json = nlohmann::ordered_json;
using Value = ConfigKey::Value;

constexpr std::size_t kMaxList = 100;

bool in_range(const ConfigKey& key, double value) { return value >= key.min && value <= key.max; }

// 1e6 is as good an integer as 1000000.
std::optional<std::int64_t> as_integer(const ConfigKey& key, const Json& json) {
  constexpr double kLargest = 1e15;  // that a double holds with all its neighbours
  std::int64_t value = 0;
  if (json.is_number_integer()) {
    value = json.get<std::int64_t>();
  } else if (json.is_number_float() && std::abs(json.get<double>()) < kLargest &&
             json.get<double>() == std::floor(json.get<double>())) {
    value = static_cast<std::int64_t>(json.get<double>());
  } else {
    return std::nullopt;
  }
  return in_range(key, static_cast<double>(value)) ? std::optional(value) : std::nullopt;
}

std::optional<double> as_number(const ConfigKey& key, const Json& json) {
  if (!json.is_number() || !in_range(key, json.get<double>())) return std::nullopt;
  return json.get<double>();
}

template <class T>
std::optional<Value> wrapped(const std::optional<T>& value) {
  return value ? std::optional<Value>(*value) : std::nullopt;
}

// The value as one of the kind that the key holds; none if it does not fit.
std::optional<Value> read(const ConfigKey& key, const Value& kind, const Json& json) {
  if (std::holds_alternative<std::int64_t>(kind)) return wrapped(as_integer(key, json));
  if (std::holds_alternative<double>(kind)) return wrapped(as_number(key, json));
  if (std::holds_alternative<bool>(kind)) {
    return json.is_boolean() ? std::optional<Value>(json.get<bool>()) : std::nullopt;
  }
  if (std::holds_alternative<std::string>(kind)) {
    if (!json.is_string()) return std::nullopt;
    const auto text = json.get<std::string>();
    const bool fits = key.choices.empty() || std::count(key.choices.begin(), key.choices.end(), text) > 0;
    return fits ? std::optional<Value>(text) : std::nullopt;
  }
  if (std::holds_alternative<std::optional<double>>(kind)) {
    if (json.is_null()) return Value(std::optional<double>());
    const std::optional<double> number = as_number(key, json);
    return number ? std::optional<Value>(number) : std::nullopt;
  }
  if (!json.is_array() || json.empty()) return std::nullopt;
  if (json.size() > kMaxList) return std::nullopt;
  std::vector<std::int64_t> list;
  for (const Json& element : json) {
    const std::optional<std::int64_t> value = as_integer(key, element);
    if (!value) return std::nullopt;
    list.push_back(*value);
  }
  return Value(list);
}

Json to_json(const Value& value) {
  if (const auto* number = std::get_if<std::optional<double>>(&value)) {
    return *number ? Json(**number) : Json(nullptr);
  }
  return std::visit(
      [](const auto& v) -> Json {
        if constexpr (std::is_same_v<std::decay_t<decltype(v)>, std::optional<double>>) {
          return nullptr;
        } else {
          return v;
        }
      },
      value);
}

}  // namespace

std::string ConfigKey::type() const {
  if (!choices.empty()) return "a text";
  static const char* const names[] = {"an integer", "a number",         "true or false",
                                      "a text",     "a number or null", "a list of integers"};
  return names[kind];
}

std::string ConfigKey::range() const {
  const bool list = kind == Value(std::vector<std::int64_t>()).index();
  const std::string example = list ? fmt::format(", at most {} of them, such as [128,128]", kMaxList) : "";
  if (!choices.empty()) return fmt::format(" ({})", join(choices, " or "));
  if (min > -kNoLimit && max < kNoLimit) return fmt::format(" from {} to {}{}", min, max, example);
  if (min > -kNoLimit) return fmt::format(" of at least {}{}", min, example);
  return example;
}

const ConfigKeys& run_keys() {
  using C = RunConfig;
  static const ConfigKeys keys = {
      key("env", &C::env, "the environment's name"),
      key("seed", &C::seed, "all randomness follows from it", 0, 9e15),
      key("steps", &C::steps, "environment steps to train for, of all copies together", 1, kLargestCount),
      key("envs", &C::envs, "copies of the environment, stepped side by side", 1, 4096),
      key("eval_every", &C::eval_every, "steps between evaluations; 0 for none", 0, kLargestCount),
      key("eval_episodes", &C::eval_episodes, "episodes of each, with the deterministic policy", 1, 1e6),
      key("final_eval_episodes", &C::final_eval_episodes, "episodes of the last one; 0 for none", 0, 1e6),
      key("checkpoint_every", &C::checkpoint_every, "steps between checkpoints; 0 for one at the end", 0,
          kLargestCount),
      key("diagnose_every", &C::diagnose_every,
          "steps between rows of diagnostics.jsonl, which reports show; 0 for none", 0, kLargestCount),
  };
  return keys;
}

const ConfigKeys& off_policy_keys() {
  using C = OffPolicyConfig;
  static const ConfigKeys keys = {
      key("learning_starts", &C::learning_starts, "steps of uniformly random actions before the first update",
          0, kLargestCount),
      key("exploration", &C::exploration,
          "noise of actions: new in each step; pink, which is correlated in time; an "
          "Ornstein-Uhlenbeck process; or held for some steps, as suits gSDE",
          {"gaussian", "pink", "ou", "held"}),
      key("exploration_hold", &C::exploration_hold, "steps for which held noise stays; 0 for the episode", 0,
          kLargestCount),
      key("updates_per_step", &C::updates_per_step,
          "gradient updates per environment step, such as 20, or 0.5 for one in two", 0, 1000),
      key("batch_size", &C::batch_size, "transitions per update", 1, 1e6),
      key("batch_per_process", &C::batch_per_process,
          "where several processes train together: whether batch_size is that of each, not of all"),
      key("buffer_size", &C::buffer_size, "transitions that the replay buffer holds", 1, 1e9),
      key("reward_scale", &C::reward_scale, "factor on rewards for learning; reports are unscaled", kSmallest,
          1e6),
      key("n_step", &C::n_step, "rewards that a target adds up before it bootstraps", 1, 1000),
      key("prioritized", &C::prioritized, "whether transitions of large errors are drawn more often"),
      key("priority_alpha", &C::priority_alpha, "how much more: 0 not at all, 1 in proportion", 0, 10),
      key("priority_beta", &C::priority_beta,
          "how far weights make up for that at the start: 0 not, 1 wholly", 0, 1),
      key("priority_beta_steps", &C::priority_beta_steps, "environment steps until that is 1", 1,
          kLargestCount),
  };
  return keys;
}

ConfigKeys joined(std::initializer_list<ConfigKeys> parts) {
  ConfigKeys all;
  for (const ConfigKeys& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

const ConfigKey* find_key(const ConfigKeys& keys, std::string_view name) {
  const auto at =
      std::find_if(keys.begin(), keys.end(), [&](const ConfigKey& key) { return key.name == name; });
  return at == keys.end() ? nullptr : &*at;
}

void append_json(Json& json, const ConfigKeys& keys, const void* settings) {
  for (const ConfigKey& key : keys) json[key.name] = to_json(key.get(settings));
}

void set_from_json(const ConfigKey& key, void* settings, const Json& json, std::string_view source) {
  const std::optional<Value> value = read(key, key.get(settings), json);
  if (!value) {
    throw ConfigError(
        fmt::format("{}: {} is {}; expected {}{}", source, key.name, shown(json), key.type(), key.range()));
  }
  key.set(settings, *value);
}

}  // namespace saccade::rl
