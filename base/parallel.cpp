// Each thread takes one run of neighbouring chunks (schedule(static)). In the next loop over the same data it
// takes the same part, and finds it in its cache. If chunks are handed out one by one (schedule(dynamic, 1)),
// an update of 256x256 networks on two threads is 4 to 16 % slower.
#include "base/parallel.h"

#include <pthread.h>

#include <atomic>

namespace saccade::detail {

namespace {

// One loop at a time has the threads. A loop within a chunk, and one that another thread begins meanwhile,
// run on the thread that calls them, so there are never more threads at work than were asked for.
std::atomic<bool> taken = false;
struct {
  std::int64_t chunks = 0;
  void (*run)(const void* f, std::int64_t chunk) = nullptr;
  const void* f = nullptr;
} loop;  // the one that has them

// libgomp's threads do not survive a fork. A child that waits for them hangs, so it does without.
std::atomic<bool> forked = false;

#if defined(__SANITIZE_THREAD__)
#define SACCADE_TSAN
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SACCADE_TSAN
#endif
#endif

// ThreadSanitizer does not see how libgomp's threads wait for each other. If a loop writes something and its
// caller reads it afterwards, that looks like a race. These tell it, in its builds alone: all that precedes a
// loop happens before each thread's part, and each part before all that follows. They order no part before
// another, so it still finds a race between two parts.
#ifdef SACCADE_TSAN
std::atomic<int> begun = 0, done = 0;
void begin_loop() { begun.fetch_add(1, std::memory_order_release); }
void begin_part() { static_cast<void>(begun.load(std::memory_order_acquire)); }
void end_part() { done.fetch_add(1, std::memory_order_release); }
void end_loop() { static_cast<void>(done.load(std::memory_order_acquire)); }
#else
void begin_loop() {}
void begin_part() {}
void end_part() {}
void end_loop() {}
#endif

void run_on(int team) {
  static const int registered = pthread_atfork(nullptr, nullptr, [] { forked = true; });
  static_cast<void>(registered);
  begin_loop();
#pragma omp parallel num_threads(team)
  {
    begin_part();
#pragma omp for schedule(static) nowait
    for (std::int64_t chunk = 0; chunk < loop.chunks; ++chunk) loop.run(loop.f, chunk);
    end_part();
  }
  end_loop();
}

}  // namespace

void run_chunks(std::int64_t chunks, void (*run)(const void* f, std::int64_t chunk), const void* f) {
  const bool ours = !forked && !taken.exchange(true, std::memory_order_acquire);
  // All threads, even for fewer chunks: libgomp ends the threads that a team leaves out, and makes new ones
  // for the next larger team.
  const int team = ours ? threads_for_loop() : 1;
  if (team > 1) {
    loop = {chunks, run, f};
    run_on(team);
  } else {
    for (std::int64_t chunk = 0; chunk < chunks; ++chunk) run(f, chunk);
  }
  if (ours) taken.store(false, std::memory_order_release);
}

}  // namespace saccade::detail
