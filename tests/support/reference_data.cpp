#include "tests/support/reference_data.h"

#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <limits>

#include "base/error.h"

namespace saccade::tests {

std::string reference_path(const std::string& name) {
  const char* folder = std::getenv("SACCADE_REFERENCE");
  return fmt::format("{}/{}", folder != nullptr ? folder : SACCADE_REFERENCE_DIR, name);
}

nlohmann::json reference(const std::string& name) {
  const std::string path = reference_path(name);
  std::ifstream file(path);
  if (!file) {
    throw FormatError(
        fmt::format("{}: cannot be opened (SACCADE_REFERENCE names another folder to look in)", path));
  }
  try {
    return nlohmann::json::parse(file);
  } catch (const nlohmann::json::parse_error& error) {
    throw FormatError(fmt::format("{}: {}", path, error.what()));
  }
}

double number(const nlohmann::json& value) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (value.is_number()) return value.get<double>();
  if (value == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (value == "Infinity" || value == "inf") return infinity;
  if (value == "-Infinity" || value == "-inf") return -infinity;
  throw FormatError(fmt::format("{} was given, but a number is expected", value.dump()));
}

std::vector<double> numbers(const nlohmann::json& array) {
  if (!array.is_array()) {
    throw FormatError(fmt::format("{} was given, but an array of numbers is expected", array.dump()));
  }
  std::vector<double> all;
  for (const nlohmann::json& value : array) all.push_back(number(value));
  return all;
}

}  // namespace saccade::tests
