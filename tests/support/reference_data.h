// Facts that other systems produced, kept in tests/reference: what ours is checked against.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace saccade::tests {

/// Where the file of this name is, such as "gym_classic.json": in the folder that the environment variable
/// SACCADE_REFERENCE names, or else in tests/reference.
std::string reference_path(const std::string& name);

/// The contents of that file. Throws FormatError when it cannot be read.
nlohmann::json reference(const std::string& name);

/// A number, or one of the strings that stand for those that JSON lacks: "NaN", "Infinity", "inf" and their
/// negatives. Throws FormatError for anything else.
double number(const nlohmann::json& value);

/// Every number of an array.
std::vector<double> numbers(const nlohmann::json& array);

}  // namespace saccade::tests
