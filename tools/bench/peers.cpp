// saccade_bench_peers: this engine and others side by side, in one process.

#include <fmt/format.h>
#include <malloc.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <regex>
#include <thread>

#include "base/error.h"
#include "base/text.h"
#include "base/threads.h"
#include "tools/bench/child.h"
#include "tools/bench/comparisons.h"
#include "tools/bench/machine.h"

namespace saccade::bench {

namespace {

using Json = nlohmann::ordered_json;

struct Options {
  std::string filter, threads, repeats, python;  // as typed; empty if not given
  bool list = false, json = false, haswell = false;
};

// Environment variables that libraries read when they are loaded, and that keep them from their best.
constexpr const char* kHoldBack[] = {"OPENBLAS_CORETYPE",       "OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS",
                                     "ATEN_CPU_CAPABILITY",     "DNNL_MAX_CPU_ISA",     "ONEDNN_MAX_CPU_ISA",
                                     "DNNL_DEFAULT_FPMATH_MODE"};

// Starts this program anew without them, if any is set. Memory that a library frees stays with the process,
// so that the next call does not have to ask the system for it again; this engine has a cache of its own.
void let_peers_loose(char** argv) {
  constexpr int kAll = 1 << 30;
  mallopt(M_MMAP_THRESHOLD, kAll);
  mallopt(M_TRIM_THRESHOLD, kAll);
  bool any = false;
  for (const char* name : kHoldBack) {
    any |= std::getenv(name) != nullptr;
    unsetenv(name);
  }
  if (any) execv("/proc/self/exe", argv);
}

// ---- measuring ----

struct Row {
  std::string name, peer;
  int threads = 1;
  double ours = 0, theirs = 0, ratio = 0;  // seconds; 0 where there is no peer
  std::optional<Reach> reach;
  std::string unit = "s";
};

// On a terminal, a line that says what is being measured.
void show(const std::string& what) {
  if (isatty(STDERR_FILENO) != 0) fmt::print(stderr, "\r\033[K{:.79}", what);
}

double sum(const std::vector<double>& values) {
  double total = 0;
  for (const double value : values) total += value;
  return total;
}

// So many calls take about kTurn seconds. The first call of all may prepare something, and is not timed.
std::int64_t calls_for(const Work& work) {
  constexpr double kTurn = 0.01;
  work(1);
  for (std::int64_t calls = 1;;) {
    const double seconds = sum(work(calls)) * static_cast<double>(calls);
    if (seconds >= 0.8 * kTurn) return calls;
    calls = std::max(2 * calls,
                     static_cast<std::int64_t>(static_cast<double>(calls) * kTurn / std::max(seconds, 1e-9)));
  }
}

// A turn. On several threads, the other side's workers spin for some milliseconds after its turn and would
// hold a core: wait until they sleep, and wake this side's with one call that is not timed.
std::vector<double> turn(const Work& work, std::int64_t calls, int threads) {
  if (threads > 1) {
    std::this_thread::sleep_for(std::chrono::milliseconds(25));
    work(1);
  }
  return work(calls);
}

// Ours and theirs in turns, each first in every other round; medians of the times and of each round's ratio.
std::vector<Row> measure(const Comparison& c, std::int64_t rounds) {
  constexpr double kLong = 10;  // seconds, after which few rounds will do
  constexpr std::int64_t kFew = 5;
  const auto start = std::chrono::steady_clock::now();
  const std::int64_t our_calls = calls_for(c.ours), their_calls = c.theirs ? calls_for(c.theirs) : 0;
  std::vector<std::vector<double>> ours(c.names.size()), theirs(c.names.size()), ratios(c.names.size());
  for (std::int64_t round = 0; round < rounds; ++round) {
    std::vector<double> a, b;
    if (c.theirs && round % 2 == 1) b = turn(c.theirs, their_calls, c.threads);
    a = turn(c.ours, our_calls, c.threads);
    if (c.theirs && round % 2 == 0) b = turn(c.theirs, their_calls, c.threads);
    for (std::size_t i = 0; i < c.names.size(); ++i) {
      ours[i].push_back(a[i]);
      theirs[i].push_back(c.theirs ? b[i] : 0);
      ratios[i].push_back(c.theirs ? b[i] / a[i] : 0);
    }
    if (std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() > kLong &&
        round + 1 >= kFew)
      break;
  }
  std::vector<Row> rows;
  for (std::size_t i = 0; i < c.names.size(); ++i)
    rows.push_back(
        {c.names[i], c.peer, c.threads, median(ours[i]), median(theirs[i]), median(ratios[i]), c.reach});
  return rows;
}

constexpr const char* kMemory = "memory/17-6-256";

Row memory_row() {
  constexpr double kMega = 1e6, kShare = 1.05, kRest = 50 * kMega;
  const double max = kShare * memory_buffer_bytes() + kRest;
  return {kMemory, "", 1, peak_memory(), 0, 0, Reach{max, max, true}, "B"};
}

// The measurements of the script in that interpreter, each beside ours on the number of threads that suits us
// best.
std::vector<Row> python_rows(const std::string& python, const std::vector<int>& threads, std::int64_t rounds,
                             const std::function<bool(const std::string&)>& wanted, Json& missing) {
  show("Python: " + python);
  const Json found = Json::parse(run_child({python, SACCADE_PEERS_SCRIPT, "--measure"}));
  missing = found.at("missing");
  std::vector<Row> rows;
  for (const UpdateSize& size : update_sizes()) {
    const std::string name = "update/" + size.name;
    if (!wanted(name)) continue;
    Row best;
    for (const int t : threads) {
      const Row row = measure({"", t, {name}, with_threads(t, update(size)), {}, {}}, rounds)[0];
      if (best.ours == 0 || row.ours < best.ours) best = row;
    }
    for (const Json& peer : found.at("rows")) {
      if (peer.at("name") != name) continue;
      best.peer = peer.at("peer").get<std::string>();
      best.theirs = peer.at("median_s").get<double>();
      best.ratio = best.theirs / best.ours;
      rows.push_back(best);
    }
  }
  std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.peer < b.peer; });
  return rows;
}

