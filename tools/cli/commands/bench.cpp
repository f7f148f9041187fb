// saccade bench: how fast this is here, and how fast the machine would let it be.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <regex>

#include "base/error.h"
#include "base/threads.h"
#include "tools/bench/child.h"
#include "tools/bench/machine.h"
#include "tools/bench/measure.h"
#include "tools/cli/command.h"
#include "tools/cli/output.h"
#include "tools/cli/text.h"

namespace saccade::bench {

namespace {

using Json = nlohmann::ordered_json;

struct BenchCommand {
  std::string filter, threads, repeats;  // as typed; empty if not given
  bool list = false, json = false, memory_run = false;
};

Json to_json(const std::vector<Row>& rows) {
  Json list = Json::array();
  for (const Row& row : rows) {
    Json json = {{"name", row.name}, {"threads", row.threads}};
    const bool timed = !row.seconds.empty();
    const auto [min, max] = std::minmax_element(row.seconds.begin(), row.seconds.end());
    json["median_s"] = timed ? Json(median(row.seconds)) : Json(nullptr);
    json["min_s"] = timed ? Json(*min) : Json(nullptr);
    json["max_s"] = timed ? Json(*max) : Json(nullptr);
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
  cli::out("{}\n\n{:<36}{:>8}{:>11}{:>16}{:>9}\n", machine_line(), "", "threads", "median", "rate",
           "of limit");
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Row& row = rows[i];
    const auto alone = [&](std::size_t r) {
      return (r == 0 || group(rows[r - 1]) != group(rows[r])) &&
             (r + 1 == rows.size() || group(rows[r + 1]) != group(rows[r]));
    };
    if (i > 0 && group(rows[i - 1]) != group(row) && !(alone(i - 1) && alone(i))) cli::out("\n");
    const std::string rate =
        row.unit == "/s" ? compact(row.value) + "/s     " : fmt::format("{:.1f} {:<7}", row.value, row.unit);
    const std::string part = row.limit ? fmt::format("{:.0f} %", 100 * part_of_limit(row)) : "";
    cli::out("{}\n", without_trailing_spaces(
                         fmt::format("{:<36}{:>8}{:>11}{:>16}{:>9}", row.name, row.threads,
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

void run(const BenchCommand& options) {
  if (options.memory_run) {
    cli::out("{:.0f}\n", memory_run());
    return;
  }
  const std::regex filter = parse_filter(options.filter);
  const Wanted wanted = [&](const std::string& name) { return std::regex_search(name, filter); };
  const std::int64_t repeats =
      options.repeats.empty() ? 7 : parse_integer("--repeats", options.repeats, 1, 1000);
  std::vector<int> threads = {1};
  if (!options.threads.empty()) {
    threads[0] = static_cast<int>(parse_integer("--threads", options.threads, 1, 1024));
  } else if (num_threads() > 1) {
    threads.push_back(num_threads());
  }
  const std::vector<std::string> chosen = names(wanted);
  if (chosen.empty()) {
    throw ConfigError(fmt::format("--filter: nothing that is measured matches '{}'; see saccade bench --list",
                                  options.filter));
  }
  if (options.list) {
    for (const std::string& name : chosen) cli::out("{}\n", name);
    return;
  }
  const Json made_on = machine();
  const std::vector<Row> rows = measure(wanted, threads, repeats);
  options.json ? cli::out_json({{"machine", made_on}, {"rows", to_json(rows)}}) : print(rows);
}

}  // namespace

}  // namespace saccade::bench

namespace saccade::cli {

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

}  // namespace saccade::cli
