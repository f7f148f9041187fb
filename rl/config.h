// Settings: plain structs, each with a table that says for every key its member, meaning and range. JSON
// files, `--set`, the listing of `saccade config` and error messages all follow from the tables.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <limits>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace saccade::rl {

/// The task, and how the run is watched. Defaults are those usual for MuJoCo's tasks.
struct RunConfig {
  std::string env = "Pendulum-v1";
  std::int64_t seed = 1;
  std::int64_t steps = 1'000'000;
  std::int64_t envs = 1;
  std::int64_t eval_every = 10'000;
  std::int64_t eval_episodes = 10;
  std::int64_t final_eval_episodes = 20;
  std::int64_t checkpoint_every = 50'000;
  std::int64_t diagnose_every = 10'000;
};

/// Noise of actions while learning; see components/exploration_noise.h.
enum class Exploration { gaussian, pink, ou, held };

/// The settings of every algorithm that learns from a replay buffer.
struct OffPolicyConfig {
  std::int64_t learning_starts = 10'000;
  Exploration exploration = Exploration::gaussian;
  std::int64_t exploration_hold = 0;  // steps; 0: an episode
  double updates_per_step = 1;
  std::int64_t batch_size = 256;
  bool batch_per_process = false;
  std::int64_t buffer_size = 1'000'000;
  double reward_scale = 1;
  std::int64_t n_step = 1;
  bool prioritized = false;
  double priority_alpha = 0.6;
  double priority_beta = 0.4;
  std::int64_t priority_beta_steps = 100'000;
};

/// One setting of a struct of settings, whichever.
struct ConfigKey {
  /// As it stands in JSON. An enumerator is its name.
  using Value =
      std::variant<std::int64_t, double, bool, std::string, std::optional<double>, std::vector<std::int64_t>>;
  static constexpr double kNoLimit = std::numeric_limits<double>::infinity();

  std::string name, meaning;
  std::size_t kind = 0;                    // which of Value's alternatives
  double min = -kNoLimit, max = kNoLimit;  // of numbers, and of each number of a list
  std::vector<std::string> choices;        // of texts; any if empty
  std::function<Value(const void* settings)> get;
  std::function<void(void* settings, const Value& value)> set;

  /// "an integer", "a number", "true or false", ...
  std::string type() const;
  /// " from 0 to 1", or what else there is to say of the values it takes.
  std::string range() const;
};

template <class C, class T>
requires(!std::is_enum_v<T>) ConfigKey
    key(std::string name, T C::*member, std::string meaning, double min = -ConfigKey::kNoLimit,
        double max = ConfigKey::kNoLimit) {
  return {std::move(name),
          std::move(meaning),
          ConfigKey::Value(T{}).index(),
          min,
          max,
          {},
          [member](const void* c) { return ConfigKey::Value(static_cast<const C*>(c)->*member); },
          [member](void* c, const ConfigKey::Value& v) { static_cast<C*>(c)->*member = std::get<T>(v); }};
}

/// For an enumeration: the names of its values in their order, which count from 0.
template <class C, class E>
requires(std::is_enum_v<E>) ConfigKey
    key(std::string name, E C::*member, std::string meaning, const std::vector<std::string>& names) {
  ConfigKey key;
  key.name = std::move(name);
  key.meaning = std::move(meaning);
  key.kind = ConfigKey::Value(std::string()).index();
  key.choices = names;
  key.get = [member, names](const void* c) {
    return ConfigKey::Value(names.at(static_cast<std::size_t>(static_cast<const C*>(c)->*member)));
  };
  key.set = [member, names](void* c, const ConfigKey::Value& v) {
    std::size_t i = 0;
    while (names.at(i) != std::get<std::string>(v)) ++i;
    static_cast<C*>(c)->*member = static_cast<E>(i);
  };
  return key;
}

using ConfigKeys = std::vector<ConfigKey>;
const ConfigKeys& run_keys();
const ConfigKeys& off_policy_keys();

/// The smallest positive number that a key takes where 0 makes no sense, and the largest count.
inline constexpr double kSmallest = 1e-12, kLargestCount = 1e12;

ConfigKeys joined(std::initializer_list<ConfigKeys> parts);

/// The keys of networks and their learning that most algorithms have, for their structs that have members of
/// these names.
template <class C>
ConfigKeys actor_critic_keys() {
  return {
      key("hidden", &C::hidden, "widths of the hidden layers, of policy and critics alike", 1, 1e5),
      key("gamma", &C::gamma, "discount", 0, 1),
      key("tau", &C::tau, "step of the target networks towards the ones that learn", 0, 1),
      key("actor_lr", &C::actor_lr, "Adam's step size for the policy", kSmallest, 1),
      key("critic_lr", &C::critic_lr, "Adam's step size for the critics", kSmallest, 1),
      key("max_grad_norm", &C::max_grad_norm, "larger gradients are scaled down to it; null for as they are",
          kSmallest, 1e12),
      key("normalize_obs", &C::normalize_obs,
          "whether the networks see observations less their running mean, in running standard deviations"),
  };
}

/// Those of a temperature that is learned, for policies on [-1, 1]^n.
template <class C>
ConfigKeys temperature_keys() {
  return {
      key("alpha_lr", &C::alpha_lr, "Adam's step size for log alpha", kSmallest, 1),
      key("initial_alpha", &C::initial_alpha, "the temperature at the start", kSmallest, 1e6),
      key("target_entropy", &C::target_entropy, "of the policy on [-1, 1] actions; null for -dim(A)", -1e6,
          1e6),
  };
}

/// The same for methods that learn values alone.
template <class C>
ConfigKeys q_learning_keys() {
  return {
      key("hidden", &C::hidden, "widths of the hidden layers", 1, 1e5),
      key("gamma", &C::gamma, "discount", 0, 1),
      key("tau", &C::tau, "step of the target network towards the one that learns; 1 copies it", 0, 1),
      key("critic_lr", &C::critic_lr, "Adam's step size", kSmallest, 1),
      key("max_grad_norm", &C::max_grad_norm, "larger gradients are scaled down to it; null for as they are",
          kSmallest, 1e12),
      key("normalize_obs", &C::normalize_obs,
          "whether the network sees observations less their running mean, in running standard deviations"),
  };
}

const ConfigKey* find_key(const ConfigKeys& keys, std::string_view name);

/// Adds every key with its value to `json`.
void append_json(nlohmann::ordered_json& json, const ConfigKeys& keys, const void* settings);

/// Sets one key. Throws ConfigError naming `source`, key, value and what was expected if the value does not
/// fit; then nothing has changed.
void set_from_json(const ConfigKey& key, void* settings, const nlohmann::ordered_json& value,
                   std::string_view source);

}  // namespace saccade::rl
