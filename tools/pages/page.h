// Writing a page: see assemble.h for what is in it.
#pragma once

#include <string>

namespace saccade::tools {

/// Throws FormatError, and leaves everything as it was, if `path` cannot be written.
void check_writable(const std::string& path);

/// Replaces the file at once. Throws FormatError if it cannot be written.
void write_page(const std::string& path, const std::string& html);

}  // namespace saccade::tools
