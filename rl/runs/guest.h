// What a run keeps of an environment that lives elsewhere: what it says of itself, for all that need not step
// it.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "envs/env.h"

namespace saccade::rl {

/// {"observation_space": {"low": [...], "high": [...]}, "action_space": {"n": 2}, ...}; null is a bound that
/// is infinite.
nlohmann::ordered_json guest_to_json(const envs::Spec& spec);

/// The way back, for a guest of this id. FormatError, naming the file, for what does not fit.
envs::Spec guest_from_json(const nlohmann::ordered_json& json, const std::string& id,
                           const std::string& path);

}  // namespace saccade::rl
