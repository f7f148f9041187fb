// Pages are files in web/, which the program holds; an assembled one needs no other file and no network.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace saccade::pages {

/// web/NAME.html with the data in its empty <script id="data">, and in place of each line that names a style
/// sheet or script, that file's text. No text in the data can end the element that holds them; numbers that
/// are not finite become null. Throws Error where there is no such page.
std::string assemble(std::string_view name, const nlohmann::ordered_json& data);

/// The number to five digits, which is all that a page shows: its data are half as long.
double shortened(double x);

/// Whether a file is such a page.
bool is_page(const std::string& path, std::string_view name);

/// Throws FormatError where web/NAME.html cannot be written, such as over a folder or a device, and
/// ConfigError where it would take the place of a file that is no such page, unless `force` says so. Links
/// are followed.
void check_page_path(const std::string& path, std::string_view name, bool force);

/// A file of web/, or chart.min.js, which is Chart.js. Throws Error where there is none of that name.
std::string_view web_file(std::string_view name);
/// The names of all of them.
std::vector<std::string_view> web_files();

}  // namespace saccade::pages
