#include "tools/pages/assemble.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <system_error>

#include "base/error.h"
#include "base/files.h"

namespace saccade::pages {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kData = R"(<script type="application/json" id="data"></script>)";

// A line of a template that names a file, between `open` and `close`, and what goes around the file's text
// instead.
struct Reference {
  std::string_view open, close, before, after;
};
constexpr std::array kReferences = {
    Reference{R"(<link rel="stylesheet" href=")", R"(">)", "<style>\n", "</style>"},
    Reference{R"(<script src=")", R"("></script>)", "<script>\n", "</script>"},
};

// A '<' could begin the </script> that ends the element too early.
std::string data_element(const Json& json) {
  const std::string_view end = "</script>";
  std::string text(kData.substr(0, kData.size() - end.size()));
  for (const char c : json.dump(-1, ' ', false, Json::error_handler_t::replace)) {
    c == '<' ? text += "\\u003c" : text += c;
  }
  return text.append(end);
}

std::string expanded(std::string_view line, const Json& data) {
  if (line == kData) return data_element(data);
  for (const auto& [open, close, before, after] : kReferences) {
    if (!line.starts_with(open) || !line.ends_with(close)) continue;
    const std::string_view name = line.substr(open.size(), line.size() - open.size() - close.size());
    return fmt::format("{}{}{}", before, web_file(name), after);
  }
  return std::string(line);
}

}  // namespace

std::string assemble(std::string_view name, const Json& data) {
  std::string_view rest = web_file(fmt::format("{}.html", name));
  std::string page;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    page += expanded(line, data) + "\n";
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
  }
  return page;
}

double shortened(double x) {
  if (x == 0 || !std::isfinite(x)) return x;
  const double scale = std::pow(10, 4 - std::floor(std::log10(std::abs(x))));
  return std::isfinite(scale) && scale > 0 ? std::round(x * scale) / scale : x;
}

namespace {

// Every page of a name has its title, which is a line of web/NAME.html.
std::string_view title_of(std::string_view name) {
  constexpr std::string_view kOpen = "<title>";
  const std::string_view page = web_file(fmt::format("{}.html", name));
  const std::size_t start = page.find(kOpen) + kOpen.size();
  return page.substr(start, page.find("</title>") - start);
}

}  // namespace

bool is_page(const std::string& path, std::string_view name) {
  std::string head(2000, ' ');
  std::ifstream(path).read(head.data(), static_cast<std::streamsize>(head.size()));
  return head.find(fmt::format("<title>{}", title_of(name))) != std::string::npos;
}

void check_page_path(const std::string& path, std::string_view name, bool force) {
  check_writable(path);
  std::error_code error;
  if (force || !std::filesystem::exists(path, error) || is_page(path, name)) return;
  throw ConfigError(fmt::format("{}: is there already, and is no page called \"{}\"; --force replaces it",
                                path, title_of(name)));
}

}  // namespace saccade::pages
