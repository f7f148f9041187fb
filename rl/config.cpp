#include "rl/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "envs/registry.h"

namespace saccade::rl {

using Json = nlohmann::ordered_json;

namespace {

// The nearest key and its type, as the end of a sentence.
std::string suggestion(std::string_view word) {
  std::vector<std::string> names;
  for (const ConfigKey& key : config_keys()) names.push_back(key.name);
  const auto at = std::find(names.begin(), names.end(), nearest(word, names));
  if (at == names.end()) return "; 'saccade config' lists them";
  const ConfigKey& key = config_keys()[static_cast<std::size_t>(at - names.begin())];
  return fmt::format("; did you mean '{}' ({})?", key.name, key.type());
}

std::string range(const ConfigKey& key) {
  if (!key.choices.empty()) return fmt::format(" ({})", join(key.choices, " or "));
  if (key.least > -1e300 && key.most < 1e300) return fmt::format(" from {} to {}", key.least, key.most);
  if (key.least > -1e300) return fmt::format(" of at least {}", key.least);
  return "";
}

[[noreturn]] void refuse(const ConfigKey& key, const Json& value, std::string_view source) {
  throw ConfigError(
      fmt::format("{}: {} is {}; expected {}{}", source, key.name, value.dump(), key.type(), range(key)));
}

bool in_range(const ConfigKey& key, double value) { return value >= key.least && value <= key.most; }

void assign(Config& config, const ConfigKey& key, const Json& value, std::string_view source) {
  const auto check = [&](bool fits) {
    if (!fits) refuse(key, value, source);
  };
  // 1e6 is as good an integer as 1000000.
  const auto is_integer = [](const Json& v) {
    return v.is_number_integer() || (v.is_number_float() && std::abs(v.get<double>()) < 1e15 &&
                                     v.get<double>() == std::floor(v.get<double>()));
  };
  const auto as_integer = [](const Json& v) {
    return v.is_number_integer() ? v.get<std::int64_t>() : static_cast<std::int64_t>(v.get<double>());
  };
  std::visit(
      [&](auto member) {
        using T = std::remove_cvref_t<decltype(config.*member)>;
        if constexpr (std::is_same_v<T, std::int64_t>) {
          check(is_integer(value) && in_range(key, static_cast<double>(as_integer(value))));
          config.*member = as_integer(value);
        } else if constexpr (std::is_same_v<T, double>) {
          check(value.is_number() && in_range(key, value.get<double>()));
          config.*member = value.get<double>();
        } else if constexpr (std::is_same_v<T, bool>) {
          check(value.is_boolean());
          config.*member = value.get<bool>();
        } else if constexpr (std::is_same_v<T, std::string>) {
          check(value.is_string() &&
                (key.choices.empty() ||
                 std::count(key.choices.begin(), key.choices.end(), value.get<std::string>()) > 0));
          config.*member = value.get<std::string>();
        } else if constexpr (std::is_same_v<T, std::optional<double>>) {
          check(value.is_null() || (value.is_number() && in_range(key, value.get<double>())));
          config.*member = value.is_null() ? std::nullopt : std::optional(value.get<double>());
        } else {
          check(value.is_array() && !value.empty() &&
                std::all_of(value.begin(), value.end(), [&](const Json& v) {
                  return is_integer(v) && in_range(key, static_cast<double>(as_integer(v)));
                }));
          T list;
          for (const Json& v : value) list.push_back(as_integer(v));
          config.*member = list;
        }
      },
      key.member);
}

}  // namespace

std::string ConfigKey::type() const {
  static const char* const names[] = {"an integer", "a number",         "true or false",
                                      "a text",     "a number or null", "a list of integers"};
  return names[member.index()];
}

const std::vector<ConfigKey>& config_keys() {
  constexpr double kSmallest = 1e-12, kMany = 1e12;
  static const std::vector<ConfigKey> keys = {
      {"env", &Config::env, "the environment's name"},
      {"seed", &Config::seed, "all randomness follows from it", 0, 9e15},
      {"steps", &Config::steps, "environment steps to train for, of all copies together", 1, kMany},
      {"envs", &Config::envs, "copies of the environment, stepped side by side", 1, 4096},
      {"learning_starts", &Config::learning_starts,
       "steps of uniformly random actions before the first update", 0, kMany},
      {"exploration",
       &Config::exploration,
       "noise of actions: new in each step, or pink, which is correlated in time",
       -1e300,
       1e300,
       {"gaussian", "pink"}},
      {"updates_per_step", &Config::updates_per_step, "gradient updates per environment step", 0, 1000},
      {"batch_size", &Config::batch_size, "transitions per update", 1, 1e6},
      {"buffer_size", &Config::buffer_size, "transitions that the replay buffer holds", 1, 1e9},
      {"hidden", &Config::hidden, "widths of the hidden layers, of policy and critics alike", 1, 1e5},
      {"gamma", &Config::gamma, "discount", 0, 1},
      {"tau", &Config::tau, "step of the target networks towards the critics", 0, 1},
      {"actor_lr", &Config::actor_lr, "Adam's step size for the policy", kSmallest, 1},
      {"critic_lr", &Config::critic_lr, "Adam's step size for the critics", kSmallest, 1},
      {"alpha_lr", &Config::alpha_lr, "Adam's step size for log alpha", kSmallest, 1},
      {"learn_alpha", &Config::learn_alpha, "whether the temperature is learned"},
      {"initial_alpha", &Config::initial_alpha, "the temperature at the start", kSmallest, 1e6},
      {"target_entropy", &Config::target_entropy, "of the policy on [-1, 1] actions; null for -dim(A)", -1e6,
       1e6},
      {"alpha_loss",
       &Config::alpha_loss,
       "through alpha as in the paper, or on log alpha",
       -1e300,
       1e300,
       {"alpha", "log_alpha"}},
      {"log_std",
       &Config::log_std,
       "clamped to [-20, 2], or tanh-rescaled to [-5, 2]",
       -1e300,
       1e300,
       {"clamp", "tanh"}},
      {"log_prob",
       &Config::log_prob,
       "the exact tanh correction, or log(1 - a^2 + 1e-6)",
       -1e300,
       1e300,
       {"stable", "eps1e-6"}},
      {"critic_loss_factor", &Config::critic_loss_factor, "of MSE1 + MSE2", kSmallest, 1e6},
      {"reward_scale", &Config::reward_scale, "factor on rewards for learning; reports are unscaled",
       kSmallest, 1e6},
      {"normalize_obs", &Config::normalize_obs,
       "whether the networks see observations less their running mean, in running standard deviations"},
      {"eval_every", &Config::eval_every, "steps between evaluations; 0 for none", 0, kMany},
      {"eval_episodes", &Config::eval_episodes, "episodes of each, with the deterministic policy", 1, 1e6},
      {"final_eval_episodes", &Config::final_eval_episodes, "episodes of the last one", 1, 1e6},
      {"checkpoint_every", &Config::checkpoint_every, "steps between checkpoints; 0 for one at the end", 0,
       kMany},
  };
  return keys;
}

Json to_json(const Config& config) {
  Json json;
  for (const ConfigKey& key : config_keys()) {
    std::visit(
        [&](auto member) {
          if constexpr (std::is_same_v<decltype(member), std::optional<double> Config::*>) {
            json[key.name] = config.*member ? Json(*(config.*member)) : Json(nullptr);
          } else {
            json[key.name] = config.*member;
          }
        },
        key.member);
  }
  return json;
}

void update_from_json(Config& config, const Json& json, std::string_view source) {
  if (!json.is_object())
    throw ConfigError(fmt::format("{}: expected a JSON object with hyper-parameters", source));
  Config updated = config;
  std::vector<std::string> names;
  for (const ConfigKey& key : config_keys()) names.push_back(key.name);
  for (const auto& [name, value] : json.items()) {
    const auto at = std::find(names.begin(), names.end(), name);
    if (at == names.end()) {
      throw ConfigError(fmt::format("{}: there is no key '{}'{}", source, name, suggestion(name)));
    }
    assign(updated, config_keys()[static_cast<std::size_t>(at - names.begin())], value, source);
  }
  updated.env = envs::canonical_id(updated.env);
  config = updated;
}

void update_from_text(Config& config, std::string_view assignment) {
  const std::size_t equals = assignment.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    throw ConfigError(fmt::format("--set: '{}' given; expected key=value", assignment));
  }
  const std::string_view text = assignment.substr(equals + 1);
  Json value = Json::parse(text, nullptr, false);
  if (value.is_discarded()) value = std::string(text);
  update_from_json(config, Json{{std::string(assignment.substr(0, equals)), value}}, "--set");
}

