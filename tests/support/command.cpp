#include "tests/support/command.h"

#include <fmt/format.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/text.h"
#include "tests/support/catch.h"

namespace saccade::test {

namespace fs = std::filesystem;

TemporaryFolder::TemporaryFolder() : path_((fs::temp_directory_path() / "saccade-test-XXXXXX").string()) {
  REQUIRE(mkdtemp(path_.data()) != nullptr);
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::string TemporaryFolder::path(const std::string& name) const {
  return name.empty() ? path_ : path_ + "/" + name;
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  INFO(path);
  REQUIRE(file);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  INFO(path);
  REQUIRE(file);
}

nlohmann::ordered_json page_data(const std::string& page) {
  const std::string open = "<script type=\"application/json\" id=\"data\">";
  const std::size_t start = page.find(open), end = page.find("</script>", start);
  REQUIRE(start != std::string::npos);
  REQUIRE(end != std::string::npos);
  return nlohmann::ordered_json::parse(page.substr(start + open.size(), end - start - open.size()));
}

std::map<std::string, std::string> snapshot(const std::string& folder) {
  std::map<std::string, std::string> files;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    files[entry.path().string()] = entry.is_regular_file() ? read_file(entry.path().string()) : "a folder";
  }
  return files;
}

Output run_shell(const TemporaryFolder& folder, const std::string& line) {
  const TemporaryFolder elsewhere;
  const std::string errors = elsewhere.path("stderr");
  std::FILE* pipe =
      popen(fmt::format("cd '{}' && {{ {}\n}} 2>'{}'", folder.path(), line, errors).c_str(), "r");
  REQUIRE(pipe != nullptr);
  Output output;
  std::array<char, 4096> buffer;
  while (const std::size_t n = std::fread(buffer.data(), 1, buffer.size(), pipe))
    output.out.append(buffer.data(), n);
  const int status = pclose(pipe);
  output.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  output.err = read_file(errors);
  return output;
}

Output run_command(const TemporaryFolder& folder, const std::string& arguments,
                   const std::string& environment) {
  return run_shell(folder, fmt::format("{} '{}' {}", environment, SACCADE_BINARY, arguments));
}

std::size_t widest(std::string text) {
  const std::string binary = SACCADE_BINARY;
  for (std::size_t at; (at = text.find(binary)) != std::string::npos;)
    text.replace(at, binary.size(), "saccade");
  std::size_t widest = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) widest = std::max(widest, columns(line));
  return widest;
}

}  // namespace saccade::test
