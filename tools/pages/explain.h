// saccade explain --html: a graph and its backward pass as a page to step through.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "autograd/explain.h"

namespace saccade::pages {

/// The explanation: {nodes, steps, ...}. Tensors are {type, values} or, where they are large, {type, heat,
/// low, high, mean}: means of blocks, at most 16 x 16 of them, rows first.
nlohmann::ordered_json to_json(const Explanation& explanation);

/// "y = tanh x;  dx = g (1 - y^2)", as the suite of gradient checks has it; "" for an op that is not known.
std::string formula_of(const std::string& op);

/// The page's data: the explanation, and drawings of it with scopes open or closed.
nlohmann::ordered_json explain_page_data(const Explanation& explanation, const std::string& title,
                                         const std::string& formula);

/// Replaces the file at once. Throws FormatError if it cannot be written.
void write_explain_page(const std::string& path, const Explanation& explanation, const std::string& title,
                        const std::string& formula);

}  // namespace saccade::pages
