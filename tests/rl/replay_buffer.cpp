#include "rl/components/replay_buffer.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <set>
#include <utility>
#include <vector>

#include "autograd/pool.h"
#include "base/error.h"
#include "tests/support/catch.h"

using namespace saccade;
using rl::ReplayBuffer;

namespace {

void add(ReplayBuffer& buffer, double i, bool terminated = false) {
  const double obs[] = {i, -i}, action[] = {i / 100}, next[] = {i + 1, -i - 1};
  buffer.add(obs, action, 10 * i, next, terminated);
}

}  // namespace

TEST_CASE("the replay buffer is a ring that keeps transitions together", "[replay]") {
  ReplayBuffer buffer(5, 2, 1);
  for (int i = 0; i < 8; ++i) add(buffer, i, i % 2 == 0);
  CHECK(buffer.size() == 5);
  Rng rng(0);
  const rl::Batch batch = buffer.sample(400, rng);
  CHECK(batch.obs.shape() == Shape{400, 2});
  CHECK(batch.reward.shape() == Shape{400, 1});
  std::set<double> seen;
  for (std::int64_t k = 0; k < 400; ++k) {
    const float i = batch.obs.data<float>()[2 * k];
    seen.insert(static_cast<double>(i));
    CHECK(batch.obs.data<float>()[2 * k + 1] == -i);
    CHECK(batch.action.data<float>()[k] == i / 100);
    CHECK(batch.reward.data<float>()[k] == 10 * i);
    CHECK(batch.next_obs.data<float>()[2 * k] == i + 1);
    CHECK(batch.terminated.data<float>()[k] == (std::fmod(i, 2.0F) == 0 ? 1.0F : 0.0F));
  }
  CHECK(seen == std::set<double>{3, 4, 5, 6, 7});
}

TEST_CASE("the replay buffer knows its last actions", "[replay]") {
  ReplayBuffer buffer(5, 2, 1);
  CHECK(buffer.last_actions(3).shape() == Shape{0, 1});
  std::vector<double> actions;
  for (int i = 0; i < 12; ++i) {
    add(buffer, i);
    actions.push_back(static_cast<double>(static_cast<float>(i / 100.0)));
    for (const std::int64_t n : {0, 1, 3, 5, 9}) {
      const auto known = std::min<std::int64_t>({n, i + 1, 5});
      CHECK(buffer.last_actions(n).to_vector() == std::vector<double>(actions.end() - known, actions.end()));
    }
  }
}

TEST_CASE("the replay buffer samples evenly", "[replay]") {
  ReplayBuffer buffer(10, 2, 1);
  for (int i = 0; i < 10; ++i) add(buffer, i);
  Rng rng(1);
  std::vector<int> counts(10);
  const int n = 20000;
  const rl::Batch batch = buffer.sample(n, rng);
  for (std::int64_t k = 0; k < n; ++k) ++counts[static_cast<std::size_t>(batch.obs.data<float>()[2 * k])];
  for (const int count : counts) CHECK(std::abs(count - n / 10) < 5 * std::sqrt(n * 0.1 * 0.9));  // 5 sigma
}

#if !defined( \
    __SANITIZE_ADDRESS__)  // under it the pool keeps nothing, so that every use after release is seen
TEST_CASE("the replay buffer allocates nothing while running", "[replay]") {
  ReplayBuffer buffer(100, 2, 1);
  Rng rng(2);
  for (int i = 0; i < 10; ++i) add(buffer, i);
  buffer.sample(32, rng);
  const std::int64_t before = pool::system_allocations();
  for (int i = 0; i < 300; ++i) {
    add(buffer, i);
    buffer.sample(32, rng);
  }
  CHECK(pool::system_allocations() == before);
}
#endif

