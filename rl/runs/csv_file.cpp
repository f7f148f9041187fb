#include "rl/runs/csv_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/error.h"

namespace saccade::rl {

CsvFile::CsvFile(std::string path, const std::string& header) : path_(std::move(path)) {
  descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (descriptor_ < 0) fail("cannot be made");
  add_row(header);
}

CsvFile::CsvFile(std::string path, std::int64_t size) : path_(std::move(path)), size_(size) {
  descriptor_ = ::open(path_.c_str(), O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (descriptor_ < 0) fail("cannot be opened");
  const std::int64_t found = ::lseek(descriptor_, 0, SEEK_END);
  char last = 0;
  const bool ends_a_row = size > 0 && ::pread(descriptor_, &last, 1, size - 1) == 1 && last == '\n';
  if (found >= size && ends_a_row) return;
  ::close(descriptor_);
  throw FormatError(
      found < size
          ? fmt::format("{}: has {} bytes, expected the {} or more that the checkpoint speaks of", path_,
                        found, size)
          : fmt::format("{}: has no row that ends at byte {}, where the checkpoint was made", path_, size));
}

CsvFile::~CsvFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void CsvFile::cut() {
  if (::ftruncate(descriptor_, size_) != 0) fail("cannot be cut");
}

void CsvFile::add_row(const std::string& row) {
  const std::string line = row + '\n';
  for (std::size_t done = 0; done < line.size();) {
    const ssize_t written = ::write(descriptor_, line.data() + done, line.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("cannot be written");
    done += static_cast<std::size_t>(written);
  }
  size_ += static_cast<std::int64_t>(line.size());
}

void CsvFile::sync() {
  if (::fsync(descriptor_) != 0) fail("cannot be brought to disk");
}

void CsvFile::fail(const char* what) const {
  throw FormatError(fmt::format("{}: {}: {}", path_, what, std::strerror(errno)));
}

}  // namespace saccade::rl
