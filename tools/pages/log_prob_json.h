// What web/log_prob_chart.js draws, in every page that has it.
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace saccade::pages {

/// suite::log_prob_errors() as {u, curves: [{form, dtype, value, gradient}]}.
nlohmann::ordered_json log_prob_json();

}  // namespace saccade::pages
