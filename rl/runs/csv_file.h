// A table on disk that grows row by row.
#pragma once

#include <cstdint>
#include <string>

namespace saccade::rl {

/// Each row is on its way to disk when add_row returns. Throws FormatError naming the file where it cannot be
/// written.
class CsvFile {
 public:
  /// A new file.
  CsvFile(std::string path, const std::string& header);
  /// One that had `size` bytes when the checkpoint was made. Throws FormatError if it is shorter by now, or
  /// if no row ends there.
  CsvFile(std::string path, std::int64_t size);
  ~CsvFile();
  CsvFile(const CsvFile&) = delete;
  CsvFile& operator=(const CsvFile&) = delete;

  /// Cuts off what was written after that checkpoint.
  void cut();
  void add_row(const std::string& row);
  /// Waits until all of it is on disk.
  void sync();
  std::int64_t size() const { return size_; }

 private:
  [[noreturn]] void fail(const char* what) const;
  std::string path_;
  std::int64_t size_ = 0;
  int descriptor_ = -1;
};

}  // namespace saccade::rl