// ---- reporting ----

bool reached(const Row& row, double figure) {
  return row.reach->absolute ? row.ours <= figure : row.ratio >= figure;
}

std::string verdict(const Row& row) {
  if (!row.reach) return "";
  if (!reached(row, row.reach->figure)) return "no";
  return row.reach->stretch != row.reach->figure && reached(row, row.reach->stretch) ? "stretch" : "yes";
}

std::string amount(double value, const std::string& unit) {
  return unit == "B" ? fmt::format("{:.0f} MB", value / 1e6) : time_text(value);
}

Json to_json(const Row& row) {
  const auto if_any = [](bool any, const auto& value) { return any ? Json(value) : Json(nullptr); };
  const bool peer = row.theirs > 0;
  return {{"name", row.name},
          {"peer", if_any(peer, row.peer)},
          {"threads", row.threads},
          {"ours", row.ours},
          {"theirs", if_any(peer, row.theirs)},
          {"unit", row.unit},
          {"ratio", if_any(peer, row.ratio)},
          {"reach", if_any(row.reach.has_value(), row.reach ? row.reach->figure : 0)},
          {"stretch", if_any(row.reach.has_value(), row.reach ? row.reach->stretch : 0)},
          {"reach_is", if_any(row.reach.has_value(),
                              row.reach && row.reach->absolute ? "ours at most" : "ratio at least")},
          {"reached", if_any(row.reach.has_value(), verdict(row))}};
}

Row from_json(const Json& json) {
  Row row{json.at("name"),
          json.at("peer"),
          json.at("threads"),
          json.at("ours"),
          json.at("theirs"),
          json.at("ratio"),
          {}};
  row.reach = Reach{json.at("reach"), json.at("stretch")};
  return row;
}

void print(const std::vector<Row>& rows) {
  fmt::print("{}\n", machine_line());
  std::string heading = "none yet";
  for (const Row& row : rows) {
    if (row.peer != heading) {
      heading = row.peer;
      fmt::print("\n{:<32}{:>4}{:>10}{:>10}{:>8}{:>9}\n", heading.empty() ? "alone" : heading, "thr", "us",
                 "peer", "us/peer", "reach");
    }
    std::string reach;
    if (row.reach)
      reach = row.reach->absolute ? amount(row.reach->figure, row.unit)
                                  : fmt::format("{:.2f}", row.reach->figure);
    std::string line =
        fmt::format("{:<32}{:>4}{:>10}{:>10}{:>8}{:>9} {}", row.name, row.threads, amount(row.ours, row.unit),
                    row.theirs > 0 ? amount(row.theirs, row.unit) : "",
                    row.theirs > 0 ? fmt::format("{:.2f}", row.ratio) : "", reach, verdict(row));
    fmt::print("{}\n", line.erase(line.find_last_not_of(' ') + 1));
  }
}

// ---- the program ----

std::vector<Row> haswell_rows(const Options& options) {
  // The filter is this process's own, so all of them are measured there.
  std::vector<std::string> arguments = {"/proc/self/exe", "--haswell", "--json", "--filter", options.filter};
  if (!options.repeats.empty()) arguments.insert(arguments.end(), {"--repeats", options.repeats});
  const Json found = Json::parse(run_child(arguments, {"SACCADE_ISA=avx2", "OPENBLAS_CORETYPE=Haswell"}));
  std::vector<Row> rows;
  for (const Json& row : found.at("rows")) rows.push_back(from_json(row));
  return rows;
}

