// saccade compare: what configurations came to, beside each other.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "rl/runs/comparison_results.h"

namespace saccade::pages {

/// The page is made from {tasks: [{name, threshold, settings, configurations: [{name, algorithm, settings,
/// iqm, improvement, steps, curve, runs}]}], over_tasks, done, runs}; an estimate is [value, low, high], and
/// settings are a text: those that all configurations share, and what one has for itself.
nlohmann::ordered_json to_json(const rl::ComparisonResults& results);

/// Replaces the file at once. Throws FormatError if it cannot be written.
void write_comparison(const std::string& path, const std::string& title,
                      const rl::ComparisonResults& results);

}  // namespace saccade::pages
