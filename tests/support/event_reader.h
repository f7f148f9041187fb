// Reads event files as their format says, with none of the code that writes them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace saccade::test {

/// A message's fields in their order: a number (its bits), or bytes.
struct ProtoField {
  int number = 0;
  int wire = 0;  // 0 varint, 1 64 bits, 2 bytes, 5 32 bits
  std::uint64_t bits = 0;
  std::string bytes = {};

  double as_double() const;
  float as_float() const;
  /// Of a packed list.
  std::vector<double> as_doubles() const;
};
/// Throws std::runtime_error where it is no message.
std::vector<ProtoField> read_message(const std::string& bytes);

/// The data of every record. Throws std::runtime_error for a wrong checksum, or a file that ends within a
/// record.
std::vector<std::string> read_records(const std::string& file);

struct Histogram {
  double min = 0, max = 0, count = 0, sum = 0, sum_of_squares = 0;
  std::vector<double> limits, counts;
};

struct Event {
  double wall_time = 0;
  std::int64_t step = 0;
  std::string file_version;
  std::vector<std::pair<std::string, float>> scalars;
  std::vector<std::pair<std::string, Histogram>> histograms;
};
std::vector<Event> read_events(const std::string& file);

/// Each tag's values with their steps, in the order of the file.
using Series = std::map<std::string, std::vector<std::pair<std::int64_t, float>>>;
Series read_scalars(const std::string& file);

}  // namespace saccade::test