void run(const Options& options) {
  std::regex filter;
  try {
    filter = std::regex(options.filter);
  } catch (const std::regex_error&) {
    throw ConfigError(fmt::format("--filter: '{}' given; expected a regular expression", options.filter));
  }
  const auto matches = [&](const std::string& name) { return std::regex_search(name, filter); };
  const auto any_matches = [&](const std::vector<std::string>& names) {
    return std::any_of(names.begin(), names.end(), matches);
  };
  const std::int64_t rounds =
      options.repeats.empty() ? 21 : parse_integer("--repeats", options.repeats, 1, 1000);
  std::vector<int> threads = {1};
  if (!options.threads.empty()) {
    threads[0] = static_cast<int>(parse_integer("--threads", options.threads, 1, 1024));
  } else if (num_threads() > 1) {
    threads.push_back(num_threads());
  }

  const auto chosen = [&](std::vector<Candidate> candidates) {
    std::erase_if(candidates, [&](const Candidate& c) { return !any_matches(c.names); });
    return candidates;
  };
  const std::vector<Candidate> held = chosen(haswell_comparisons());
  const std::vector<Candidate> candidates = options.haswell ? held : chosen(all_comparisons(threads));
  const bool memory = !options.haswell && matches(kMemory), with_held = !options.haswell && !held.empty();
  if (candidates.empty() && !with_held && !memory) {
    throw ConfigError(
        fmt::format("--filter: nothing that is compared matches '{}'; see --list", options.filter));
  }
  if (options.list) {
    std::vector<std::string> names;
    const auto add = [&](const std::string& name) {
      if (matches(name) && std::count(names.begin(), names.end(), name) == 0) names.push_back(name);
    };
    for (const Candidate& c : candidates) std::for_each(c.names.begin(), c.names.end(), add);
    for (const Candidate& c : held) std::for_each(c.names.begin(), c.names.end(), add);
    if (memory) add(kMemory);
    for (const std::string& name : names) fmt::print("{}\n", name);
    return;
  }

  const Json made_on = machine();
  std::vector<Row> rows;
  for (const Candidate& candidate : candidates) {
    show(candidate.names[0]);
    for (const Row& row : measure(candidate.make(), rounds)) {
      if (matches(row.name)) rows.push_back(row);
    }
  }
  Json missing = Json::array();
  if (!options.python.empty()) {
    for (const Row& row : python_rows(options.python, threads, rounds, matches, missing)) rows.push_back(row);
  }
  if (with_held) {
    show("OpenBLAS's Haswell kernels");
    for (const Row& row : haswell_rows(options)) rows.push_back(row);
  }
  if (memory) rows.push_back(memory_row());
  // Lines without a peer come last.
  std::stable_partition(rows.begin(), rows.end(), [](const Row& row) { return !row.peer.empty(); });
  show("");

  if (options.json) {
    Json list = Json::array();
    for (const Row& row : rows) list.push_back(to_json(row));
    fmt::print("{}\n", Json{{"machine", made_on}, {"rows", list}, {"missing", missing}}.dump(2));
    return;
  }
  print(rows);
  for (const Json& what : missing) fmt::print("\n{}: {}\n", options.python, what.get<std::string>());
}

int fail(int exit_code, std::string message) {
  std::replace(message.begin(), message.end(), '\n', ' ');
  std::fflush(stdout);
  fmt::print(stderr, "saccade_bench_peers: error: {}\n", message);
  return exit_code;
}

int main_of(int argc, char** argv) {
  constexpr int kFailure = 1, kUsage = 2;
  Options o;
  CLI::App app("Saccade and other libraries side by side: speed ratios, and what is to be reached.");
  app.add_option("--filter", o.filter, "only names that match this regular expression")->type_name("REGEX");
  app.add_option("--threads", o.threads, "ours on so many (default: on one, and on all)")->type_name("N");
  app.add_option("--repeats", o.repeats, "rounds, to take the median of (default: 21)")->type_name("N");
  app.add_option("--python", o.python, "an interpreter with torch or SBX, for tools/bench/peers.py")
      ->type_name("PATH");
  app.add_flag("--list", o.list, "only list the names");
  app.add_flag("--json", o.json, "as JSON");
  app.add_flag("--haswell", o.haswell, "only avx2/, in this process, whose environment must ask for it");
  try {
    app.parse(argc, argv);
    if (!o.haswell) let_peers_loose(argv);
    run(o);
    return 0;
  } catch (const CLI::CallForHelp&) {
    fmt::print("{}", app.help());
    return 0;
  } catch (const CLI::ParseError& error) {
    return fail(kUsage, error.what());
  } catch (const ConfigError& error) {
    return fail(kUsage, error.what());
  } catch (const std::exception& error) {
    return fail(kFailure, error.what());
  }
}

}  // namespace

}  // namespace saccade::bench

int main(int argc, char** argv) { return saccade::bench::main_of(argc, argv); }
