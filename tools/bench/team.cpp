// saccade_bench_team: what training in a team takes, for docs/scaling.md. Alone, or `mpirun -n N
// saccade_bench_team`.
//
// A line each: what, its size, microseconds (the median of many, on rank 0).
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "autograd/ops.h"
#include "base/rng.h"
#include "nn/team.h"
#include "rl/algorithms/sac.h"
#include "rl/distributed/launch.h"

namespace {

using namespace saccade;
using Clock = std::chrono::steady_clock;

double median_us(int times, const std::function<void()>& f) {
  for (int i = 0; i < std::max(2, times / 10); ++i) f();
  std::vector<double> all;
  for (int i = 0; i < times; ++i) {
    const Clock::time_point start = Clock::now();
    f();
    all.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count());
  }
  std::nth_element(all.begin(), all.begin() + times / 2, all.end());
  return all[static_cast<std::size_t>(times / 2)];
}

void say(const std::string& what, const std::string& size, double us) {
  if (nn::leads()) fmt::print("{:<10} {:<24} {:>12.1f}\n", what, size, us);
  std::fflush(stdout);
}

// Averages of so many f32, as an update makes them of its gradients.
void time_averages() {
  nn::Team* const team = nn::team();
  if (team == nullptr) return;
  team->set_share(1.0 / team->size());
  for (const std::int64_t n : {1, 16, 256, 1023, 4096, 16384, 65536, 262144, 1048576, 4194304}) {
    const Tensor x = ones({n});
    say("average", fmt::format("{}", n),
        median_us(n > 100000 ? 60 : 400, [&] { team->average(TensorList{x}); }));
  }
  say("gather", "8 bytes", median_us(400, [&] { team->any(false); }));
}

// Whole updates of SAC, of the member's part of a batch.
void time_updates() {
  for (const std::int64_t width : {256, 1024}) {
    for (const std::int64_t batch : {4, 16, 64, 256, 1024, 4096}) {
      const std::int64_t own = batch / nn::team_size();
      if (own == 0) continue;
      rl::Sac agent({.hidden = {width, width}}, 17, 6, Rng(1));
      if (nn::team() != nullptr) nn::team()->set_share(1.0 / nn::team_size());
      Rng rng(static_cast<std::uint64_t>(nn::team() == nullptr ? 0 : nn::team()->rank()));
      const rl::Batch rows = {randn({own, 17}, rng), rand({own, 6}, rng, DType::f32, -1, 1),
                              randn({own, 1}, rng), randn({own, 17}, rng), zeros({own, 1})};
      const std::int64_t work = width * width * (own + 64);
      const int times =
          static_cast<int>(std::clamp<std::int64_t>(std::int64_t{8'000'000'000} / work, 5, 300));
      say("update", fmt::format("{0}x{0} batch {1}", width, batch),
          median_us(times, [&] { agent.update(rows, rng); }));
    }
  }
}

int measure(int, char**) {
  say("members", "", nn::team_size());
  time_averages();
  time_updates();
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return rl::run_in_team(argc, argv, measure); }
