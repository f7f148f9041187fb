#include "tools/cli/processes.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/error.h"

namespace saccade::cli {

Processes::~Processes() {
  signal_all(SIGTERM);
  for (const pid_t id : running_) {
    while (::waitpid(id, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
}

pid_t Processes::start(const std::vector<std::string>& arguments, const std::string& errors) {
  const int log = ::open(errors.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (log < 0) throw Error(fmt::format("{}: cannot be written: {}", errors, std::strerror(errno)));
  // All that the child needs is made here: between fork and exec it may call little.
  std::vector<std::string> words = {"saccade"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  const pid_t parent = ::getpid(), id = ::fork();
  if (id < 0) {
    const int error = errno;
    ::close(log);
    throw Error(fmt::format("a process cannot be started: {}", std::strerror(error)));
  }
  if (id == 0) {
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != parent) ::_exit(1);  // it died before that was asked for
    for (int s = 1; s < NSIG; ++s) std::signal(s, SIG_DFL);
    const int nothing = ::open("/dev/null", O_RDWR);
    ::dup2(nothing, STDIN_FILENO);
    ::dup2(nothing, STDOUT_FILENO);
    ::dup2(log, STDERR_FILENO);
    ::execv("/proc/self/exe", pointers.data());
    ::_exit(127);
  }
  ::close(log);
  running_.push_back(id);
  return id;
}

std::optional<Processes::Ended> Processes::next_ended() {
  for (auto at = running_.begin(); at != running_.end(); ++at) {
    int status = 0;
    const pid_t id = ::waitpid(*at, &status, WNOHANG);
    if (id != *at) continue;
    running_.erase(at);
    return Ended{id, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status)};
  }
  return std::nullopt;
}

void Processes::signal_all(int signal) {
  for (const pid_t id : running_) ::kill(id, signal);
}

}  // namespace saccade::cli
