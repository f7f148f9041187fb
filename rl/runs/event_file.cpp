#include "rl/runs/event_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <utility>
#include <vector>

#include "base/error.h"

namespace saccade::rl {

namespace {

// Numbers of fields in tensorboard/compat/proto: event.proto, summary.proto, histogram.proto.
namespace event {
constexpr int kWallTime = 1, kStep = 2, kFileVersion = 3, kSummary = 5;
}
namespace summary {
constexpr int kValue = 1;
}
namespace value {
constexpr int kTag = 1, kSimpleValue = 2, kHistogram = 5;
}
namespace histogram_proto {
constexpr int kMin = 1, kMax = 2, kCount = 3, kSum = 4, kSumOfSquares = 5, kLimits = 6, kCounts = 7;
}

double wall_time() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// The polynomial is 0x1EDC6F41; its bits, like all bits here, stand in reverse.
constexpr std::array<std::uint32_t, 256> crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? crc >> 1 ^ 0x82F63B78U : crc >> 1;
    table[i] = crc;
  }
  return table;
}

// A CRC of data that holds its own CRC says little, so those that are stored are turned and shifted.
std::string masked_crc(std::string_view bytes) {
  const std::uint32_t crc = crc32c(bytes);
  return little_endian((crc >> 15 | crc << 17) + 0xA282EAD8U);
}

// What precedes a record's data.
constexpr std::size_t kLengthBytes = 8, kCrcBytes = 4, kHeadBytes = kLengthBytes + kCrcBytes;
std::string record_head(std::uint64_t size) {
  const std::string length = little_endian(size);
  return length + masked_crc(length);
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  static constexpr std::array<std::uint32_t, 256> table = crc_table();
  std::uint32_t crc = 0xFFFFFFFFU;
  for (const char c : bytes) crc = crc >> 8 ^ table[(crc ^ static_cast<unsigned char>(c)) & 0xFF];
  return ~crc;
}

std::string tf_record(std::string_view data) {
  return record_head(data.size()).append(data).append(masked_crc(data));
}

Summary& Summary::scalar(std::string_view tag, double value) {
  const Protobuf entry =
      Protobuf().string(value::kTag, tag).float32(value::kSimpleValue, static_cast<float>(value));
  message_.message(summary::kValue, entry);
  return *this;
}

Summary& Summary::histogram(std::string_view tag, std::span<const double> values) {
  std::vector<double> finite;
  std::copy_if(values.begin(), values.end(), std::back_inserter(finite),
               [](double x) { return std::isfinite(x); });
  if (finite.empty()) return *this;
  const auto [min, max] = std::minmax_element(finite.begin(), finite.end());
  constexpr std::size_t kBuckets = 30;
  std::vector<double> limits(kBuckets), counts(kBuckets);  // to the right of each
  for (std::size_t i = 0; i < kBuckets; ++i)
    limits[i] = std::lerp(*min, *max, static_cast<double>(i + 1) / static_cast<double>(kBuckets));
  double sum = 0, sum_of_squares = 0;
  for (const double x : finite) {
    const auto bucket = std::upper_bound(limits.begin(), limits.end() - 1, x) - limits.begin();
    ++counts[static_cast<std::size_t>(bucket)];
    sum += x;
    sum_of_squares += x * x;
  }
  const Protobuf shape = Protobuf()
                             .float64(histogram_proto::kMin, *min)
                             .float64(histogram_proto::kMax, *max)
                             .float64(histogram_proto::kCount, static_cast<double>(finite.size()))
                             .float64(histogram_proto::kSum, sum)
                             .float64(histogram_proto::kSumOfSquares, sum_of_squares)
                             .float64s(histogram_proto::kLimits, limits)
                             .float64s(histogram_proto::kCounts, counts);
  message_.message(summary::kValue, Protobuf().string(value::kTag, tag).message(value::kHistogram, shape));
  return *this;
}

EventFile::EventFile(std::string path) : file_(std::move(path)) {
  file_.add(tf_record(Protobuf()
                          .float64(event::kWallTime, wall_time())
                          .string(event::kFileVersion, "brain.Event:2")
                          .encoded()));
}

EventFile::EventFile(std::string path, std::int64_t size) : file_(std::move(path), size) {
  std::int64_t end = 0;  // of the records read so far
  while (end < size) {
    const std::string head = file_.read(end, kHeadBytes);
    std::uint64_t length = 0;
    for (std::size_t i = 0; i < kLengthBytes && i < head.size(); ++i)
      length |= std::uint64_t{static_cast<unsigned char>(head[i])} << (8 * i);
    if (head != record_head(length) || length > static_cast<std::uint64_t>(size)) break;
    end += static_cast<std::int64_t>(kHeadBytes + length + kCrcBytes);
  }
  if (size > 0 && end == size) return;
  throw FormatError(fmt::format("{}: has no event that ends at byte {}, where the checkpoint was made",
                                file_.path(), size));
}

void EventFile::add(std::int64_t step, const Summary& summary) {
  file_.add(tf_record(Protobuf()
                          .float64(event::kWallTime, wall_time())
                          .integer(event::kStep, step)
                          .message(event::kSummary, summary.message())
                          .encoded()));
}

}  // namespace saccade::rl
