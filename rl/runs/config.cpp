#include "rl/runs/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "envs/registry.h"
#include "rl/runs/other_names.h"
#include "rl/runs/run_folder.h"

namespace saccade::rl {

using Json = nlohmann::ordered_json;

namespace {

constexpr const char* kAlgorithm = "algorithm";

void check_object(const Json& json, std::string_view source) {
  if (json.is_object()) return;
  throw ConfigError(fmt::format("{}: expected a JSON object with hyper-parameters", source));
}

// What this algorithm calls it, who else has such a key, or which of its own is nearest: the end of a
// sentence.
std::string suggestion(const Config& config, const std::string& word) {
  std::vector<std::string> owners, names;
  const std::vector<ConfigKey> keys = config.keys();
  for (const ConfigKey& key : keys) names.push_back(key.name);
  std::vector<std::string> here = keys_for_other_name(word);
  std::erase_if(here, [&](const std::string& name) {
    return std::find(names.begin(), names.end(), name) == names.end();
  });
  if (!here.empty()) return fmt::format("; here it is {}", listed(here));
  for (const AlgorithmInfo& info : algorithms()) {
    if (find_key(info.keys, word) != nullptr) owners.push_back(info.name);
  }
  if (!owners.empty()) {
    return fmt::format("; it is a key of {}, and the algorithm here is {}", join(owners, " and "),
                       config.algorithm().name);
  }
  const ConfigKey* near = find_key(keys, nearest(word, names));
  if (near == nullptr) return fmt::format("; '{} config' lists them", program());
  return fmt::format("; did you mean '{}' ({})?", near->name, near->type());
}

void set_all(Config& config, const Json& json, std::string_view source) {
  for (const auto& [name, value] : json.items()) {
    if (name == kAlgorithm) continue;
    const Config::Place place = config.find(name);
    if (place.key == nullptr) {
      throw ConfigError(fmt::format("{}: there is no key '{}'{}", source, name, suggestion(config, name)));
    }
    set_from_json(*place.key, place.settings, value, source);
  }
}

// Settings that are part of the program.
void set_built_in(Config& config, const std::string& settings) {
  set_all(config, Json::parse(settings), "built-in settings");
}

Json read_settings(const std::string& path) {
  Json json;
  try {
    json = read_json(path, {.comments = true});
  } catch (const FormatError& error) {
    throw ConfigError(error.what());
  }
  const bool is_run = json.is_object() && json.contains("saccade") && json.contains("config");
  if (!is_run) return json;
  try {
    remember_task_of(std::filesystem::path(path).parent_path().string(), json.at("config"));
  } catch (const FormatError& error) {
    throw ConfigError(error.what());
  }
  return json.at("config");
}

}  // namespace

Config::Config(std::string_view algorithm) {
  set_algorithm(algorithm.empty() ? default_algorithm().name : algorithm);
}

void Config::set_algorithm(std::string_view name) {
  algorithm_ = &find_algorithm(name);
  own_ = algorithm_->settings;
  set_built_in(*this, algorithm_->defaults);
}

Config::Place Config::find(std::string_view name) {
  if (const ConfigKey* key = find_key(run_keys(), name)) return {key, &run};
  if (const ConfigKey* key = find_key(off_policy_keys(), name)) return {key, &off_policy};
  if (const ConfigKey* key = find_key(algorithm_->keys, name)) return {key, algorithm_->address(own_)};
  return {};
}

std::vector<ConfigKey> Config::keys() const {
  std::vector<ConfigKey> all = run_keys();
  all.insert(all.end(), off_policy_keys().begin(), off_policy_keys().end());
  all.insert(all.end(), algorithm_->keys.begin(), algorithm_->keys.end());
  return all;
}

bool operator==(const Config& a, const Config& b) { return to_json(a) == to_json(b); }

Json to_json(const Config& config) {
  Json json = {{kAlgorithm, config.algorithm().name}};
  append_json(json, run_keys(), &config.run);
  append_json(json, off_policy_keys(), &config.off_policy);
  std::any own = config.own();
  append_json(json, config.algorithm().keys, config.algorithm().address(own));
  return json;
}

void update_from_json(Config& config, const Json& json, std::string_view source) {
  check_object(json, source);
  Config updated = config;
  if (json.contains(kAlgorithm)) {
    const Json& name = json.at(kAlgorithm);
    if (!name.is_string()) {
      throw ConfigError(fmt::format("{}: {} is {}; expected a text", source, kAlgorithm, shown(name)));
    }
    if (name != updated.algorithm().name) updated.set_algorithm(name.get<std::string>());
  }
  set_all(updated, json, source);
  updated.run.env = envs::canonical_id(updated.run.env);
  config = updated;
}

void set_from_text(Config& config, const std::string& name, std::string_view text, std::string_view source) {
  Json value;
  try {
    value = parse_json(text, name);
  } catch (const FormatError&) {  // a bare word
    value = std::string(text);
  }
  update_from_json(config, Json{{name, value}}, source);
}

void update_from_text(Config& config, std::string_view assignment) {
  const std::size_t equals = assignment.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    throw ConfigError(fmt::format("--set: '{}' given; expected key=value", assignment));
  }
  const std::string name(assignment.substr(0, equals));
  if (name == kAlgorithm) {
    throw ConfigError("--set: the algorithm is chosen before its settings, by --algo NAME");
  }
  set_from_text(config, name, assignment.substr(equals + 1), "--set");
}

