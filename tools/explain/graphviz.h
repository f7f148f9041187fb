// Running graphviz's dot.
#pragma once

#include <optional>
#include <string>

namespace saccade::study {

/// What `dot -Tplain` answers to this graph; nothing where there is no dot, or it fails or takes longer than
/// ten seconds. It is found by PATH and started without a shell.
std::optional<std::string> run_dot(const std::string& graph);

}  // namespace saccade::study
