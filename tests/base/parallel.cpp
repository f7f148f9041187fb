#include "base/parallel.h"

#include <atomic>
#include <cstdlib>
#include <thread>
#include <vector>

#include "base/error.h"
#include "tests/support/catch.h"

namespace saccade::kernels {

namespace {

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

}  // namespace saccade::kernels
