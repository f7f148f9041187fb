// Bytes as text (RFC 4648), for files of JSON.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace saccade {

std::string to_base64(std::string_view bytes);

/// Nothing for a text that to_base64() does not make.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace saccade
