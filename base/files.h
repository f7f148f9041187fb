// The one way to write a file, whole or not at all; and to read one that may be anything.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace saccade {

/// A file that takes the place of `path` when it is committed, and vanishes if it is not.
///
/// It is written beside the target under a fresh name, which is opened exclusively, so that nobody's file is
/// overwritten and no link followed on the way. A link at `path` itself stays, and what it leads to is
/// replaced; an existing file's permissions are kept; a device, a folder or a pipe is refused. commit()
/// brings the file and its folder to disk, so a crash leaves the old or the new contents. Every function
/// throws FormatError naming the path; then the target is as it was.
class ReplacementFile {
 public:
  explicit ReplacementFile(const std::string& path);
  ~ReplacementFile();
  ReplacementFile(const ReplacementFile&) = delete;
  ReplacementFile& operator=(const ReplacementFile&) = delete;

  void write(std::string_view bytes);
  void commit();

 private:
  std::string path_;    // as given, for messages
  std::string target_;  // where links lead
  std::string temporary_;
  int descriptor_ = -1;
};

/// Replaces the file's contents.
void write_file(const std::string& path, std::string_view contents);

/// Throws what write_file would, without writing.
void check_writable(const std::string& path);

/// The contents of a regular file, links followed. Throws FormatError naming the path if it is missing,
/// cannot be read, is something else (a folder, a pipe, a device) or has more than max_bytes.
std::string read_file(const std::string& path, std::int64_t max_bytes);

/// Waits until a file's contents, or a folder's names, are on disk.
void sync_path(const std::string& path);

}  // namespace saccade
