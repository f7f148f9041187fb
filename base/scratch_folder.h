// A folder for files that nobody needs for long.
#pragma once

#include <string>

namespace saccade {

/// A new empty folder among the system's temporary ones, which goes away with this object. Error if it
/// cannot be made.
class ScratchFolder {
 public:
  ScratchFolder();
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace saccade
