#include "rl/runs/append_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/error.h"

namespace saccade::rl {

AppendFile::AppendFile(std::string path) : path_(std::move(path)) {
  descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (descriptor_ < 0) fail("cannot be made");
}

AppendFile::AppendFile(std::string path, std::int64_t size) : path_(std::move(path)), size_(size) {
  descriptor_ = ::open(path_.c_str(), O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (descriptor_ < 0) fail("cannot be opened");
  struct stat found = {};
  const bool regular = ::fstat(descriptor_, &found) == 0 && S_ISREG(found.st_mode);
  if (regular && found.st_size >= size) return;
  ::close(descriptor_);
  throw FormatError(
      regular ? fmt::format("{}: has {} bytes, expected the {} or more that the checkpoint speaks of", path_,
                            found.st_size, size)
              : fmt::format("{}: is not a regular file", path_));
}

AppendFile::~AppendFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

std::string AppendFile::read(std::int64_t place, std::size_t count) const {
  std::string bytes(count, '\0');
  std::size_t done = 0;
  while (done < count) {
    const ssize_t got =
        ::pread(descriptor_, bytes.data() + done, count - done, place + static_cast<std::int64_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("cannot be read");
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  bytes.resize(done);
  return bytes;
}

void AppendFile::cut() {
  if (::ftruncate(descriptor_, size_) != 0) fail("cannot be cut");
}

void AppendFile::add(std::string_view bytes) {
  for (std::string_view left = bytes; !left.empty();) {
    const ssize_t written = ::write(descriptor_, left.data(), left.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("cannot be written");
    left.remove_prefix(static_cast<std::size_t>(written));
  }
  size_ += static_cast<std::int64_t>(bytes.size());
}

void AppendFile::sync() {
  if (::fsync(descriptor_) != 0) fail("cannot be brought to disk");
}

void AppendFile::fail(const char* what) const {
  throw FormatError(fmt::format("{}: {}: {}", path_, what, std::strerror(errno)));
}

}  // namespace saccade::rl
