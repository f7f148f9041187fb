// A table on disk that grows row by row.
#pragma once

#include <cstdint>
#include <string>

#include "rl/runs/append_file.h"

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

  /// Cuts off what was written after that checkpoint.
  void cut() { file_.cut(); }
  void add_row(const std::string& row) { file_.add(row + '\n'); }
  /// Waits until all of it is on disk.
  void sync() { file_.sync(); }
  std::int64_t size() const { return file_.size(); }

 private:
  AppendFile file_;
};

}  // namespace saccade::rl