void update_from_file(Config& config, const std::string& path) {
  std::ifstream file(path);
  if (!file || !std::filesystem::is_regular_file(path))
    throw ConfigError(fmt::format("{}: cannot be read", path));
  const Json json = Json::parse(file, nullptr, false, true);
  if (json.is_discarded()) throw ConfigError(fmt::format("{}: is not valid JSON", path));
  const bool is_run = json.is_object() && json.contains("saccade") && json.contains("config");
  update_from_json(config, is_run ? json.at("config") : json, path);
}

const std::vector<Preset>& presets() {
  static const std::vector<Preset> all = [] {
    Config pendulum;
    pendulum.env = "Pendulum-v1";
    pendulum.steps = 10'000;
    pendulum.learning_starts = 500;
    pendulum.batch_size = 100;
    pendulum.buffer_size = 10'000;
    pendulum.hidden = {64, 64};
    pendulum.actor_lr = pendulum.critic_lr = pendulum.alpha_lr = 1e-3;
    pendulum.eval_every = 1'000;
    pendulum.checkpoint_every = 0;

    // Noise that is new in every step never gets this car anywhere; pink noise rocks it out of the valley.
    Config car = pendulum;
    car.env = "MountainCarContinuous-v0";
    car.steps = car.buffer_size = 30'000;
    car.learning_starts = 1'000;
    car.exploration = "pink";
    car.eval_every = 2'000;

    // What this body gains by undulating shows after hundreds of steps only: a far horizon, and slow noise.
    Config swimmer = pendulum;
    swimmer.env = "Swimmer-v4";
    swimmer.steps = swimmer.buffer_size = 300'000;
    swimmer.learning_starts = 10'000;
    swimmer.gamma = 0.999;
    swimmer.exploration = "pink";
    swimmer.eval_every = 10'000;
    swimmer.checkpoint_every = 50'000;

    // Stable-Baselines3's defaults, where they differ from ours: half the sum of the critics' losses, and the
    // temperature's loss on log alpha.
    Config sb3;
    sb3.env = "Pendulum-v1";
    sb3.steps = 10'000;
    sb3.learning_starts = 100;
    sb3.critic_loss_factor = 0.5;
    sb3.alpha_loss = "log_alpha";
    sb3.eval_every = 1'000;
    sb3.checkpoint_every = 0;
    return std::vector<Preset>{
        {"pendulum", "Pendulum-v1 with small networks, tuned: a few seconds", pendulum},
        {"mountain-car", "MountainCarContinuous-v0 with pink noise, without which it is not solved", car},
        {"swimmer", "Swimmer-v4 with pink noise and a far horizon: a minute or two", swimmer},
        {"pendulum-sb3", "Pendulum-v1 with Stable-Baselines3's defaults (256x256, batch 256)", sb3},
    };
  }();
  return all;
}

Config config_for(std::string_view name) {
  for (const Preset& preset : presets()) {
    if (preset.name == name) return preset.config;
  }
  Config config;
  try {
    config.env = envs::canonical_id(name);
  } catch (const ConfigError& unknown) {
    std::vector<std::string> names;
    for (const Preset& preset : presets()) names.push_back(preset.name);
    const std::string near = nearest(name, names);
    throw ConfigError(fmt::format("there is no preset \"{}\"{} (presets: {}), and {}", name,
                                  near.empty() ? "" : fmt::format(", did you mean {}?", near), join(names),
                                  unknown.what()));
  }
  return config;
}

}  // namespace saccade::rl
