// How pages are put together from tools/pages/web.

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "tests/support/catch.h"
#include "tests/support/command.h"
#include "tests/support/pages.h"
#include "tools/pages/assemble.h"

using namespace saccade;
using namespace saccade::test;
using Catch::Contains;
using Json = nlohmann::ordered_json;

namespace {

namespace fs = std::filesystem;

const std::string kWeb = std::string(SACCADE_SOURCE_DIR) + "/tools/pages/web";

}  // namespace

TEST_CASE("the program holds the files of tools/pages/web as they are", "[pages]") {
  std::size_t files = 1;  // Chart.js
  for (const fs::directory_entry& entry : fs::directory_iterator(kWeb)) {
    const std::string name = entry.path().filename().string();
    INFO(name);
    CHECK(pages::web_file(name) == read_file(entry.path().string()));
    ++files;
  }
  CHECK(pages::web_files().size() == files);
  CHECK_THAT(std::string(pages::web_file("chart.min.js").substr(0, 100)), Contains("Chart.js v3"));
  CHECK_THROWS_WITH(pages::web_file("absent.js"), Contains("absent.js"));
}

TEST_CASE("no style sheet or script can end its own element", "[pages]") {
  for (const std::string_view name : pages::web_files()) {
    if (name.ends_with(".html")) continue;
    INFO(name);
    for (const char* end : {"</script", "</style", "<!--"}) {
      CHECK(pages::web_file(name).find(end) == std::string::npos);
    }
  }
}

TEST_CASE("every page is one file with each of its parts once", "[pages]") {
  int pages = 0;
  for (const std::string_view file : pages::web_files()) {
    if (!file.ends_with(".html")) continue;
    const std::string name(file.substr(0, file.find('.')));
    INFO(name);
    check_page(pages::assemble(name, Json::object()), name);
    ++pages;
  }
  CHECK(pages >= 2);
  CHECK_THROWS_AS(pages::assemble("absent", Json::object()), Error);
}

TEST_CASE("text in a page's data can end neither the element nor the page", "[pages]") {
  const Json data = {{"title", "</script><script>alert(1)</script><!--<script>"}, {"number", NAN}};
  const std::string page = pages::assemble("recording", data);
  CHECK(page_data(page).at("title") == data.at("title"));
  CHECK(page_data(page).at("number").is_null());
  CHECK(page.size() == pages::assemble("recording", {{"title", ""}, {"number", NAN}}).size() +
                           data.at("title").get<std::string>().size() + 5 * 5);  // "\u003c" for each '<'
  check_page(pages::assemble("recording", {{"title", "\xff"}}), "recording");
}

TEST_CASE("node parses every script of the pages", "[pages]") {
  if (!has_node()) return;
  for (const fs::directory_entry& entry : fs::directory_iterator(kWeb)) {
    if (entry.path().extension() != ".js") continue;
    INFO(entry.path());
    CHECK(std::system(("node --check '" + entry.path().string() + "'").c_str()) == 0);
  }
}
