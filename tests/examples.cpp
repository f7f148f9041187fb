// The programs in examples/ do what envs/README.md says.

#include <catch2/catch.hpp>
#include <sstream>
#include <string>

#include "tests/command.h"

using namespace saccade::test;

TEST_CASE("the example of an environment of one's own learns", "[examples]") {
  const TemporaryFolder folder;
  const std::string command = std::string(SACCADE_EXAMPLE) + " > '" + folder.path("output") + "'";
  REQUIRE(std::system(command.c_str()) == 0);
  std::istringstream lines(read_file(folder.path("output")));
  std::vector<double> returns;
  for (std::string line; std::getline(lines, line);) {
    const std::string mark = ": return ";
    REQUIRE(line.find(mark) != std::string::npos);
    returns.push_back(std::stod(line.substr(line.find(mark) + mark.size())));
  }
  REQUIRE(returns.size() == 3);
  CHECK(returns.back() > -20);
}