void update_from_file(Config& config, const std::string& path) {
  update_from_json(config, read_settings(path), path);
}

std::string algorithm_in_file(const std::string& path) {
  const Json json = read_settings(path);
  check_object(json, path);
  return json.contains(kAlgorithm) && json.at(kAlgorithm).is_string() ? json.at(kAlgorithm).get<std::string>()
                                                                      : "";
}

const std::vector<Preset>& presets() {
  static const std::vector<Preset> all = {
      {"pendulum", "Pendulum-v1 with small networks, tuned: a few seconds",
       R"({"env": "Pendulum-v1", "steps": 10000, "learning_starts": 500, "batch_size": 100,
           "buffer_size": 10000, "eval_every": 1000, "checkpoint_every": 0,
           "diagnose_every": 1000})"},
      // Noise that is new in every step never gets this car anywhere; pink noise rocks it out of the valley.
      {"mountain-car", "MountainCarContinuous-v0 with pink noise, without which it is not solved",
       R"({"env": "MountainCarContinuous-v0", "steps": 30000, "learning_starts": 1000, "exploration": "pink",
           "batch_size": 100, "buffer_size": 30000, "eval_every": 2000, "checkpoint_every": 0,
           "diagnose_every": 2000})"},
      // The gain from undulating shows only after hundreds of steps: a far horizon, and slow noise.
      {"swimmer", "Swimmer-v4 with pink noise and a far horizon: a minute or two",
       R"({"env": "Swimmer-v4", "steps": 300000, "exploration": "pink", "batch_size": 100,
           "buffer_size": 300000})"},
      {"cartpole", "CartPole-v1, for algorithms with discrete actions",
       R"({"env": "CartPole-v1", "steps": 30000, "learning_starts": 1000, "batch_size": 128,
           "buffer_size": 30000, "eval_every": 2000, "final_eval_episodes": 100, "checkpoint_every": 0,
           "diagnose_every": 2000})"},
      // Random choices in pink noise swing it to its goal in 19 of 83 episodes, independent ones in 3 of 80.
      {"acrobot", "Acrobot-v1 with pink noise, for algorithms with discrete actions",
       R"({"env": "Acrobot-v1", "steps": 30000, "learning_starts": 1000, "exploration": "pink",
           "batch_size": 128, "buffer_size": 30000, "eval_every": 2000, "final_eval_episodes": 100,
           "checkpoint_every": 0, "diagnose_every": 2000})"},
      {"pendulum-sb3", "Pendulum-v1 with Stable-Baselines3's defaults (256x256, batch 256)",
       R"({"env": "Pendulum-v1", "steps": 10000, "learning_starts": 100, "eval_every": 1000,
           "checkpoint_every": 0, "diagnose_every": 1000})"},
  };
  return all;
}

namespace {

// What an algorithm sets in a preset, or null if it has no such preset.
const std::string* own_settings(const AlgorithmInfo& algorithm, std::string_view preset) {
  for (const auto& [name, settings] : algorithm.presets) {
    if (name == preset) return &settings;
  }
  return nullptr;
}

}  // namespace

std::vector<std::string> algorithms_of(const Preset& preset) {
  std::vector<std::string> names;
  for (const AlgorithmInfo& info : algorithms()) {
    if (own_settings(info, preset.name) != nullptr) names.push_back(info.name);
  }
  return names;
}

std::string preset_of(const Config& config) {
  for (const Preset& preset : presets()) {
    if (own_settings(config.algorithm(), preset.name) == nullptr) continue;
    if (config_for(preset.name, config.algorithm().name).run.env == config.run.env) return preset.name;
  }
  return "";
}

Config config_for(std::string_view name, std::string_view algorithm) {
  Config config(algorithm);
  std::vector<std::string> names;
  for (const Preset& preset : presets()) {
    names.push_back(preset.name);
    if (preset.name != name) continue;
    const std::string* own = own_settings(config.algorithm(), name);
    if (own == nullptr) {
      throw ConfigError(fmt::format("the preset {} is one of {}, but the algorithm here is {}", name,
                                    listed(algorithms_of(preset)), config.algorithm().name));
    }
    set_built_in(config, preset.settings);
    set_built_in(config, *own);
    return config;
  }
  if (!envs::is_known(name)) {
    for (const std::string& id : envs::ids()) names.push_back(id);
    const std::string near = nearest(name, names), guess = near.empty() ? envs::nearest_id(name) : near;
    throw ConfigError(fmt::format(
        "there is no preset or environment \"{}\"; {}", name,
        guess.empty() ? fmt::format("'{0} config' lists the presets, '{0} envs' the environments", program())
                      : fmt::format("did you mean {}?", guess)));
  }
  config.run.env = envs::canonical_id(name);
  return config;
}

}  // namespace saccade::rl
