// The machine of a measurement.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace saccade::bench {

/// {"cpu", "cores", "instruction_set", "threads", "saccade", "compiler"}
nlohmann::ordered_json machine();
/// The same in a line of at most 80 columns.
std::string machine_line();

/// The seconds with three digits and their unit: "1.23 ms".
std::string time_text(double seconds);
/// Of an odd number of values the middle one, else the mean of the two.
double median(std::vector<double> values);

}  // namespace saccade::bench
