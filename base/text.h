// Small helpers for messages.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace saccade {

/// The candidate with the smallest edit distance to `word`, or "" when none is near enough to be a likely
/// misspelling.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

/// "a, b, c"
std::string join(const std::vector<std::string>& words, std::string_view separator = ", ");

}  // namespace saccade
