#include "tools/explain/graphviz.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <thread>

extern char** environ;

namespace saccade::study {

namespace {

// A file in memory. It has no end that could be waited for, unlike a pipe.
class MemoryFile {
 public:
  explicit MemoryFile(const std::string& text) : file_(::memfd_create("saccade", MFD_CLOEXEC)) {
    for (std::size_t done = 0; ok() && done < text.size();) {
      const ssize_t n = ::pwrite(file_, text.data() + done, text.size() - done, static_cast<off_t>(done));
      if (n <= 0) return;
      done += static_cast<std::size_t>(n);
    }
  }
  ~MemoryFile() {
    if (ok()) ::close(file_);
  }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  bool ok() const { return file_ >= 0; }
  int number() const { return file_; }
  std::string text() const {
    std::string all;
    std::array<char, 65536> part;
    while (true) {
      const ssize_t n = ::pread(file_, part.data(), part.size(), static_cast<off_t>(all.size()));
      if (n <= 0) return all;
      all.append(part.data(), static_cast<std::size_t>(n));
    }
  }

 private:
  int file_;
};

// Whether it ended well in time; otherwise it is made to end.
bool ends_well(pid_t id) {
  using Clock = std::chrono::steady_clock;
  const auto late = Clock::now() + std::chrono::seconds(10);
  int status = 0;
  for (bool killed = false;;) {
    const pid_t ended = ::waitpid(id, &status, WNOHANG);
    if (ended == id) return !killed && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (ended < 0 && errno != EINTR) return false;
    if (!killed && Clock::now() > late) {
      ::kill(id, SIGKILL);
      killed = true;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

}  // namespace

std::optional<std::string> run_dot(const std::string& graph) {
  const MemoryFile in(graph), out("");
  if (!in.ok() || !out.ok()) return std::nullopt;
  posix_spawn_file_actions_t actions;
  if (::posix_spawn_file_actions_init(&actions) != 0) return std::nullopt;
  ::posix_spawn_file_actions_adddup2(&actions, in.number(), STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, out.number(), STDOUT_FILENO);
  ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  std::array<char, 4> name = {'d', 'o', 't', 0};
  std::array<char, 8> format = {'-', 'T', 'p', 'l', 'a', 'i', 'n', 0};
  char* const words[] = {name.data(), format.data(), nullptr};
  pid_t id = 0;
  const int error = ::posix_spawnp(&id, "dot", &actions, nullptr, words, environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0 || !ends_well(id)) return std::nullopt;
  std::string answer = out.text();
  if (answer.rfind("graph ", 0) != 0) return std::nullopt;
  return answer;
}

}  // namespace saccade::study
