// A steady training step takes no memory from the system, nor does an environment's: every call of malloc and
// its kin in this program, by any thread, is counted. Not under a sanitizer, which has an allocator of its
// own and for which the pool keeps nothing.
#include <features.h>
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#include <atomic>
#include <cerrno>
#include <cmath>
#include <cstdlib>

#include <fmt/format.h>

#include "autograd/ops.h"
#include "autograd/pool.h"
#include "base/threads.h"
#include "envs/registry.h"
#include "rl/algorithms/registry.h"
#include "rl/components/replay_buffer.h"
#include "rl/runs/config.h"
#include "tests/support/catch.h"

namespace {

std::atomic<long> allocations = 0;

}  // namespace

extern "C" {

// NOLINTBEGIN(bugprone-reserved-identifier): the C library's own names
void* __libc_malloc(std::size_t bytes);
void* __libc_calloc(std::size_t n, std::size_t bytes);
void* __libc_realloc(void* block, std::size_t bytes);
void* __libc_memalign(std::size_t alignment, std::size_t bytes);
// NOLINTEND(bugprone-reserved-identifier)

void* malloc(std::size_t bytes) {
  ++allocations;
  return __libc_malloc(bytes);
}

void* calloc(std::size_t n, std::size_t bytes) {
  ++allocations;
  return __libc_calloc(n, bytes);
}

void* realloc(void* block, std::size_t bytes) {
  ++allocations;
  return __libc_realloc(block, bytes);
}

void* aligned_alloc(std::size_t alignment, std::size_t bytes) {
  ++allocations;
  return __libc_memalign(alignment, bytes);
}

int posix_memalign(void** block, std::size_t alignment, std::size_t bytes) {
  ++allocations;
  *block = __libc_memalign(alignment, bytes);
  return *block == nullptr ? ENOMEM : 0;
}

}  // extern "C"

namespace saccade::rl {

TEST_CASE("a steady step of training takes no memory from the system, on any number of threads",
          "[agent][slow]") {
  const int threads = num_threads();
  for (const int n : {1, 2, 3}) {
    for (const AlgorithmInfo& info : algorithms()) {
      INFO(info.name);
      set_num_threads(n);
      Rng rng(1);
      Config config(info.name);
      update_from_text(config, "hidden=[128,128]");  // wide enough for the kernels to share their work out
      const std::unique_ptr<Agent> agent = info.make(config.own(), {.obs = 17, .actions = 6, .rng = Rng(2)});
      const std::size_t width = info.actions == ActionKind::box ? 6 : 1;
      ReplayBuffer buffer(1000, 17, static_cast<std::int64_t>(width));
      std::vector<double> obs(17, 0.1), action(width), noise(width, 0.3);
      const auto step = [&] {
        agent->act(obs, noise, ActMode::explore, action);
        agent->act(obs, {}, ActMode::exploit, action);
        buffer.add(obs, action, 1, obs, false);
        agent->update(buffer.sample(256, rng), rng);
      };
      for (int i = 0; i < 25; ++i) step();  // past a policy that is updated in every twentieth
      const long before = allocations;
      for (int i = 0; i < 20; ++i) step();
      const long after = allocations;
      CHECK(after == before);
    }
  }
  set_num_threads(threads);
  pool::trim();
  const long before = allocations;
  const Tensor fresh = zeros({1234567});
  CHECK(allocations > before);
}

TEST_CASE("an environment's steps take no memory from the system", "[envs]") {
  std::vector<std::string> names = envs::ids();
  for (const char* file : {"half_cheetah_v4", "ant_v5", "reacher_v5"}) {  // with rates, forces and norms
    if (!envs::unavailable_ids().empty()) break;
    names.push_back(fmt::format("{}/tests/envs/tasks/{}.json", SACCADE_SOURCE_DIR, file));
  }
  for (const std::string& id : names) {
    INFO(id);
    const std::unique_ptr<envs::Env> env = envs::make(id);
    const envs::Spec& spec = env->spec();
    Rng rng(1);
    std::vector<double> obs(envs::size_of(spec.observation_space)), action(envs::size_of(spec.action_space));
    const envs::Box bounds = envs::bounds_of(spec.action_space);
    const bool discrete = std::holds_alternative<envs::Discrete>(spec.action_space);
    const auto step = [&](int i) {
      if (i % 20 == 0) env->reset(rng, obs);
      for (std::size_t j = 0; j < action.size(); ++j) {
        action[j] = discrete ? i % 2 : bounds.low[j] * std::sin(i);
      }
      const envs::StepResult t = env->step(action, obs);
      if (t.ends_episode()) env->reset(rng, obs);
    };
    for (int i = 0; i < 20; ++i) step(i);
    const long before = allocations;
    for (int i = 0; i < 60; ++i) step(i);
    const long after = allocations;
    CHECK(after == before);
  }
}

}  // namespace saccade::rl
#endif
