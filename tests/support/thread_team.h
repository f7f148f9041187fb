// A team whose members are threads of the test: what is true of teams can be tested without MPI, and seen by
// sanitizers.
#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <queue>
#include <string>
#include <thread>
#include <vector>

#include "base/threads.h"
#include "nn/team.h"
#include "tests/support/catch.h"

namespace saccade::test {

/// Where the members meet.
class Table {
 public:
  explicit Table(int n) : texts_(static_cast<std::size_t>(n)) {}

  std::vector<std::string> exchange(int rank, std::string mine) {
    std::unique_lock lock(mutex_);
    texts_[static_cast<std::size_t>(rank)] = std::move(mine);
    const int round = round_;
    if (++here_ == static_cast<int>(texts_.size())) {
      all_ = texts_;
      here_ = 0;
      ++round_;
      changed_.notify_all();
    }
    changed_.wait(lock, [&] { return round_ != round || !failure_.empty(); });
    if (round_ == round) throw Error(failure_);
    return all_;
  }
  void send(int from, int to, std::string bytes) {
    const std::lock_guard lock(mutex_);
    post_[{from, to}].push(std::move(bytes));
    changed_.notify_all();
  }
  std::string receive(int from, int to) {
    std::unique_lock lock(mutex_);
    std::queue<std::string>& letters = post_[{from, to}];
    changed_.wait(lock, [&] { return !letters.empty() || !failure_.empty(); });
    if (letters.empty()) throw Error(failure_);
    std::string bytes = std::move(letters.front());
    letters.pop();
    return bytes;
  }
  bool has_letter(int from, int to) {
    const std::lock_guard lock(mutex_);
    return !post_[{from, to}].empty();
  }
  void fail(const std::string& why) {
    const std::lock_guard lock(mutex_);
    if (failure_.empty()) failure_ = why;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> texts_, all_;
  std::map<std::pair<int, int>, std::queue<std::string>> post_;
  int here_ = 0, round_ = 0;
  std::string failure_;
};

class ThreadTeam final : public nn::Team {
 public:
  ThreadTeam(Table& table, int rank, int size) : table_(table), rank_(rank), size_(size) {}
  int rank() const override { return rank_; }
  int size() const override { return size_; }
  using nn::Team::gather;
  std::vector<std::string> gather(std::string_view mine) override {
    return table_.exchange(rank_, std::string(mine));
  }
  void add_up(std::span<float> x) override { add(x); }
  void add_up(std::span<double> x) override { add(x); }
  void send(int to, std::string_view bytes) override { table_.send(rank_, to, std::string(bytes)); }
  std::string receive(int from) override { return table_.receive(from, rank_); }
  std::optional<std::string> try_receive(int from) override {
    return table_.has_letter(from, rank_) ? std::optional(receive(from)) : std::nullopt;
  }
  std::string failed(const std::string& why) override {
    table_.fail("rank " + std::to_string(rank_) + ": " + why);
    return why;
  }

 private:
  template <class T>
  void add(std::span<T> x) {
    const auto all = gather(std::string_view(reinterpret_cast<const char*>(x.data()), x.size_bytes()));
    for (std::size_t r = 0; r < all.size(); ++r) {
      const T* const theirs = reinterpret_cast<const T*>(all[r].data());
      for (std::size_t i = 0; i < x.size(); ++i) x[i] = r == 0 ? theirs[i] : x[i] + theirs[i];
    }
  }

  Table& table_;
  int rank_, size_;
};

/// Calls member(rank) in n threads that are a team; what each threw, or "".
inline std::vector<std::string> in_team(int n, const std::function<void(int)>& member) {
  const int threads = num_threads();
  set_num_threads(1);  // loops of several threads at once ask nobody how many they may have
  Table table(n);
  std::vector<std::string> errors(static_cast<std::size_t>(n));
  {
    std::vector<std::jthread> running;
    for (int rank = 0; rank < n; ++rank) {
      running.emplace_back([&, rank] {
        ThreadTeam team(table, rank, n);
        const nn::InTeam in(&team);
        try {
          member(rank);
        } catch (const std::exception& error) {
          errors[static_cast<std::size_t>(rank)] = error.what();
          team.failed(error.what());
        }
      });
    }
  }
  set_num_threads(threads);
  return errors;
}

/// What in_team() gave says that no member threw.
inline void check_all_well(const std::vector<std::string>& errors) {
  for (const std::string& error : errors) {
    INFO(error);
    CHECK(error.empty());
  }
}

}  // namespace saccade::test
