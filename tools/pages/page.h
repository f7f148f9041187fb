// HTML files that hold all they need.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace saccade::tools {

/// Throws FormatError, and leaves everything as it was, if `path` cannot be written.
void check_writable(const std::string& path);

/// Replaces the file at once. Throws FormatError if it cannot be written.
void write_page(const std::string& path, const std::string& html);

/// Follows a page's data, which are the text of its last element: the beginning of the script, with what all
/// pages' scripts use.
extern const char* const kScriptStart;

/// As JSON that no text in it can end the <script> element of. Numbers that are not finite become null.
std::string embedded(const nlohmann::ordered_json& json);

}  // namespace saccade::tools
