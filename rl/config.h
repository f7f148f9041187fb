// Hyper-parameters: one struct, and one table that says for each its meaning and range. JSON files, `--set`
// and the listing of `saccade config` all read the table.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace saccade::rl {

/// Defaults are those of the SAC paper's second version (Haarnoja et al. 2018b) and of Stable-Baselines3, but
/// for the choices that rl/README.md argues and learning_starts; together they are what is usual for MuJoCo's
/// tasks.
struct Config {
  std::string env = "Pendulum-v1";
  std::int64_t seed = 1;
  std::int64_t steps = 1'000'000;
  std::int64_t envs = 1;
  std::int64_t learning_starts = 10'000;
  std::string exploration = "gaussian";
  std::int64_t updates_per_step = 1;
  std::int64_t batch_size = 256;
  std::int64_t buffer_size = 1'000'000;
  std::vector<std::int64_t> hidden = {256, 256};
  double gamma = 0.99;
  double tau = 0.005;
  double actor_lr = 3e-4;
  double critic_lr = 3e-4;
  double alpha_lr = 3e-4;
  bool learn_alpha = true;
  double initial_alpha = 1;
  std::optional<double> target_entropy;  // -dim(A)
  std::string alpha_loss = "alpha";
  std::string log_std = "clamp";
  std::string log_prob = "stable";
  double critic_loss_factor = 1;
  double reward_scale = 1;
  bool normalize_obs = false;
  std::int64_t eval_every = 10'000;
  std::int64_t eval_episodes = 10;
  std::int64_t final_eval_episodes = 20;
  std::int64_t checkpoint_every = 50'000;

  bool operator==(const Config&) const = default;
};

/// One line of the table: a key, the member it stands for, what it means and which values it takes.
struct ConfigKey {
  using Member = std::variant<std::int64_t Config::*, double Config::*, bool Config::*, std::string Config::*,
                              std::optional<double> Config::*, std::vector<std::int64_t> Config::*>;
  std::string name;
  Member member;
  std::string meaning;
  double least = -1e300, most = 1e300;    // numbers, and each number of a list
  std::vector<std::string> choices = {};  // texts; any if empty

  /// "integer", "number", "true or false", ...
  std::string type() const;
};

const std::vector<ConfigKey>& config_keys();

nlohmann::ordered_json to_json(const Config& config);
/// Overwrites the keys that `json` holds. Throws ConfigError for one that is unknown (naming the nearest),
/// ill-typed or out of range, naming key, value and what was expected; then `config` is as it was. `source`
/// is named in messages.
void update_from_json(Config& config, const nlohmann::ordered_json& json, std::string_view source);
/// The same for one "key=value"; the value as JSON, or as a bare word.
void update_from_text(Config& config, std::string_view assignment);
/// The same for a file: an object of keys, or a run's config.json, which has one within it. Throws
/// ConfigError, naming the file, if it cannot be read or is neither.
void update_from_file(Config& config, const std::string& path);

struct Preset {
  std::string name;
  std::string meaning;
  Config config;
};
const std::vector<Preset>& presets();
/// The preset of that name, or the defaults with that environment. ConfigError for a name that is neither.
Config config_for(std::string_view preset_or_env);

}  // namespace saccade::rl
