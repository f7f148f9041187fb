#include "tests/support/pages.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string_view>

#include "tests/support/catch.h"
#include "tests/support/command.h"
#include "tools/pages/assemble.h"

namespace saccade::test {

namespace {

std::size_t count(std::string_view text, std::string_view part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++n;
  return n;
}

// Addresses that are names, or in Chart.js' own comments. A page may well link to others: add them here.
constexpr std::array<std::string_view, 3> kAddresses = {
    "http://www.w3.org/2000/svg", "https://www.chartjs.org", "https://github.com/kurkle/color#readme"};

void check_addresses(std::string_view page) {
  for (const std::string_view scheme : {"http://", "https://", "ws://", "wss://"}) {
    for (std::size_t at = page.find(scheme); at != std::string::npos; at = page.find(scheme, at + 1)) {
      const std::string_view rest = page.substr(at);
      INFO(rest.substr(0, 80));
      CHECK(std::any_of(kAddresses.begin(), kAddresses.end(),
                        [&](std::string_view address) { return rest.starts_with(address); }));
    }
  }
}

}  // namespace

void check_page(const std::string& page, const std::string& name) {
  CHECK(page.rfind("<!DOCTYPE html>", 0) == 0);
  CHECK(page.size() < 2'000'000);
  CHECK_NOTHROW(nlohmann::json(page).dump());  // which throws for what is not UTF-8
  for (const char* load : {" src=", "<link", "@import", "url(", "fetch(", "import("}) {
    INFO(load);
    CHECK(page.find(load) == std::string::npos);
  }
  check_addresses(page);

  const std::string_view page_template = pages::web_file(name + ".html");
  std::size_t named = 0;
  for (const std::string_view file : pages::web_files()) {
    if (file.ends_with(".html")) continue;
    INFO(file);
    const std::size_t times = count(page_template, "\"" + std::string(file) + "\"");
    CHECK(times <= 1);
    CHECK(count(page, pages::web_file(file)) == times);
    named += times;
  }
  CHECK(named == count(page_template, " src=") + count(page_template, "<link"));
  CHECK(count(page, "<script type=\"application/json\" id=\"data\">") == 1);
}

bool has_node() {
  if (std::system("command -v node >/dev/null") == 0) return true;
  const char* ci = std::getenv("CI");
  INFO("CI=true, and there is no node here");
  CHECK_FALSE((ci != nullptr && std::string(ci) == "true"));
  return false;
}

nlohmann::ordered_json page_script(const std::string& script, const std::string& page,
                                   const std::string& expression) {
  const TemporaryFolder folder;
  write_file(folder.path("page.html"), page);
  write_file(folder.path("expression.txt"), expression);
  const std::string source = SACCADE_SOURCE_DIR;
  const Output output = run_shell(
      folder, fmt::format("node '{0}/tests/tools/page_script.mjs' '{0}/tools/pages/web/{1}' page.html "
                          "expression.txt",
                          source, script));
  INFO(output.err);
  REQUIRE(output.exit_code == 0);
  return nlohmann::ordered_json::parse(output.out);
}

}  // namespace saccade::test
