#include "autograd/pool.h"

#include <malloc.h>

#include <bit>
#include <cstdlib>
#include <new>

namespace saccade::pool {

namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kCache = false;  // so that the sanitizer sees every use after release
#else
constexpr bool kCache = true;
#endif

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kMaxCached = std::size_t{1} << 28;  // a larger block goes straight back to the system
constexpr int kBuckets = 128;

struct Bucket {
  int index;
  std::size_t bytes;
};

// Four sizes per power of two, all multiples of 64: at most a quarter of a block is wasted.
Bucket bucket_of(std::size_t bytes) {
  if (bytes <= 256) {
    const std::size_t lines = bytes <= kAlignment ? 1 : (bytes + kAlignment - 1) / kAlignment;
    return {static_cast<int>(lines) - 1, lines * kAlignment};
  }
  const auto log = static_cast<int>(std::bit_width(bytes - 1));  // 2^(log-1) < bytes <= 2^log
  const std::size_t base = std::size_t{1} << (log - 1), step = base / 4;
  const std::size_t quarters = (bytes - base + step - 1) / step;
  return {4 + (log - 9) * 4 + static_cast<int>(quarters) - 1, base + quarters * step};
}

struct Block {
  Block* next;
};

struct Cache {
  Block* lists[kBuckets] = {};
  // How many blocks of each size this thread has taken and not released. Those and the ones on its list are
  // never more than it once had in use.
  std::int64_t in_use[kBuckets] = {};
  std::int64_t system_allocations = 0;

  void trim() {
    for (Block*& list : lists) {
      while (list != nullptr) {
        Block* next = list->next;
        std::free(list);
        list = next;
      }
    }
  }
};

// Trivially destructible: tensors with static lifetime may still use it while the program ends. The guard
// empties it when its thread ends.
constinit thread_local Cache cache;
constinit thread_local bool thread_ended = false;

struct Guard {
  ~Guard() {
    thread_ended = true;
    cache.trim();
  }
};
thread_local Guard guard;

void* allocate_from_system(std::size_t bytes) {
  [[maybe_unused]] Guard* armed = &guard;  // constructed on first use, so destroyed at thread exit
  ++cache.system_allocations;
  void* block = std::aligned_alloc(kAlignment, bytes);
  if (block == nullptr) throw std::bad_alloc();
  return block;
}

}  // namespace

void* allocate(std::size_t bytes) {
  const Bucket bucket = bucket_of(bytes);
  if (kCache && bucket.bytes <= kMaxCached) {
    ++cache.in_use[bucket.index];
    Block*& list = cache.lists[bucket.index];
    if (list != nullptr) {
      Block* block = list;
      list = block->next;
      return block;
    }
  }
  return allocate_from_system(bucket.bytes);
}

void release(void* memory, std::size_t bytes) noexcept {
  const Bucket bucket = bucket_of(bytes);
  if (!kCache || thread_ended || bucket.bytes > kMaxCached || cache.in_use[bucket.index] == 0) {
    std::free(memory);
    return;
  }
  --cache.in_use[bucket.index];
  auto* block = static_cast<Block*>(memory);
  block->next = cache.lists[bucket.index];
  cache.lists[bucket.index] = block;
}

std::int64_t system_allocations() { return cache.system_allocations; }
void trim() {
  cache.trim();
#ifdef __GLIBC__
  ::malloc_trim(0);  // what malloc kept goes to the system too
#endif
}

}  // namespace saccade::pool
