// A file of a run that only grows, and that a resumed run cuts back to its checkpoint.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace saccade::rl {

/// What is added is on its way to disk when add() returns. Throws FormatError naming the file where it cannot
/// be written.
class AppendFile {
 public:
  /// A new file.
  explicit AppendFile(std::string path);
  /// One that had `size` bytes when the checkpoint was made. Throws FormatError if it is shorter by now, or
  /// no regular file.
  AppendFile(std::string path, std::int64_t size);
  ~AppendFile();
  AppendFile(const AppendFile&) = delete;
  AppendFile& operator=(const AppendFile&) = delete;

  /// The `count` bytes from this place on, or fewer where the file ends.
  std::string read(std::int64_t place, std::size_t count) const;
  /// Cuts off what was written after that checkpoint.
  void cut();
  /// In one write, unless the system takes less at a time.
  void add(std::string_view bytes);
  /// Waits until all of it is on disk.
  void sync();
  std::int64_t size() const { return size_; }
  const std::string& path() const { return path_; }

 private:
  [[noreturn]] void fail(const char* what) const;
  std::string path_;
  std::int64_t size_ = 0;
  int descriptor_ = -1;
};

}  // namespace saccade::rl