TEST_CASE("the replay buffer's state round-trips and refuses what does not fit", "[replay]") {
  ReplayBuffer buffer(5, 2, 1), copy(5, 2, 1), larger(6, 3, 1);
  for (int i = 0; i < 7; ++i) add(buffer, i);
  copy.load_state(buffer.named_state());
  Rng a(3), b(3);
  add(buffer, 50);
  add(copy, 50);
  CHECK(buffer.sample(50, a).obs.to_vector() == copy.sample(50, b).obs.to_vector());
  CHECK_THROWS_AS(larger.load_state(buffer.named_state()), FormatError);
  nn::NamedTensors short_state = buffer.named_state();
  short_state.pop_back();
  CHECK_THROWS_AS(copy.load_state(short_state), FormatError);
}

TEST_CASE("a transition that is refused overwrites none of an old one", "[replay]") {
  ReplayBuffer buffer(3, 2, 1);
  for (int i = 0; i < 5; ++i) add(buffer, i);
  const auto all = [&] {
    std::vector<double> numbers;
    for (const auto& [name, tensor] : buffer.named_state()) {
      for (const double x : tensor.to_vector()) numbers.push_back(x);
    }
    return numbers;
  };
  const std::vector<double> before = all();
  const double obs[] = {100, 100}, action[] = {1}, bad[] = {1, NAN};
  CHECK_THROWS(buffer.add(obs, action, 0, bad, false));
  CHECK_THROWS(buffer.add(obs, action, INFINITY, obs, false));
  CHECK_THROWS(buffer.add(obs, obs, 0, obs, false));
  CHECK(all() == before);
}

#if !defined(__SANITIZE_ADDRESS__)
TEST_CASE("a full buffer that was loaded takes its own size and no more, and little more on the way",
          "[replay]") {
  constexpr std::int64_t kRows = 2'000'000, kBytes = kRows * 4 * 7;  // 56 MB
  const auto bytes_of = [](const std::string& field) {               // VmRSS: now; VmHWM: at most
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;) {
      if (std::int64_t kilobytes = 0; word == field + ":" && status >> kilobytes) return 1024 * kilobytes;
    }
    throw Error("/proc/self/status has no " + field);
  };
  nn::NamedTensors state;
  const std::int64_t widths[] = {2, 1, 1, 2, 1};
  const char* const names[] = {"obs", "action", "reward", "next_obs", "terminated"};
  pool::trim();
  const std::int64_t before = bytes_of("VmRSS");
  const bool counts_anew = static_cast<bool>(std::ofstream("/proc/self/clear_refs") << 5 << std::flush);
  for (int f = 0; f < 5; ++f) state.push_back({names[f], ones({kRows, widths[f]})});
  state.push_back({"next", scalar(0, DType::f64)});
  ReplayBuffer buffer(kRows, 2, 1);
  buffer.load_state(std::move(state));
  CHECK(buffer.size() == kRows);
  CHECK(bytes_of("VmRSS") - before < kBytes + kBytes / 4);
  // The largest parts are two sevenths.
  if (counts_anew) CHECK(bytes_of("VmHWM") - before < kBytes + kBytes / 2);
}
#endif

TEST_CASE("the replay buffer refuses wrong sizes, values that are not finite, and to sample from nothing",
          "[replay]") {
  CHECK_THROWS_AS(ReplayBuffer(0, 2, 1), ConfigError);
  ReplayBuffer buffer(5, 2, 1);
  Rng rng(4);
  CHECK_THROWS_AS(buffer.sample(1, rng), Error);
  const double obs[] = {1, 2}, action[] = {0}, bad[] = {1, NAN};
  CHECK_THROWS_AS(buffer.add(obs, obs, 0, obs, false), ShapeError);
  CHECK_THROWS_WITH(buffer.add(obs, action, 0, bad, false), Catch::Contains("next_obs[1] is nan"));
  CHECK_THROWS_AS(buffer.add(obs, action, INFINITY, obs, false), Error);
  CHECK_THROWS_WITH(buffer.add(obs, action, 1e39, obs, false), Catch::Contains("reward[0] is 1e+39"));
  CHECK(buffer.size() == 0);
}
