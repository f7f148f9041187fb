#include "rl/runs/csv_file.h"

#include <fmt/format.h>

#include <utility>

#include "base/error.h"

namespace saccade::rl {

CsvFile::CsvFile(std::string path, const std::string& header) : file_(std::move(path)) { add_row(header); }

CsvFile::CsvFile(std::string path, std::int64_t size) : file_(std::move(path), size) {
  if (size > 0 && file_.read(size - 1, 1) == "\n") return;
  throw FormatError(
      fmt::format("{}: has no row that ends at byte {}, where the checkpoint was made", file_.path(), size));
}

}  // namespace saccade::rl
