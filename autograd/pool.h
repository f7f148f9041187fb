// A cache of memory blocks: once a training step has run a few times, it asks the system for nothing.
//
// A block's size is rounded up to one of a few sizes per power of two. A block that is released goes on a
// list of its size, and the next request for that size takes it from there. Each thread has its own lists, so
// there are no locks. A thread caches no more blocks of a size than it once had in use itself: what it
// releases for other threads beyond that goes back to the system, or else a thread that only consumes would
// keep all that others ever made. Tensors, nodes, closures and the engine's work lists all come from here.
#pragma once

#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#endif

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace saccade::pool {

/// 64-byte aligned memory; never null. Throws std::bad_alloc.
void* allocate(std::size_t bytes);
/// Gives back what allocate(bytes) returned.
void release(void* block, std::size_t bytes) noexcept;

/// How many blocks this thread had to take from the system so far.
std::int64_t system_allocations();
/// Returns this thread's cached blocks to the system.
void trim();

}  // namespace saccade::pool

namespace saccade {

/// For standard containers whose memory should come from the pool.
template <class T>
struct PoolAllocator {
  using value_type = T;
  PoolAllocator() = default;
  template <class U>
  PoolAllocator(const PoolAllocator<U>&) {}
  T* allocate(std::size_t n) { return static_cast<T*>(pool::allocate(n * sizeof(T))); }
  void deallocate(T* block, std::size_t n) noexcept { pool::release(block, n * sizeof(T)); }
  template <class U>
  bool operator==(const PoolAllocator<U>&) const {
    return true;
  }
};

template <class T>
using PoolVector = std::vector<T, PoolAllocator<T>>;

namespace detail {
/// Whether this process never had a second thread: then counting needs no atomic operation, which takes as
/// long as a small op's bookkeeping.
inline bool single_threaded() {
#if __has_include(<sys/single_threaded.h>)
  return __libc_single_threaded != 0;
#else
  return false;
#endif
}
}  // namespace detail

/// A counted reference to a T that counts itself in `T::references` and frees itself in `T::destroy()`.
/// Counts are atomic: graphs of several threads may share their leaves. (Elements, of course, are not: one
/// thread at a time may write to them.)
template <class T>
class Ref {
 public:
  Ref() = default;
  explicit Ref(T* object) : object_(object) { retain(); }
  Ref(const Ref& other) : object_(other.object_) { retain(); }
  Ref(Ref&& other) noexcept : object_(other.object_) { other.object_ = nullptr; }
  Ref& operator=(Ref other) noexcept {
    T* mine = object_;
    object_ = other.object_;
    other.object_ = mine;
    return *this;
  }
  ~Ref() {
    if (object_ == nullptr) return;
    if (detail::single_threaded()) {
      if (--object_->references == 0) object_->destroy();
      return;
    }
    const std::atomic_ref count(object_->references);
    // The one reference that is left is this one, and no other thread can make a second from it.
    if (count.load(std::memory_order_acquire) == 1 || count.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      object_->destroy();
    }
  }

  T* get() const { return object_; }
  T* operator->() const { return object_; }
  T& operator*() const { return *object_; }
  explicit operator bool() const { return object_ != nullptr; }

 private:
  void retain() {
    if (object_ == nullptr) return;
    if (detail::single_threaded()) {
      ++object_->references;
    } else {
      std::atomic_ref(object_->references).fetch_add(1, std::memory_order_relaxed);
    }
  }
  T* object_ = nullptr;
};

}  // namespace saccade
