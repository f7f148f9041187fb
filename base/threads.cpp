// Two threads on a processor and a half are slower than one. Whenever another program has a thread's
// processor, the other threads wait for that thread at the end of the loop. So a loop takes no more threads
// than there are processors that are idle or already ours. Ten times a second the system's account of its
// time, /proc/stat, says how many those are. Results do not depend on it.
#include "base/threads.h"

#include <fmt/format.h>
#include <omp.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <string_view>
#include <system_error>

#include "base/error.h"

#if defined(__linux__)
#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <optional>
#endif

namespace saccade {

namespace {

constexpr int kMaxThreads = 1024;

// OMP_NUM_THREADS, as users of numerical libraries set it: a number, or a list of which the first counts.
int threads_at_start() {
  const char* given = std::getenv("OMP_NUM_THREADS");
  if (given == nullptr || *given == '\0') return std::clamp(omp_get_num_procs(), 1, kMaxThreads);
  const std::string_view text(given);
  int n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  const bool whole = end == text.data() + text.size() || *end == ',';
  if (error == std::errc() && whole && n >= 1 && n <= kMaxThreads) return n;
  throw ConfigError(
      fmt::format("OMP_NUM_THREADS is \"{}\", expected a number of threads from 1 to {}", text, kMaxThreads));
}

bool dynamic_at_start() {
  const char* given = std::getenv("OMP_DYNAMIC");
  return given == nullptr || std::string_view(given) != "false";
}

std::atomic<int> threads = 0;  // 0: not set yet
std::atomic<bool> dynamic = dynamic_at_start();

#if defined(__linux__)

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kInterval{100};  // the account counts in units of 10 ms

// Seconds since the start of the system, and of this process.
struct Account {
  Clock::time_point at;
  double idle = 0;  // of all processors that this process may use
  double ours = 0;  // that this process has used
  int processors = 0;
};

// None if the system does not tell.
std::optional<Account> read_account() {
  Account account{.at = Clock::now()};
  cpu_set_t allowed;
  rusage usage;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0 || getrusage(RUSAGE_SELF, &usage) != 0) return {};
  for (const timeval& t : {usage.ru_utime, usage.ru_stime}) {
    account.ours += static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  }
  // A line for each processor comes first; a buffer that is too small only makes it look as if there were
  // others.
  static char text[1 << 16];
  const int file = ::open("/proc/stat", O_RDONLY | O_CLOEXEC);
  if (file < 0) return {};
  const ssize_t bytes = ::read(file, text, sizeof(text) - 1);
  ::close(file);
  if (bytes < 0) return {};
  text[bytes] = '\0';
  for (const char* line = text; std::strncmp(line, "cpu", 3) == 0;) {
    unsigned processor = 0;
    double idle = 0, waiting = 0;
    const bool one = line[3] != ' ' &&  // the line of all of them together
                     std::sscanf(line, "cpu%u %*f %*f %*f %lf %lf", &processor, &idle, &waiting) == 3;
    if (one && processor < CPU_SETSIZE && CPU_ISSET(processor, &allowed)) {
      account.idle += (idle + waiting) / static_cast<double>(sysconf(_SC_CLK_TCK));
      ++account.processors;
    }
    const char* end = std::strchr(line, '\n');
    if (end == nullptr) break;
    line = end + 1;
  }
  if (account.processors != CPU_COUNT(&allowed)) return {};
  return account;
}

// How many threads the processors that others left to us between two accounts would serve.
int limit_between(const Account& from, const Account& to) {
  const double seconds = std::chrono::duration<double>(to.at - from.at).count();
  const double left = (to.idle - from.idle + to.ours - from.ours) / seconds;
  const bool others = to.processors - left >= 0.5;
  return others ? std::max(1, static_cast<int>(std::lround(left))) : kMaxThreads;
}

int threads_beside_others(int wanted) {
  static std::optional<Account> last = read_account();
  static Clock::time_point next = Clock::now() + kInterval;
  static int limit = kMaxThreads;
  if (const Clock::time_point now = Clock::now(); last && now >= next) {
    const std::optional<Account> account = read_account();
    if (account && account->processors == last->processors) limit = limit_between(*last, *account);
    last = account;
    // On a large machine the account takes long to draw up.
    next = now + std::max<Clock::duration>(kInterval, 200 * (Clock::now() - now));
  }
  return std::min(wanted, limit);
}

#else

int threads_beside_others(int wanted) { return wanted; }

#endif

}  // namespace

void set_num_threads(int n) {
  if (n < 1) throw ConfigError(fmt::format("set_num_threads: {} given, expected at least 1", n));
  threads.store(n, std::memory_order_relaxed);
}

int num_threads() {
  int n = threads.load(std::memory_order_relaxed);
  if (n == 0) {
    n = threads_at_start();
    threads.store(n, std::memory_order_relaxed);
  }
  return n;
}

void set_dynamic_threads(bool on) { dynamic.store(on, std::memory_order_relaxed); }

int detail::threads_for_loop() {
  const int wanted = num_threads();
  return dynamic.load(std::memory_order_relaxed) ? threads_beside_others(wanted) : wanted;
}

}  // namespace saccade
