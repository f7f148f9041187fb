#include "base/parallel.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "base/error.h"
#include "tests/support/catch.h"

namespace saccade {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// The sum of the numbers below n, by a loop within a loop.
std::int64_t sum_below(std::int64_t n, std::int64_t grain) {
  std::atomic<std::int64_t> sum = 0;
  parallel_for(n, grain, [&](std::int64_t begin, std::int64_t end) {
    parallel_for(end - begin, 2, [&](std::int64_t from, std::int64_t to) {
      for (std::int64_t i = from; i < to; ++i) sum += begin + i;
    });
  });
  return sum;
}

// How many threads a loop of chunks of a millisecond each is run by.
std::size_t threads_of_a_loop(std::int64_t chunks) {
  std::mutex mutex;
  std::set<std::thread::id> seen;
  parallel_for(chunks, 1, [&](std::int64_t, std::int64_t) {
    const Clock::time_point start = Clock::now();
    while (seconds_since(start) < 1e-3) {
    }
    const std::lock_guard lock(mutex);
    seen.insert(std::this_thread::get_id());
  });
  return seen.size();
}

// Processes that keep a processor busy each.
class Busy {
 public:
  explicit Busy(int count) {
    for (int i = 0; i < count; ++i) {
      children_.push_back(fork());
      if (children_.back() != 0) continue;
      alarm(60);
      while (true) {
      }
    }
  }
  ~Busy() { stop(); }
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;

  /// The seconds of processors that they had.
  double stop() {
    rusage before, after;
    getrusage(RUSAGE_CHILDREN, &before);
    for (const pid_t child : children_) kill(child, SIGKILL);
    for (const pid_t child : children_) waitpid(child, nullptr, 0);
    children_.clear();
    getrusage(RUSAGE_CHILDREN, &after);
    return static_cast<double>(after.ru_utime.tv_sec - before.ru_utime.tv_sec) +
           1e-6 * static_cast<double>(after.ru_utime.tv_usec - before.ru_utime.tv_usec);
  }

 private:
  std::vector<pid_t> children_;
};

}  // namespace

TEST_CASE("a loop runs every chunk once, from several threads at a time, nested, on any number",
          "[parallel]") {
  const int before = num_threads();
  for (const int n : {2, 7, 3, 1, 4}) {
    set_num_threads(n);
    std::vector<std::thread> users;
    std::atomic<int> wrong = 0;
    for (int user = 0; user < 3; ++user) {
      users.emplace_back([&wrong] {
        for (std::int64_t size = 0; size < 200; ++size) {
          if (sum_below(size, 1 + size % 6) != size * (size - 1) / 2) ++wrong;
        }
      });
    }
    for (std::thread& user : users) user.join();
    CHECK(wrong == 0);
  }
  set_num_threads(before);
  CHECK_THROWS_AS(set_num_threads(0), ConfigError);
}

TEST_CASE("a chunk reads what came before its loop, and what follows reads the chunk's", "[parallel]") {
  const int before = num_threads();
  set_num_threads(4);
  std::vector<int> values(64);  // plain numbers, for ThreadSanitizer to watch
  for (int round = 0; round < 100; ++round) {
    for (int& value : values) value = round;
    parallel_for(64, 4, [&](std::int64_t begin, std::int64_t end) {
      for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) ++values[i];
    });
    CHECK(values == std::vector<int>(64, round + 1));
  }
  set_num_threads(before);
}

// For a build with ThreadSanitizer, which must see this.
TEST_CASE("two chunks write to one number", "[.race]") {
  set_num_threads(2);
  int shared = 0;
  parallel_for(1000, 1, [&](std::int64_t begin, std::int64_t) { shared = static_cast<int>(begin); });
  CHECK(shared >= 0);
}

TEST_CASE("a loop takes fewer threads while other programs keep the processors busy", "[parallel]") {
  const int before = num_threads(), processors = static_cast<int>(std::thread::hardware_concurrency());
  if (processors < 2) return;
  set_num_threads(processors);
  CHECK(threads_of_a_loop(20 * processors) > 1);  // as tests have it, whatever else runs
  set_dynamic_threads(true);
  const Clock::time_point start = Clock::now();
  Busy busy(processors);
  std::size_t fewest = static_cast<std::size_t>(processors);
  while (seconds_since(start) < 5 && fewest == static_cast<std::size_t>(processors)) {
    fewest = std::min(fewest, threads_of_a_loop(20 * processors));
  }
  const double seconds = seconds_since(start), share = busy.stop() / seconds;
  set_dynamic_threads(false);
  set_num_threads(before);
  INFO("the busy processes had " << share << " processors of " << processors);
  if (share < 0.4 * processors) return;  // the system held them back, so there was nothing to notice
  CHECK(fewest < static_cast<std::size_t>(processors));
}

}  // namespace saccade
