// Programs that run beside this one.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace saccade::cli {

/// Children that end with their parent: each is told to (SIGTERM) if it dies, and has a process group of its
/// own, so that Ctrl-C reaches the parent alone, which passes on what it likes.
class Processes {
 public:
  Processes() = default;
  /// Waits for those that still run.
  ~Processes();
  Processes(const Processes&) = delete;
  Processes& operator=(const Processes&) = delete;

  /// Starts this very program with these arguments; what it prints is dropped, but for stderr, which goes to
  /// a new file. Throws Error where that cannot be.
  pid_t start(const std::vector<std::string>& arguments, const std::string& errors);

  struct Ended {
    pid_t id;
    int status;  // an exit status, or 128 and the signal that ended it
  };
  /// One that has ended since, if there is any.
  std::optional<Ended> next_ended();

  void signal_all(int signal);
  std::size_t running() const { return running_.size(); }

 private:
  std::vector<pid_t> running_;
};

}  // namespace saccade::cli
