// What a stranger needs to act with a run's weights, as the metadata of their file.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "envs/env.h"
#include "nn/formats/safetensors.h"
#include "rl/agent.h"
#include "rl/runs/config.h"

namespace saccade::rl {

/// A space in words: {"size", "low", "high"}, with null for a bound that is infinite, or {"choices"}.
nlohmann::ordered_json space_json(const envs::Space& space);

/// Texts, of which those that begin with { or [ are JSON; docs/formats.md explains each:
///
///     about, env, algorithm, saccade     what it is, and of which version
///     observation, action                the environment's spaces
///     policy                             the steps from an observation to the best action, in order, with
///     the
///                                        names of the file's tensors and the step's formula
///     draw                               how an action is drawn instead, if the policy draws
///     critics                            for each critic the steps from an observation, and an action in
///                                        [-1, 1] behind it, to Q
///
/// The last three are missing of an agent that does not say.
nn::safetensors::Metadata about_weights(const Config& config, const envs::Spec& spec, const Agent& agent);

}  // namespace saccade::rl
