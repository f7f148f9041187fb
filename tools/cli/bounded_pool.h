// What a server of cpp-httplib gives its connections to.
#pragma once

#include <httplib.h>

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace saccade::cli {

/// So many threads, and as many connections again that wait for one. While those wait no others are taken,
/// which leaves the descriptors of this process to whoever else needs them.
class BoundedPool final : public httplib::TaskQueue {
 public:
  explicit BoundedPool(std::size_t threads) : size_(threads) {
    for (std::size_t i = 0; i < size_; ++i) threads_.emplace_back([this] { work(); });
  }

  // From 0.15 on cpp-httplib wants to know whether the task was taken, which it always is.
  using Taken = decltype(std::declval<httplib::TaskQueue&>().enqueue({}));
  Taken enqueue(std::function<void()> task) override {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return ending_ || tasks_.size() < size_; });
    tasks_.push_back(std::move(task));
    changed_.notify_all();
    return static_cast<Taken>(true);
  }

  // What waits is still done, which closes its connection.
  void shutdown() override {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  void work() {
    for (;;) {
      std::function<void()> task;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return ending_ || !tasks_.empty(); });
        if (tasks_.empty()) return;
        task = std::move(tasks_.front());
        tasks_.pop_front();
        changed_.notify_all();
      }
      task();
    }
  }

  std::size_t size_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace saccade::cli
