// This program: its version, its libraries and the machine that it runs on.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace saccade::rl {

/// "0.1.0"
std::string version();

/// {"saccade", "compiler", "libraries", "instruction_set", "threads"}: as `saccade info` and config.json have
/// it.
nlohmann::ordered_json build_info();

}  // namespace saccade::rl
