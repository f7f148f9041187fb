// saccade bench: how fast this is here, and how fast the machine would let it be.

#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>

#include "base/threads.h"
#include "base/error.h"
#include "tools/bench/cases.h"
#include "tools/bench/child.h"
#include "tools/bench/machine.h"
#include "tools/cli/command.h"
#include "tools/cli/text.h"

namespace saccade::bench {

namespace {

using Json = nlohmann::ordered_json;

struct BenchCommand {
  std::string filter, threads, repeats;  // as typed; empty if not given
  bool list = false, json = false, memory_run = false;
};

constexpr const char* kMemory = "memory/17-6-256";

// ---- measuring ----

// Seconds of each line of each case, one for each repeat.
using Samples = std::map<std::string, std::vector<double>>;

std::string key(const std::string& name, int threads) { return fmt::format("{}/t{}", name, threads); }

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

// ---- reporting ----

struct Row {
  std::string name;
  int threads;
  std::vector<double> seconds;  // none for the memory
  double value;
  std::string unit;
  std::optional<double> limit;  // in the same unit
};

// A rate is at most its limit, and a size at least.
double part_of_limit(const Row& row) {
  return row.seconds.empty() ? *row.limit / row.value : row.value / *row.limit;
}

Row make_row(const Line& line, int threads, const Samples& samples) {
  Row row{line.name, threads, samples.at(key(line.name, threads)), 0, line.unit, {}};
  row.value = line.amount / median(row.seconds);
  double least = 0;
  for (const Limit& limit : line.limits) {
    const auto same = samples.find(key(limit.name, threads));
    least += limit.calls * median(same == samples.end() ? samples.at(key(limit.name, 1)) : same->second);
  }
  if (least > 0) row.limit = line.amount / least;
  return row;
}

Row memory_row() {
  constexpr double kMega = 1e-6;
  if (isatty(STDERR_FILENO) != 0) show(kMemory);
  Row row{kMemory, 1, {}, kMega * peak_memory(), "MB", kMega * memory_buffer_bytes()};
  show("");
  return row;
}

Json to_json(const std::vector<Row>& rows) {
  Json list = Json::array();
  for (const Row& row : rows) {
    Json json = {{"name", row.name}, {"threads", row.threads}};
    const bool timed = !row.seconds.empty();
    const auto [least, most] = std::minmax_element(row.seconds.begin(), row.seconds.end());
    json["median_s"] = timed ? Json(median(row.seconds)) : Json(nullptr);
    json["min_s"] = timed ? Json(*least) : Json(nullptr);
    json["max_s"] = timed ? Json(*most) : Json(nullptr);
    json["repeats"] = std::max<std::size_t>(1, row.seconds.size());
    json["value"] = row.value;
    json["unit"] = row.unit;
    json["limit"] = row.limit ? Json(*row.limit) : Json(nullptr);
    json["part_of_limit"] = row.limit ? Json(part_of_limit(row)) : Json(nullptr);
    list.push_back(std::move(json));
  }
  return list;
}

std::string without_trailing_spaces(std::string line) { return line.erase(line.find_last_not_of(' ') + 1); }

// Rows of one kind and number of threads stand together.
std::string group(const Row& row) {
  const std::string kind = row.name.substr(0, row.name.find('/'));
  return kind == "peak" || row.name == kind ? kind : key(kind, row.threads);
}

void print(const std::vector<Row>& rows) {
  fmt::print("{}\n\n{:<36}{:>8}{:>11}{:>16}{:>9}\n", machine_line(), "", "threads", "median", "rate",
             "of limit");
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Row& row = rows[i];
    const auto alone = [&](std::size_t r) {
      return (r == 0 || group(rows[r - 1]) != group(rows[r])) &&
             (r + 1 == rows.size() || group(rows[r + 1]) != group(rows[r]));
    };
    if (i > 0 && group(rows[i - 1]) != group(row) && !(alone(i - 1) && alone(i))) fmt::print("\n");
    const std::string rate = row.unit == "/s" ? compact(row.value) + "/s     "
                                              : fmt::format("{:.1f} {:<7}", row.value, row.unit);
    const std::string part = row.limit ? fmt::format("{:.0f} %", 100 * part_of_limit(row)) : "";
    fmt::print("{}\n", without_trailing_spaces(fmt::format(
                           "{:<36}{:>8}{:>11}{:>16}{:>9}", row.name, row.threads,
                           row.seconds.empty() ? "" : time_text(median(row.seconds)), rate, part)));
  }
}

// ---- the command ----

std::regex parse_filter(const std::string& filter) {
  try {
    return std::regex(filter);
  } catch (const std::regex_error&) {
    throw ConfigError(fmt::format("--filter: '{}' given; expected a regular expression", filter));
  }
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

void run(const BenchCommand& options) {
  if (options.memory_run) {
    fmt::print("{:.0f}\n", memory_run());
    return;
  }
  const std::regex filter = parse_filter(options.filter);
  const auto matches = [&](const std::string& name) { return std::regex_search(name, filter); };
  const std::int64_t repeats =
      options.repeats.empty() ? 7 : tools::parse_integer("--repeats", options.repeats, 1, 1000);
  std::vector<int> threads = {1};
  if (!options.threads.empty()) {
    threads[0] = static_cast<int>(tools::parse_integer("--threads", options.threads, 1, 1024));
  } else if (num_threads() > 1) {
    threads.push_back(num_threads());
  }
  const std::vector<Case> cases =
      select(all_cases(threads), [&](const Line& line) { return matches(line.name); });
  if (cases.empty() && !matches(kMemory)) {
    throw ConfigError(fmt::format("--filter: nothing that is measured matches '{}'; see saccade bench --list",
                                  options.filter));
  }
  if (options.list) {
    std::vector<std::string> names;
    for (const Case& c : cases) {
      for (const Line& line : c.lines) {
        if (matches(line.name) && std::count(names.begin(), names.end(), line.name) == 0)
          names.push_back(line.name);
      }
    }
    if (matches(kMemory)) names.push_back(kMemory);
    for (const std::string& name : names) fmt::print("{}\n", name);
    return;
  }
  const Json made_on = machine();
  const Samples samples = cases.empty() ? Samples{} : measure(cases, repeats);
  std::vector<Row> rows;
  for (const Case& c : cases) {
    for (const Line& line : c.lines) {
      if (matches(line.name) || line.name.starts_with("peak/"))
        rows.push_back(make_row(line, c.threads, samples));
    }
  }
  if (matches(kMemory)) rows.push_back(memory_row());
  options.json ? fmt::print("{}\n", Json{{"machine", made_on}, {"rows", to_json(rows)}}.dump(2))
               : print(rows);
}

}  // namespace

}  // namespace saccade::bench

namespace saccade::tools {

void add_bench(CLI::App& app, int&) {
  CLI::App* sub = app.add_subcommand(
      "bench",
      "Measure how fast this is here. Matrix products, the SAC update and its phases, elementwise ops, the "
      "tape, "
      "the policy, environments, start-up and memory; beside each, the part of what the machine could do.");
  auto o = std::make_shared<bench::BenchCommand>();
  sub->add_option("--filter", o->filter, "only names that match this regular expression")->type_name("REGEX");
  sub->add_option("--threads", o->threads, "measure with this many (default: with one, and with all)")
      ->type_name("N");
  sub->add_option("--repeats", o->repeats, "how often, to take the median of (default: 7)")->type_name("N");
  sub->add_flag("--list", o->list, "only list the names");
  sub->add_flag("--json", o->json, "as JSON");
  sub->add_flag("--memory-run", o->memory_run,
                "only what memory/ measures, in this process: fill a buffer of 1M transitions, update, save; "
                "print the peak in bytes");
  sub->footer(
      "Examples:\n"
      "  saccade bench\n"
      "  saccade bench --filter '^update' --threads 1 --json");
  sub->callback([o] { bench::run(*o); });
}

}  // namespace saccade::tools
