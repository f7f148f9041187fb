#include "base/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/error.h"

namespace saccade {

namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse(const std::string& path, std::string_view reason) {
  throw FormatError(fmt::format("{}: cannot be written: {}", path, reason));
}

// The end of a chain of links, whether or not there is anything.
std::string end_of_links(const std::string& path) {
  constexpr int kLongestChain = 40;  // as many as Linux follows
  fs::path at = path;
  std::error_code error;
  for (int i = 0; i < kLongestChain; ++i) {
    if (!fs::is_symlink(at, error)) return at.string();
    const fs::path next = fs::read_symlink(at, error);
    if (error) refuse(path, error.message());
    at = next.is_absolute() ? next : at.parent_path() / next;
  }
  refuse(path, std::strerror(ELOOP));
}

fs::path folder_of(const std::string& path) {
  const fs::path folder = fs::path(path).parent_path();
  return folder.empty() ? fs::path(".") : folder;
}

// A name that no other file has: this process's number and a count.
std::string fresh_name(const std::string& target) {
  static std::atomic<unsigned> count = 0;
  return (folder_of(target) / fmt::format(".saccade-{}-{}.tmp", ::getpid(), count++)).string();
}

// Gives the new file the old one's owner, group and permissions; false, with errno, where those cannot be
// set. Only root may give files away. A group that cannot be kept leaves the new group no more than everybody
// has; and set-user-ID is dropped, since it was not for these contents.
bool keep_access(int descriptor, const struct stat& old) {
  const bool same_group = ::fchown(descriptor, old.st_uid, old.st_gid) == 0 ||
                          ::fchown(descriptor, static_cast<uid_t>(-1), old.st_gid) == 0;
  const mode_t everybody = old.st_mode & 07, group = same_group ? old.st_mode & 070 : everybody << 3;
  return ::fchmod(descriptor, (old.st_mode & 0700) | group | everybody) == 0;
}

}  // namespace

ReplacementFile::ReplacementFile(const std::string& path) : path_(path), target_(end_of_links(path)) {
  struct stat existing = {};
  const bool exists = ::stat(target_.c_str(), &existing) == 0;
  if (exists && !S_ISREG(existing.st_mode)) refuse(path_, "it is there already and not a regular file");
  if (fs::path(target_).filename().empty()) refuse(path_, std::strerror(path_.empty() ? ENOENT : EISDIR));
  do {  // a name may be left over from a process that had this one's number
    temporary_ = fresh_name(target_);
    descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
  } while (descriptor_ < 0 && errno == EEXIST);
  if (descriptor_ < 0) refuse(path_, std::strerror(errno));
  if (exists && !keep_access(descriptor_, existing)) {
    const int reason = errno;
    ::close(std::exchange(descriptor_, -1));
    ::unlink(temporary_.c_str());
    refuse(path_, std::strerror(reason));
  }
}

ReplacementFile::~ReplacementFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void ReplacementFile::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) refuse(path_, std::strerror(errno));
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

void ReplacementFile::commit() {
  if (::fsync(descriptor_) != 0) refuse(path_, std::strerror(errno));
  if (::close(std::exchange(descriptor_, -1)) != 0) refuse(path_, std::strerror(errno));
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) refuse(path_, std::strerror(errno));
  temporary_.clear();
  // Some file systems cannot sync a folder, and that is no error: the contents are in place.
  const int folder = ::open(folder_of(target_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return;
  ::fsync(folder);
  ::close(folder);
}

void write_file(const std::string& path, std::string_view contents) {
  ReplacementFile file(path);
  file.write(contents);
  file.commit();
}

void check_writable(const std::string& path) { const ReplacementFile trial(path); }

std::string read_file(const std::string& path, std::int64_t max_bytes) {
  const auto fail = [&](std::string_view reason) {
    throw FormatError(fmt::format("{}: cannot be read: {}", path, reason));
  };
  // Opening a pipe would wait for a writer.
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) fail(std::strerror(errno));
  struct stat status = {};
  std::string contents;
  std::string problem;
  if (::fstat(file, &status) != 0) {
    problem = std::strerror(errno);
  } else if (!S_ISREG(status.st_mode)) {
    problem = S_ISDIR(status.st_mode) ? "it is a folder" : "it is not a regular file";
  } else if (status.st_size > max_bytes) {
    problem = fmt::format("it has {} bytes, expected at most {}", status.st_size, max_bytes);
  } else {
    contents.resize(static_cast<std::size_t>(status.st_size));
    std::size_t done = 0;
    while (done < contents.size()) {
      const ssize_t read = ::read(file, contents.data() + done, contents.size() - done);
      if (read < 0 && errno == EINTR) continue;
      if (read < 0) problem = std::strerror(errno);
      if (read <= 0) break;  // an error, or the file was cut short meanwhile
      done += static_cast<std::size_t>(read);
    }
    contents.resize(done);
  }
  ::close(file);
  if (!problem.empty()) fail(problem);
  return contents;
}

void sync_path(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool synced = file >= 0 && ::fsync(file) == 0;
  if (file >= 0) ::close(file);
  if (!synced)
    throw FormatError(fmt::format("{}: cannot be brought to disk: {}", path, std::strerror(errno)));
}

}  // namespace saccade
