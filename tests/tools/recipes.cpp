// CONTRIBUTING.md's recipes, followed to the letter in a copy of the tree, which must then build without a
// warning and do what they promise.
#include <fmt/format.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <regex>
#include <string>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/command.h"

using namespace saccade;
using test::read_file;
using test::write_file;
namespace fs = std::filesystem;

namespace {

// A file to make, or lines to put beside a marker in one.
struct Edit {
  std::string path, where, marker, code;
};

std::vector<Edit> recipes() {
  const std::string text = read_file(SACCADE_SOURCE_DIR "/CONTRIBUTING.md");
  const std::regex pattern(
      R"re((?:^|\n)`([^`\n]+)`(?:, (before|after) `([^`\n]+)`)?:\n\n```cpp\n([^]*?)```)re");
  std::vector<Edit> edits;
  for (std::sregex_iterator at(text.begin(), text.end(), pattern), end; at != end; ++at) {
    edits.push_back({(*at)[1], (*at)[2], (*at)[3], (*at)[4]});
  }
  return edits;
}

void apply(const Edit& edit, const std::string& tree) {
  INFO(edit.path << " " << edit.where << " " << edit.marker);
  const std::string path = tree + "/" + edit.path;
  if (edit.where.empty()) {
    CHECK_FALSE(fs::exists(path));
    write_file(path, edit.code);
    return;
  }
  std::string text = read_file(path);
  const std::size_t at = text.find(edit.marker);
  REQUIRE(at != std::string::npos);
  CHECK(text.find(edit.marker, at + 1) == std::string::npos);
  const std::size_t line = edit.where == "before" ? text.rfind('\n', at) + 1 : text.find('\n', at) + 1;
  write_file(path, text.insert(line, edit.where == "before" ? edit.code + "\n" : edit.code));
}

void run(const std::string& command) {
  INFO(command);
  const int status = std::system((command + " >/dev/null").c_str());
  CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 0));
}

}  // namespace

TEST_CASE("a recipe names places that exist, once", "[recipes]") {
  const std::vector<Edit> edits = recipes();
  CHECK(edits.size() >= 16);
  for (const Edit& edit : edits) {
    INFO(edit.path << ": " << edit.marker);
    const std::string path = SACCADE_SOURCE_DIR "/" + edit.path;
    CHECK(fs::exists(path) == !edit.where.empty());
    if (edit.where.empty()) continue;
    const std::string text = read_file(path);
    const std::size_t at = text.find(edit.marker);
    CHECK(at != std::string::npos);
    CHECK(text.find(edit.marker, at + 1) == std::string::npos);
  }
}

TEST_CASE("the recipes work word for word", "[.long]") {
  const test::TemporaryFolder folder;
  const std::string tree = folder.path("tree"), build = folder.path("build");
  fs::create_directory(tree);
  for (const fs::directory_entry& entry : fs::directory_iterator(SACCADE_SOURCE_DIR)) {
    const std::string name = entry.path().filename().string();
    if (name == ".git" || name.starts_with("build") || name == "runs") continue;
    fs::copy(entry.path(), tree + "/" + name, fs::copy_options::recursive);
  }
  for (const Edit& edit : recipes()) apply(edit, tree);
  run(fmt::format("cmake -S '{}' -B '{}' -DCMAKE_BUILD_TYPE=Release -DSACCADE_WERROR=ON", tree, build));
  run(fmt::format("cmake --build '{}' -j 2 --target saccade_tests", build));

  const std::string saccade = "cd '" + folder.path() + "' && '" + build + "/saccade' ";
  const std::string tests = "'" + build + "/tests/saccade_tests' ";
  run(saccade + "gradcheck --filter softsign");
  run(saccade + "gradcheck --filter softsign --dtype f32");
  run(saccade + "gradcheck --mutate --filter softsign");
  run(saccade + "gradcheck --filter Scale");
  run(tests + "'every op declared in ops.h has a row in the table'");
  run(tests + "'SignSgd takes steps of one size'");
  run(tests + "'[envs],[recording],[ops],[gradcheck]'");
  run(saccade +
      "train target --quiet --steps 300 --set learning_starts=100 --set 'hidden=[16]' --set batch_size=16");
  run(saccade + "train pendulum --algo random --set spread=0.5 --steps 1500 --quiet --run random");
  run(saccade + "train --resume random --steps 2000 --quiet");
  run(saccade + "eval random --episodes 2 --record random.html");
  CHECK_THAT(read_file(folder.path("random/progress.csv")), Catch::Contains("terminated,reward,seconds"));
  run(saccade + "hello | grep -qx Hello.");
  run(saccade + "explain hinge | grep -q relu");
}
