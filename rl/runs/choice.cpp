#include "rl/runs/choice.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "envs/registry.h"
#include "rl/runs/training.h"

namespace saccade::rl {

using Json = nlohmann::ordered_json;

bool is_preset(const std::string& name) {
  return std::any_of(presets().begin(), presets().end(),
                     [&](const Preset& preset) { return preset.name == name; });
}

void set_from_flag(Config& config, const std::string& key, const std::string& text) {
  if (!text.empty()) set_from_text(config, key, text, "--" + key);
}

RunInfo choose(const RunChoice& choice) {
  if (choice.name.empty() && choice.config_file.empty()) {
    std::vector<std::string> names;
    for (const Preset& preset : presets()) names.push_back(preset.name);
    throw ConfigError(fmt::format(
        "train: expected a preset ({}), an environment ('{} envs' lists them), --config or --resume",
        join(names), program()));
  }
  // The algorithm comes first: what a preset sets depends on it.
  std::string algorithm = choice.algorithm;
  if (algorithm.empty() && !choice.config_file.empty()) algorithm = algorithm_in_file(choice.config_file);
  if (algorithm.empty()) algorithm = default_algorithm().name;
  RunInfo info;
  info.config = choice.name.empty() ? Config(algorithm) : config_for(choice.name, algorithm);
  if (is_preset(choice.name)) info.preset = choice.name;
  const std::string env = info.config.run.env;
  if (!choice.config_file.empty()) update_from_file(info.config, choice.config_file);
  std::set<std::string> set;
  for (const std::string& setting : choice.settings) {
    const std::string key = setting.substr(0, setting.find('='));
    if (!set.insert(key).second)
      throw ConfigError(fmt::format("--set: {} is given twice; expected once", key));
    update_from_text(info.config, setting);
  }
  for (const auto& [key, text] : choice.flags) set_from_flag(info.config, key, text);
  if (!choice.name.empty() && info.config.run.env != env) {
    throw ConfigError(fmt::format("env is {} by --config or --set, but '{}' stands for {}; leave one out",
                                  info.config.run.env, choice.name, env));
  }
  if (info.config.algorithm().name != algorithm) {
    throw ConfigError(fmt::format("the algorithm is {} in {}, but --algo is {}; leave one out",
                                  info.config.algorithm().name, choice.config_file, algorithm));
  }
  return info;
}

std::vector<std::string> surprises(const RunInfo& info) {
  const Config& config = info.config;
  std::vector<std::string> said;
  const std::int64_t learning_starts = config.off_policy.learning_starts, steps = config.run.steps;
  if (learning_starts >= steps) {
    said.push_back(
        fmt::format("nothing will be learned: learning_starts is {}, steps only {}", learning_starts, steps));
  }
  if (const std::string preset = preset_of(config); info.preset.empty() && !preset.empty()) {
    const Json here = to_json(config), there = to_json(config_for(preset, config.algorithm().name));
    const char* const key = "exploration";
    if (here.at(key) != there.at(key)) {
      said.push_back(fmt::format("{} is {} here; {} was learned with {}={}, which is in the preset {}", key,
                                 here.at(key).get<std::string>(), config.run.env, key,
                                 there.at(key).get<std::string>(), preset));
    }
  }
  const auto unused = [&](const char* key, const char* other, const char* needed) {
    const Json now = to_json(config), defaults = to_json(Config(config.algorithm().name));
    if (!now.contains(key) || now.at(key) == defaults.at(key) || now.at(other) == needed) return;
    said.push_back(fmt::format("{}={} does nothing: it needs {}={}, which is {}", key, now.at(key).dump(),
                               other, needed, now.at(other).get<std::string>()));
  };
  unused("exploration_hold", "exploration", "held");
  unused("gsde_log_std", "log_std", "gsde");
  if (const auto vast = action_warning(envs::make(config.run.env)->spec())) said.push_back(*vast);
  return said;
}

}  // namespace saccade::rl
