#include "rl/runs/parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <new>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "envs/registry.h"
#include "envs/time_limit.h"
#include "nn/team.h"

namespace saccade::rl {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

namespace {

std::int64_t obs_dim(const envs::Spec& spec) {
  return static_cast<std::int64_t>(envs::size_of(spec.observation_space));
}

// "Pendulum-v1 has continuous actions (1 number)"
std::string describe_actions(const envs::Spec& spec) {
  if (const auto* choices = std::get_if<envs::Discrete>(&spec.action_space)) {
    return fmt::format("{} has discrete actions ({} choices)", spec.id, choices->n);
  }
  const std::size_t size = envs::size_of(spec.action_space);
  return fmt::format("{} has continuous actions ({} number{})", spec.id, size, size == 1 ? "" : "s");
}

void check_actions(const AlgorithmInfo& algorithm, const envs::Spec& spec) {
  const bool discrete = std::holds_alternative<envs::Discrete>(spec.action_space);
  const ActionKind kind = discrete ? ActionKind::discrete : ActionKind::box;
  if (algorithm.actions == kind) return;
  std::vector<std::string> others;
  for (const AlgorithmInfo& info : algorithms()) {
    if (info.actions == kind) others.push_back(info.name);
  }
  throw ConfigError(fmt::format("{}; {} needs {} ones{}", describe_actions(spec), algorithm.name,
                                discrete ? "continuous" : "discrete",
                                others.empty() ? "" : fmt::format(" (for these: {})", join(others))));
}

}  // namespace

envs::Spec spec_of(const Config& config) { return envs::make(config.run.env)->spec(); }

Rng run_rng(std::int64_t seed) { return Rng(static_cast<std::uint64_t>(seed)); }

std::int64_t member_capacity(const OffPolicyConfig& settings, std::int64_t members) {
  return (settings.buffer_size + members - 1) / members;
}

ReplayBuffer make_buffer(const Config& config) {
  const envs::Spec spec = spec_of(config);
  const auto action_width = static_cast<std::int64_t>(envs::size_of(spec.action_space));
  const OffPolicyConfig& settings = config.off_policy;
  if (settings.n_step > settings.buffer_size) {
    throw ConfigError(
        fmt::format("n_step is {}, expected at most buffer_size, {}", settings.n_step, settings.buffer_size));
  }
  const std::int64_t capacity = member_capacity(settings, nn::team_size());
  ReplayOptions options = {.discounts = settings.n_step > 1};
  if (settings.prioritized) options.priority_alpha = settings.priority_alpha;
  try {
    return {capacity, obs_dim(spec), action_width, options};
  } catch (const std::bad_alloc&) {
    const std::int64_t row = 4 * (2 * obs_dim(spec) + action_width + 2), rows = config.off_policy.buffer_size;
    throw ConfigError(fmt::format("buffer_size is {}: that takes {} bytes, more than there is memory for",
                                  rows, compact(static_cast<double>(rows) * static_cast<double>(row))));
  }
}

std::unique_ptr<envs::Env> make_env(std::string_view name) {
  std::unique_ptr<envs::Env> env = envs::make(name);
  if (env->spec().max_episode_steps > 0) return env;
  return std::make_unique<envs::TimeLimit>(std::move(env), kStepsOfEndless);
}

EnvFactory factory(const Config& config) {
  return [env = config.run.env] { return make_env(env); };
}

Rng evaluation_rng(std::int64_t seed) { return run_rng(seed).split("final evaluation"); }

std::optional<std::string> action_warning(const envs::Spec& spec) {
  constexpr double kWide = 100;
  const auto* box = std::get_if<envs::Box>(&spec.action_space);
  for (std::size_t i = 0; box != nullptr && i < box->low.size(); ++i) {
    const double low = box->low[i], high = box->high[i];
    if (std::max(std::abs(low), std::abs(high)) <= kWide) continue;
    return fmt::format(
        "{}: action[{}] ranges from {} to {}, and the policy's [-1, 1] will be stretched to that: is it "
        "meant?",
        spec.id, i, low, high);
  }
  return std::nullopt;
}

std::optional<std::string> changed_environment(const std::string& run, const RunInfo& info) {
  const std::string now = spec_of(info.config).fingerprint;
  if (info.fingerprint == now || info.fingerprint.empty()) return std::nullopt;
  return fmt::format("{}: the run began with {}, but {} is now made of {}", run, info.fingerprint,
                     info.config.run.env, now.empty() ? "something else" : now);
}

void check_networks_fit(const std::string& run, const Config& config) {
  const Json hidden = to_json(config).value("hidden", Json::array());
  const envs::Spec spec = spec_of(config);
  const auto width = [](const envs::Space& space) {  // a choice is one of n inputs or outputs
    const auto* choices = std::get_if<envs::Discrete>(&space);
    return static_cast<double>(choices != nullptr ? choices->n
                                                  : static_cast<std::int64_t>(envs::size_of(space)));
  };
  double weights = 0, before = width(spec.observation_space);  // of one network
  for (const Json& layer : hidden) {
    weights += before * layer.get<double>();
    before = layer.get<double>();
  }
  weights += before * width(spec.action_space);
  std::error_code gone;
  const std::string file = run_file(run, "checkpoint/weights.safetensors");
  const auto bytes = static_cast<double>(fs::file_size(file, gone));
  if (gone || weights <= bytes) return;  // what is gone is missed by who loads it
  throw FormatError(fmt::format(
      "{}: hidden is {}, networks of {} weights or more for {}, but {} has {} bytes",
      run_file(run, "config.json"), shown(hidden), compact(weights), spec.id, file, compact(bytes)));
}

std::unique_ptr<Agent> make_agent(const Config& config) {
  const envs::Spec spec = spec_of(config);
  check_actions(config.algorithm(), spec);
  const auto* choices = std::get_if<envs::Discrete>(&spec.action_space);
  const auto* states = std::get_if<envs::Discrete>(&spec.observation_space);
  const auto size = static_cast<std::int64_t>(envs::size_of(spec.action_space));
  return config.algorithm().make(
      config.own(), {.obs = states == nullptr ? ObsSize(obs_dim(spec)) : ObsSize(states->n, true),
                     .actions = choices == nullptr ? size : choices->n,
                     .rng = run_rng(config.run.seed)});
}

}  // namespace saccade::rl
