// A loop's chunks are dealt out to the threads in equal runs; a thread that is through with its own takes
// what is left of the others'. So the caller never waits for a thread that has not woken up: it does that
// thread's chunks too. A worker that finds nothing to do spins for a while, since a training step has its
// loops a few microseconds apart and waking a sleeper takes longer than that, and then sleeps.
#include "base/parallel.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include "base/error.h"

#if defined(__linux__)
#include <sched.h>
#endif

namespace saccade {

namespace {

constexpr int kMostThreads = 1024;

// The processors that this process may use.
int processors() {
#if defined(__linux__)
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0)
    return std::clamp(CPU_COUNT(&allowed), 1, kMostThreads);
#endif
  return std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, kMostThreads);
}

// OMP_NUM_THREADS, as users of numerical libraries set it: a number, or a list of which the first counts.
int threads_at_start() {
  const char* given = std::getenv("OMP_NUM_THREADS");
  if (given == nullptr || *given == '\0') return processors();
  const std::string_view text(given);
  int n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  const bool whole = end == text.data() + text.size() || *end == ',';
  if (error == std::errc() && whole && n >= 1 && n <= kMostThreads) return n;
  throw ConfigError(fmt::format("OMP_NUM_THREADS is \"{}\", expected a number of threads from 1 to {}", text,
                                kMostThreads));
}

std::atomic<int> threads = 0;  // 0: not set yet

void pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#else
  std::this_thread::yield();
#endif
}

// The processor that this thread runs on; -1 where there is no telling.
int processor() {
#if defined(__linux__)
  return sched_getcpu();
#else
  return -1;
#endif
}

// Moves this thread to another processor than the given one, if it may run on any other. A thread that is
// woken often starts on its waker's processor, and two threads that take turns there are slower than one; it
// can be many milliseconds until the system notices.
void leave_processor([[maybe_unused]] int given) {
#if defined(__linux__)
  cpu_set_t allowed, others;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return;
  others = allowed;
  CPU_CLR(static_cast<std::size_t>(given), &others);
  if (CPU_COUNT(&others) == 0 || sched_setaffinity(0, sizeof(others), &others) != 0) return;
  sched_setaffinity(0, sizeof(allowed), &allowed);
#endif
}

constexpr std::chrono::microseconds kSpin{100};

class Team {
 public:
  static Team& instance() {
    static Team team;
    return team;
  }

  ~Team() {
    stopping_ = true;
    ++loops_;
    loops_.notify_all();
    for (std::thread& worker : workers_) worker.join();
  }

  void share(std::int64_t chunks, void (*run)(const void*, std::int64_t), const void* f) {
    // A loop within a chunk, or one while another thread's has the team, does without.
    std::unique_lock lock(busy_, std::defer_lock);
    if (inside_a_loop || !lock.try_lock()) {
      for (std::int64_t chunk = 0; chunk < chunks; ++chunk) run(f, chunk);
      return;
    }
    const std::size_t members = grow(static_cast<std::size_t>(std::min<std::int64_t>(num_threads(), chunks)));
    run_ = run;
    f_ = f;
    members_ = members;
    for (std::size_t i = 0; i < members; ++i) {
      const auto at = [&](std::size_t k) {
        return chunks * static_cast<std::int64_t>(k) / static_cast<std::int64_t>(members);
      };
      shares_[i].next = at(i);
      shares_[i].end = at(i + 1);
    }
    caller_ = processor();
    open_ = true;
    ++loops_;
    loops_.notify_all();
    work(0);
    // No chunk is left; those begun end when nobody is inside. Who comes later finds the loop closed.
    open_ = false;
    // One of them may have lost its processor to another program.
    for (int spins = 0; inside_ > 0; ++spins) spins < 1000 ? pause() : std::this_thread::yield();
  }

 private:
  struct alignas(64) Share {
    std::atomic<std::int64_t> next = 0;
    std::int64_t end = 0;
  };

  // Makes the team so large, or as large as the system allows, and says how large it is for this loop.
  std::size_t grow(std::size_t members) {
    if (members > shares_.size()) shares_ = std::vector<Share>(members);
    try {
      while (workers_.size() + 1 < members) {
        const std::size_t member = workers_.size() + 1;
        workers_.emplace_back([this, member] { serve(member); });
      }
    } catch (const std::system_error&) {  // no more threads to be had
    }
    return std::min(members, workers_.size() + 1);
  }

  void work(std::size_t member) {
    inside_a_loop = true;
    for (std::size_t i = 0; i < members_; ++i) {
      Share& share = shares_[(member + i) % members_];
      for (std::int64_t chunk; (chunk = share.next.fetch_add(1, std::memory_order_relaxed)) < share.end;) {
        run_(f_, chunk);
      }
    }
    inside_a_loop = false;
  }

  void serve(std::size_t member) {
    int seen = 0;
    while (!stopping_) {
      wait_for_a_loop(seen);
      seen = loops_;
      if (const int here = processor(); here >= 0 && here == caller_) leave_processor(here);
      ++inside_;
      if (open_ && member < members_) work(member);
      --inside_;
    }
  }

  void wait_for_a_loop(int seen) const {
    const auto start = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() - start < kSpin) {
      for (int i = 0; i < 16; ++i) {
        if (loops_ != seen) return;
        pause();
      }
    }
    loops_.wait(seen);
  }

  static thread_local bool inside_a_loop;

  std::mutex busy_;
  std::vector<std::thread> workers_;
  std::vector<Share> shares_;

  // The loop. Written while it is closed and nobody is inside.
  void (*run_)(const void*, std::int64_t) = nullptr;
  const void* f_ = nullptr;
  std::size_t members_ = 0;

  alignas(64) std::atomic<int> loops_ = 0;  // begun so far
  std::atomic<bool> open_ = false;
  std::atomic<int> caller_ = -1;  // the processor of the thread that shares the loop out
  std::atomic<bool> stopping_ = false;
  alignas(64) std::atomic<int> inside_ = 0;  // workers that may be looking at the loop
};

thread_local bool Team::inside_a_loop = false;

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

namespace kernels::detail {

void run_chunks(std::int64_t chunks, void (*run)(const void* f, std::int64_t chunk), const void* f) {
  Team::instance().share(chunks, run, f);
}

}  // namespace kernels::detail
}  // namespace saccade
