#include "tools/bench/measure.h"

#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <string>

#include "tools/bench/child.h"
#include "tools/bench/machine.h"

namespace saccade::bench {

namespace {

constexpr const char* kMemory = "memory/17-6-256";

// Seconds of each line of each case, one for each repeat.
using Samples = std::map<std::string, std::vector<double>>;

// Google Benchmark calibrates, repeats and interleaves; this keeps what it found until all is there.
class Collector : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      if (run.run_type != Run::RT_Iteration) continue;
      for (const auto& [line, seconds] : run.counters) samples[line].push_back(seconds.value);
    }
  }

  Samples samples;
};

// On a terminal, a line that says what is being measured.
void show(const std::string& what) {
  if (isatty(STDERR_FILENO) != 0) fmt::print(stderr, "\r\033[K{:.79}", what);
}

Samples measure(const std::vector<Case>& cases, std::int64_t repeats) {
  constexpr double kSeconds = 0.05;  // of work, each time
  for (const Case& c : cases) {
    const auto body = [&c, work = c.make()](benchmark::State& state) {
      show(c.lines[0].name);
      while (state.KeepRunningBatch(state.max_iterations)) {
        const std::vector<double> seconds = work(state.max_iterations);
        double sum = 0;
        for (std::size_t i = 0; i < seconds.size(); ++i) {
          state.counters[key(c.lines[i].name, c.threads)] = seconds[i];
          sum += seconds[i];
        }
        state.SetIterationTime(sum * static_cast<double>(state.max_iterations));
      }
    };
    benchmark::RegisterBenchmark(key(c.lines[0].name, c.threads).c_str(), body)
        ->UseManualTime()
        ->MinTime(kSeconds)
        ->Repetitions(static_cast<int>(repeats));
  }
  std::string program = "saccade", interleave = "--benchmark_enable_random_interleaving=true";
  char* arguments[] = {program.data(), interleave.data(), nullptr};
  int count = 2;
  benchmark::Initialize(&count, arguments);
  Collector collector;
  benchmark::RunSpecifiedBenchmarks(&collector);
  show("");
  return collector.samples;
}

Row make_row(const Line& line, int threads, const Samples& samples) {
  Row row{line.name, threads, samples.at(key(line.name, threads)), 0, line.unit, {}};
  row.value = line.amount / median(row.seconds);
  double floor = 0;
  for (const Limit& limit : line.limits) {
    const auto same = samples.find(key(limit.name, threads));
    floor += limit.calls * median(same == samples.end() ? samples.at(key(limit.name, 1)) : same->second);
  }
  if (floor > 0) row.limit = line.amount / floor;
  return row;
}

Row memory_row() {
  constexpr double kMega = 1e-6;
  if (isatty(STDERR_FILENO) != 0) show(kMemory);
  Row row{kMemory, 1, {}, kMega * peak_memory(), "MB", kMega * memory_buffer_bytes()};
  show("");
  return row;
}

bool has_line(const Case& c, const std::function<bool(const Line&)>& wanted) {
  return std::any_of(c.lines.begin(), c.lines.end(), wanted);
}

// Those with a line that is wanted, and the limits of such lines.
std::vector<Case> select(const std::vector<Case>& all, const std::function<bool(const Line&)>& wanted) {
  std::vector<Case> chosen;
  for (const Case& c : all) {
    const bool is_limit = std::any_of(all.begin(), all.end(), [&](const Case& other) {
      return has_line(other, [&](const Line& line) {
        return wanted(line) && std::any_of(line.limits.begin(), line.limits.end(),
                                           [&](const Limit& limit) { return limit.name == c.lines[0].name; });
      });
    });
    if (is_limit || has_line(c, wanted)) chosen.push_back(c);
  }
  return chosen;
}

}  // namespace

std::string key(const std::string& name, int threads) { return fmt::format("{}/t{}", name, threads); }

// A rate is at most its limit, and a size at least.
double part_of_limit(const Row& row) {
  return row.seconds.empty() ? *row.limit / row.value : row.value / *row.limit;
}

std::vector<std::string> names(const Wanted& wanted) {
  std::vector<std::string> all;
  for (const Case& c : all_cases({1})) {
    for (const Line& line : c.lines) {
      if (wanted(line.name) && std::count(all.begin(), all.end(), line.name) == 0) all.push_back(line.name);
    }
  }
  if (wanted(kMemory)) all.push_back(kMemory);
  return all;
}

std::vector<Row> measure(const Wanted& wanted, const std::vector<int>& threads, std::int64_t repeats) {
  const std::vector<Case> cases =
      select(all_cases(threads), [&](const Line& line) { return wanted(line.name); });
  const Samples samples = cases.empty() ? Samples{} : measure(cases, repeats);
  std::vector<Row> rows;
  for (const Case& c : cases) {
    for (const Line& line : c.lines) {
      if (wanted(line.name) || line.name.starts_with("peak/"))
        rows.push_back(make_row(line, c.threads, samples));
    }
  }
  if (wanted(kMemory)) rows.push_back(memory_row());
  return rows;
}

}  // namespace saccade::bench
