#include "tools/bench/cases.h"

#include <fmt/format.h>

#include <set>

#include "envs/mujoco/tasks.h"
#include "envs/registry.h"
#include "tools/bench/child.h"
#include "tools/bench/peak.h"
#include "tools/bench/physics.h"

namespace saccade::bench {

namespace {

constexpr const char *kFma = "peak/fma", *kRead = "peak/read-l2", *kCopy = "peak/copy-l2",
                     *kProcess = "peak/process";
constexpr double kGiga = 1e-9;

Limit fma(double flops, int threads) { return {kFma, flops / static_cast<double>(kFmaFlops * threads)}; }

// To read and write whole arrays of `bytes` each, every one written being a copy of one that is read. Each
// thread has a cache of its own.
std::vector<Limit> traffic(double bytes, int reads, int writes, int threads = 1) {
  return {{kCopy, writes * bytes / static_cast<double>(kCopyBytes * threads)},
          {kRead, (reads - writes) * bytes / static_cast<double>(kReadBytes * threads)}};
}

void add_peaks(std::vector<Case>& cases, const std::vector<int>& threads) {
  for (const int t : threads) {
    cases.push_back(
        {t, {{kFma, kGiga * static_cast<double>(kFmaFlops * t), "GFLOP/s"}}, [t] { return fma_peak(t); }});
  }
  cases.push_back({1, {{kRead, kGiga * kReadBytes, "GB/s"}}, read_peak});
  cases.push_back({1, {{kCopy, kGiga * 2 * kCopyBytes, "GB/s"}}, copy_peak});
  cases.push_back(
      {1, {{"peak/copy-dram", kGiga * 2 * static_cast<double>(kBigCopyBytes), "GB/s"}}, big_copy_peak});
  cases.push_back({1, {{kProcess, 1, "/s"}}, process_start});
}

void add_gemm(std::vector<Case>& cases, int threads) {
  for (const GemmShape& shape : gemm_shapes()) {
    for (const char* layout : {"nn", "nt", "tn"}) {
      const ProductList product = single_product(shape, layout);
      cases.push_back(
          {threads,
           {{gemm_name(shape, layout), kGiga * product.flops(), "GFLOP/s", {fma(product.flops(), threads)}}},
           [product] { return products(product); }});
    }
  }
}

Line phase_line(const UpdateSize& size, const ProductList& list, Phase phase, int threads) {
  const ParameterCounts parameters = parameter_counts(size);
  Line line{fmt::format("update/{}/{}", size.name, name(phase)), 1, "/s"};
  // Adam reads p, g, m and v and writes all but g; the targets' step reads two and writes one.
  if (phase == Phase::critic_adam) line.limits = traffic(4 * parameters.critics, 4, 3, threads);
  if (phase == Phase::actor_adam) line.limits = traffic(4 * parameters.actor, 4, 3, threads);
  if (phase == Phase::polyak) line.limits = traffic(4 * parameters.critics, 2, 1, threads);
  if (const double flops = list.flops(phase); flops > 0) line.limits = {fma(flops, threads)};
  return line;
}

void add_update(std::vector<Case>& cases, const UpdateSize& size, int threads) {
  const ProductList list = update_products(size);
  const std::vector<Limit> limit = {fma(list.flops(), threads)};
  const std::string whole = "update/" + size.name;
  cases.push_back({threads, {{whole, 1, "/s", limit}}, [size] { return update(size); }});
  cases.push_back({threads, {{whole + "/products", 1, "/s", limit}}, [list] { return products(list); }});
  Case phases{threads, {}, [size] { return update_phases(size); }};
  for (std::size_t p = 0; p < kPhases; ++p) {
    phases.lines.push_back(phase_line(size, list, static_cast<Phase>(p), threads));
  }
  cases.push_back(std::move(phases));
}

void add_environments(std::vector<Case>& cases) {
  std::set<std::string> with_physics;
#ifdef SACCADE_MUJOCO
  for (const std::string& id : envs::mujoco_ids()) {
    with_physics.insert(id);
    cases.push_back({1, {{"physics/" + id, 1, "/s"}}, [id] { return physics_step(id); }});
  }
#endif
  for (const std::string& id : envs::ids()) {
    Line line{"env/" + id, 1, "/s"};
    if (with_physics.contains(id)) line.limits = {{"physics/" + id, 1}};
    cases.push_back({1, {line}, [id] { return env_step(id); }});
  }
}

void add_single_threaded(std::vector<Case>& cases) {
  const UpdateSize& size = update_sizes()[0];
  cases.push_back({1,
                   {{"policy/" + size.name, 1, "/s", traffic(4 * parameter_counts(size).actor, 1, 0)}},
                   [size] { return policy(size); }});
  for (const auto& [op, inputs] : elementwise_ops()) {
    constexpr double kBytes = 4.0 * kElements;
    cases.push_back({1,
                     {{fmt::format("elementwise/{}", op), kGiga * kBytes * (inputs + 1), "GB/s",
                       traffic(kBytes, inputs, 1)}},
                     [op = std::string(op)] { return elementwise(op); }});
  }
  cases.push_back({1, {{"tape/op", 1, "/s"}}, tape});
  add_environments(cases);
  cases.push_back({1, {{"start-up", 1, "/s", {{kProcess, 1}}}}, start_up});
  cases.push_back({1, {{"train/pendulum", 1e4, "/s"}}, train_pendulum});
}

}  // namespace

std::vector<Case> all_cases(const std::vector<int>& threads) {
  std::vector<Case> cases;
  add_peaks(cases, threads);
  for (const int t : threads) add_gemm(cases, t);
  for (const UpdateSize& size : update_sizes()) {
    for (const int t : threads) add_update(cases, size, t);
  }
  add_single_threaded(cases);
  for (Case& c : cases) {
    c.make = [make = std::move(c.make), t = c.threads] { return with_threads(t, make()); };
  }
  return cases;
}

}  // namespace saccade::bench
