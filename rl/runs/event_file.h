// TensorBoard's event files: a row of TFRecords, each an Event message with the values of one step.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/protobuf.h"
#include "rl/runs/append_file.h"

namespace saccade::rl {

/// What is said of one step. Scalars are `simple_value`s and histograms HistogramProtos, as PyTorch's
/// SummaryWriter and so Stable-Baselines3 write them: TensorBoard finds their plugins by themselves, and
/// other readers of event files know them too.
class Summary {
 public:
  /// As a float32. TensorBoard shows a NaN or an infinity as such.
  Summary& scalar(std::string_view tag, double value);
  /// How the values are distributed, in 30 buckets of equal width, each without its right end but for the
  /// last. What is not finite is left out; where nothing is left, so is the histogram.
  Summary& histogram(std::string_view tag, std::span<const double> values);

  bool empty() const { return message_.empty(); }
  const Protobuf& message() const { return message_; }

 private:
  Protobuf message_;
};

/// Each event is on its way to disk, in one write, when add() returns. Throws FormatError naming the file
/// where it cannot be written.
class EventFile {
 public:
  /// A new file. TensorBoard reads those with "tfevents" in their names.
  explicit EventFile(std::string path);
  /// One that had `size` bytes when the checkpoint was made. Throws FormatError if it is shorter by now, or
  /// if no event ends there.
  EventFile(std::string path, std::int64_t size);

  /// Cuts off what was written after that checkpoint.
  void cut() { file_.cut(); }
  void add(std::int64_t step, const Summary& summary);
  /// Waits until all of it is on disk.
  void sync() { file_.sync(); }
  std::int64_t size() const { return file_.size(); }

 private:
  AppendFile file_;
};

/// CRC-32C (Castagnoli; RFC 3720, B.4) of the bytes.
std::uint32_t crc32c(std::string_view bytes);

/// The record with this data: its length (u64), the length's checksum, the data, the data's checksum. A
/// checksum is a CRC-32C, masked as TFRecords have it.
std::string tf_record(std::string_view data);

}  // namespace saccade::rl
