// Printing that never throws: a full disk or a terminal that is gone must not end a run that is being saved.
// The stream remembers that something could not be written, and run_command_line() makes an error of it at
// the end.
#pragma once

#include <fmt/format.h>

#include <nlohmann/json_fwd.hpp>
#include <string_view>
#include <utility>

namespace saccade::cli {

void write_out(std::string_view text);
void write_err(std::string_view text);

/// To stdout, and to stderr after what stdout still holds.
template <class... Args>
void out(fmt::format_string<Args...> format, Args&&... args) {
  write_out(fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void err(fmt::format_string<Args...> format, Args&&... args) {
  write_err(fmt::format(format, std::forward<Args>(args)...));
}
/// A value on lines of its own, whatever its texts hold.
void out_json(const nlohmann::ordered_json& json);
void flush_out();

/// Opens /dev/null for each of stdin, stdout and stderr that is closed: a file opened later would take its
/// number, and what is printed its contents.
void open_standard_streams();

}  // namespace saccade::cli
