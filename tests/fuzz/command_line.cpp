// Any words as arguments, one a line: the command ends with an exit status. The last word is an option that
// there is not, so that nothing is trained or written.
#include "tools/cli/command_line.h"

#include <sstream>
#include <string>
#include <vector>

#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::string> words = {"saccade"};
  std::istringstream lines{std::string(saccade::fuzz::text_of(data, size))};
  for (std::string word; std::getline(lines, word) && words.size() < 30;) {
    if (word.find('\0') == std::string::npos) words.push_back(word);
  }
  if (words.size() > 1 && words[1] != "--help" && words[1] != "--version")
    words.emplace_back("--no-such-option");
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const int status = saccade::cli::run_command_line(static_cast<int>(words.size()), argv.data());
  saccade::fuzz::check(status >= 0 && status <= 2, "the exit status is 0, 1 or 2");
  return 0;
}
