// What a run is made of, by its configuration: environment, agent, replay buffer, randomness.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "envs/env.h"
#include "rl/agent.h"
#include "rl/components/replay_buffer.h"
#include "rl/components/vector_env.h"
#include "rl/runs/run_folder.h"

namespace saccade::rl {

/// The environment of this name as runs have it: an episode of one without a time limit is truncated after
/// kStepsOfEndless steps, since a policy that walks in circles would never end an evaluation.
std::unique_ptr<envs::Env> make_env(std::string_view name);
constexpr std::int64_t kStepsOfEndless = 1000;

/// Makes those of a configuration.
EnvFactory factory(const Config& config);

/// What the configuration's environment says of itself.
envs::Spec spec_of(const Config& config);

/// All randomness of a run with this seed follows from it.
Rng run_rng(std::int64_t seed);

/// Where the episodes of a last evaluation start: with the same seed, `saccade eval` repeats what training
/// ended with.
Rng evaluation_rng(std::int64_t seed);

/// A warning about an action space that reaches beyond 100, if this one does.
std::optional<std::string> action_warning(const envs::Spec& spec);

/// A complaint if a run's environment is made of something else than when the run began, such as another
/// model.
std::optional<std::string> changed_environment(const std::string& run, const RunInfo& info);

/// FormatError where a run's configuration asks for networks that its checkpoint is too small for: a
/// stranger's may ask for more than there is memory.
void check_networks_fit(const std::string& run, const Config& config);

/// An untrained agent for this configuration. ConfigError where the algorithm cannot have the environment's
/// action space.
std::unique_ptr<Agent> make_agent(const Config& config);

/// How many transitions each of so many processes keeps.
std::int64_t member_capacity(const OffPolicyConfig& settings, std::int64_t members);

/// An empty replay buffer for this configuration; in a team, this member's part of it. ConfigError where
/// n_step is longer than it, or memory too short for it.
ReplayBuffer make_buffer(const Config& config);

}  // namespace saccade::rl
