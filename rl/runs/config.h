// The whole configuration of a run: what is run, how it learns from a buffer, and an algorithm with its own
// settings. As JSON it is one flat object; a file without "algorithm" means SAC.
#pragma once

#include <any>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "rl/algorithms/registry.h"
#include "rl/config.h"

namespace saccade::rl {

class Config {
 public:
  RunConfig run;
  OffPolicyConfig off_policy;

  /// All defaults of this algorithm; of default_algorithm() if none is named.
  explicit Config(std::string_view algorithm = "");

  const AlgorithmInfo& algorithm() const { return *algorithm_; }
  /// The algorithm's own settings, which are a C: config.own<SacConfig>().gamma = 0.98.
  template <class C>
  C& own() {
    return std::any_cast<C&>(own_);
  }
  template <class C>
  const C& own() const {
    return std::any_cast<const C&>(own_);
  }
  const std::any& own() const { return own_; }

  /// A key as messages and files have it, with the struct that holds it.
  struct Place {
    const ConfigKey* key = nullptr;  // null if this algorithm has no such key
    void* settings = nullptr;
  };
  Place find(std::string_view name);
  /// Every key, in the order of files: of the run, of learning from a buffer, of the algorithm.
  std::vector<ConfigKey> keys() const;

  /// Another algorithm, with its defaults; everything else stays.
  void set_algorithm(std::string_view name);

 private:
  const AlgorithmInfo* algorithm_ = nullptr;
  std::any own_;
};

bool operator==(const Config& a, const Config& b);

/// {"algorithm": "sac", "env": ..., ...}
nlohmann::ordered_json to_json(const Config& config);
/// Overwrites the keys that `json` holds; its algorithm first. Throws ConfigError for one that is unknown
/// (naming the nearest, or the algorithm that has it), ill-typed or out of range, naming key, value and what
/// was expected; then `config` is as it was. `source` is named in messages.
void update_from_json(Config& config, const nlohmann::ordered_json& json, std::string_view source);
/// The same for one key, its value as JSON or as a bare word; and for "key=value".
void set_from_text(Config& config, const std::string& name, std::string_view text, std::string_view source);
void update_from_text(Config& config, std::string_view assignment);
/// The same for a file: an object of keys, or a run's config.json, which has one within it. Throws
/// ConfigError, naming the file, if it cannot be read or is neither.
void update_from_file(Config& config, const std::string& path);
/// The algorithm that such a file names; "" if it names none.
std::string algorithm_in_file(const std::string& path);

/// A task with settings that suit it. What an algorithm sets besides is in its AlgorithmInfo; those that set
/// nothing for it, not even "{}", do not have it.
struct Preset {
  std::string name;
  std::string meaning;
  std::string settings;  // a JSON object of keys of RunConfig and OffPolicyConfig
};
const std::vector<Preset>& presets();
std::vector<std::string> algorithms_of(const Preset& preset);
/// The first preset for this configuration's environment and algorithm; "" if there is none.
std::string preset_of(const Config& config);
/// The preset of that name for an algorithm, or the algorithm's defaults with that environment. ConfigError
/// for a name that is neither, or a preset that this algorithm does not have.
Config config_for(std::string_view preset_or_env, std::string_view algorithm = "");

}  // namespace saccade::rl
