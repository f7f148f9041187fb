// Where a run stands, as JSON: a checkpoint's state.json, and what processes tell each other.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "rl/components/train_state.h"

namespace saccade::rl {

nlohmann::ordered_json state_json(const TrainState& state);
/// Throws FormatError or nlohmann's exceptions for what is none; then `state` is of no use.
void read_state(const nlohmann::ordered_json& json, TrainState& state);

}  // namespace saccade::rl
