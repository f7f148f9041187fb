// docs/tour: what each chapter quotes is what its program prints, draws and says.

#include <fmt/format.h>

#include <filesystem>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/command.h"

using namespace saccade::test;
using Catch::Contains;

namespace {

namespace fs = std::filesystem;

const fs::path kTour = SACCADE_SOURCE_DIR "/docs/tour";

// The chapters' names, such as 01_gradient, in order.
std::set<std::string> chapters() {
  std::set<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(kTour)) {
    const fs::path path = entry.path();
    if (path.extension() == ".md" && path.stem() != "README") names.insert(path.stem().string());
  }
  return names;
}

std::string text_of(const std::string& name, const std::string& extension) {
  return read_file((kTour / (name + extension)).string());
}

// The fenced blocks of that kind.
std::vector<std::string> blocks(const std::string& text, const std::string& kind) {
  std::vector<std::string> found;
  const std::string opening = "\n```" + kind + "\n";
  for (std::size_t at = 0; (at = text.find(opening, at)) != std::string::npos;) {
    at += opening.size();
    const std::size_t end = text.find("```\n", at);
    REQUIRE(end != std::string::npos);
    found.push_back(text.substr(at, end - at));
    at = end;
  }
  return found;
}

}  // namespace

TEST_CASE("the tour's list has every chapter, and each has its program", "[tour]") {
  const std::set<std::string> names = chapters();
  CHECK(names.size() == 10);
  const std::string list = read_file((kTour / "README.md").string());
  int number = 0;
  for (const std::string& name : names) {
    INFO(name);
    CHECK(name.starts_with(fmt::format("{:02}_", ++number)));
    CHECK(fs::exists(kTour / (name + ".cpp")));
    const std::string text = text_of(name, ".md");
    CHECK(blocks(text, "output").size() == 1);
    CHECK(text.starts_with(fmt::format("# {}. ", number)));
    CHECK_THAT(text, Contains(fmt::format("\n    tools/tour.sh {}\n", number)));
    const std::string title = text.substr(text.find(". ") + 2, text.find('\n') - text.find(". ") - 2);
    CHECK_THAT(list, Contains(fmt::format("\n| {} | [{}]({}.md) |", number, title, name)));
  }
}

TEST_CASE("the tour's programs print what the chapters quote, and draw their pictures", "[tour][slow]") {
  for (const std::string& name : chapters()) {
    for (const std::string isa : {"", "SACCADE_ISA=sse2"}) {
      if (!isa.empty() && name == "10_sac") continue;  // seconds, and learning.cpp has it
      INFO(isa << " " << name);
      const TemporaryFolder folder;
      const Output output =
          run_shell(folder, fmt::format("{} '{}/tour_{}' picture.svg", isa, SACCADE_TOUR, name.substr(0, 2)));
      INFO(output.err);
      CHECK(output.exit_code == 0);
      CHECK(blocks(text_of(name, ".md"), "output") == std::vector<std::string>{output.out});
      const std::string drawn = read_file(folder.path("picture.svg")), shown = text_of(name, ".svg");
      CHECK_THAT(text_of(name, ".md"), Contains("](" + name + ".svg)"));
      if (name != "10_sac") {
        CHECK(drawn == shown);
      } else {  // what is learned has other digits on other processors
        const std::regex digits("[-0-9.]+");
        CHECK(std::regex_replace(drawn, digits, "") == std::regex_replace(shown, digits, ""));
      }
    }
  }
}

TEST_CASE("the tour quotes micro.cpp, its own programs and what is there", "[tour]") {
  const TemporaryFolder folder;
  const std::string micro = run_shell(folder, fmt::format("'{}'", SACCADE_MICRO)).out;
  const std::string source = read_file(SACCADE_SOURCE_DIR "/examples/micro.cpp");
  int quotes = 0, code = 0, links = 0;
  std::set<std::string> texts = chapters();
  texts.insert("README");
  for (const std::string& name : texts) {
    INFO(name);
    const std::string text = text_of(name, ".md");
    for (const std::string& block : blocks(text, "micro")) {
      ++quotes;
      CHECK_THAT(micro, Contains(block));
    }
    for (const std::string& block : blocks(text, "cpp")) {
      ++code;
      CHECK_THAT(source + text_of(name, ".cpp"), Contains(block));
    }
    const std::regex link(R"(\]\(([^)#]*))");
    for (std::sregex_iterator at(text.begin(), text.end(), link), end; at != end; ++at, ++links) {
      const std::string target = (*at)[1];
      INFO(target);
      CHECK(fs::exists(kTour / target));
    }
  }
  CHECK(quotes > 0);
  CHECK(code > 2);
  CHECK(links > 20);
}

TEST_CASE("tour.sh names the chapters if it is given none", "[tour]") {
  const TemporaryFolder folder;
  for (const std::string number : {"", "0", "11", "x", "1 2"}) {
    INFO(number);
    const Output output = run_shell(folder, SACCADE_SOURCE_DIR "/tools/tour.sh " + number);
    CHECK(output.exit_code == 2);
    CHECK(output.out.empty());
    CHECK_THAT(output.err, Contains("usage: tools/tour.sh N") && Contains("\n  1. What a gradient is\n") &&
                               Contains("\n  10. SAC trains\n"));
  }
}
