// saccade gradcheck: every gradient in Saccade against finite differences.

#include "autograd/gradcheck.h"

#include <fmt/format.h>
#include <fnmatch.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"
#include "tests/suite.h"
#include "tools/command.h"
#include "tools/text.h"

namespace saccade::tools {

namespace {

using Json = nlohmann::ordered_json;

struct GradcheckCommand {
  std::string filter, order_text = "2";
  int order = 2;
  bool json = false;
};

struct Failure {
  std::string variant, explanation;
};

// All checks of one op or quantity.
struct Row {
  std::string group, name;
  int checks = 0;
  std::int64_t elements = 0;  // of inputs, of order 1
  double worst[2] = {0, 0};   // relative errors of orders 1 and 2
  std::vector<Failure> failures = {};
};

bool matches(const suite::Check& check, const std::string& filter) {
  const std::string text = fmt::format("{}/{} {}", check.group, check.name, check.variant);
  return fnmatch(("*" + filter + "*").c_str(), text.c_str(), FNM_CASEFOLD) == 0;
}

// Those of one group, and in it of one name, together; otherwise in the suite's order.
void sort_by_name(std::vector<suite::Check>& checks) {
  std::map<std::string, std::size_t> groups, names;
  const auto place = [&](const suite::Check& check) {
    return std::pair(groups.at(check.group), names.at(check.group + '/' + check.name));
  };
  for (const suite::Check& check : checks) {
    groups.emplace(check.group, groups.size());
    names.emplace(check.group + '/' + check.name, names.size());
  }
  std::stable_sort(checks.begin(), checks.end(),
                   [&](const suite::Check& a, const suite::Check& b) { return place(a) < place(b); });
}

std::vector<suite::Check> select(const std::string& filter) {
  std::vector<suite::Check> checks = suite::all_checks();
  std::erase_if(checks,
                [&](const suite::Check& check) { return !check.differentiable || !matches(check, filter); });
  if (checks.empty()) {
    throw ConfigError(fmt::format(
        "--filter: no check matches '{}'; expected part of a name, such as matmul or 'log pi'", filter));
  }
  sort_by_name(checks);
  return checks;
}

void add(Row& row, const suite::Check& check, const GradcheckResult& result) {
  ++row.checks;
  for (const InputCheck& input : result.inputs) {
    if (input.order == 1) row.elements += static_cast<std::int64_t>(input.elements.size());
  }
  for (int order = 1; order <= 2; ++order) {
    row.worst[order - 1] = std::max(row.worst[order - 1], result.worst_relative_error(order));
  }
  if (!result.passed()) row.failures.push_back({check.variant, result.explanation()});
}

// Runs the checks in order; calls `done` with each row as soon as it is complete.
template <class F>
std::vector<Row> run_checks(const std::vector<suite::Check>& checks, int order, const F& done) {
  std::vector<Row> rows;
  for (const suite::Check& check : checks) {
    if (rows.empty() || rows.back().group != check.group || rows.back().name != check.name) {
      if (!rows.empty()) done(rows.back());
      rows.push_back({check.group, check.name});
    }
    add(rows.back(), check, check.run(order));
  }
  done(rows.back());
  return rows;
}

// Prints rows as they come, with a heading for each group.
class Table {
 public:
  explicit Table(int order) : order_(order) {}

  void print(const Row& row) {
    if (row.group != group_) {
      if (!group_.empty()) fmt::print("\n");
      group_ = row.group;
      print_line(group_, "checks", "elements", "order 1", "order 2", "");
    }
    const auto error = [](double e) { return e == 0 ? "0" : fmt::format("{:.1e}", e); };
    print_line("  " + row.name, fmt::format("{}", row.checks), fmt::format("{}", row.elements),
               error(row.worst[0]), error(row.worst[1]), row.failures.empty() ? "  ok" : "  FAILED");
    for (const Failure& failure : row.failures) {
      const std::string text = fmt::format("{}: {}", failure.variant, failure.explanation);
      for (const std::string& line : wrap(text, kColumns - 4)) fmt::print("    {}\n", line);
    }
    std::fflush(stdout);
  }

 private:
  void print_line(const std::string& name, const std::string& checks, const std::string& elements,
                  const std::string& order_1, const std::string& order_2, const char* verdict) const {
    fmt::print("{:<34} {:>6} {:>8} {:>8}", name, checks, elements, order_1);
    if (order_ == 2) fmt::print(" {:>8}", order_2);
    fmt::print("{}\n", verdict);
  }

  int order_;
  std::string group_;
};

Json to_json(const std::vector<Row>& rows, const GradcheckCommand& options, double seconds, bool passed) {
  Json list = Json::array();
  for (const Row& row : rows) {
    Json json = {{"group", row.group},
                 {"name", row.name},
                 {"checks", row.checks},
                 {"elements", row.elements},
                 {"order_1", row.worst[0]}};
    if (options.order == 2) json["order_2"] = row.worst[1];
    json["passed"] = row.failures.empty();
    json["failures"] = Json::array();
    for (const Failure& f : row.failures) {
      json["failures"].push_back({{"variant", f.variant}, {"explanation", f.explanation}});
    }
    list.push_back(json);
  }
  return {{"passed", passed}, {"order", options.order}, {"seconds", seconds}, {"rows", list}};
}

int run(const GradcheckCommand& options) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  const std::vector<suite::Check> checks = select(options.filter);
  if (!options.json) {
    fmt::print("Analytic gradients against finite differences in f64: worst relative errors\n\n");
  }
  Table table(options.order);
  const std::vector<Row> rows = run_checks(checks, options.order, [&](const Row& row) {
    if (!options.json) table.print(row);
  });
  std::size_t failures = 0;
  for (const Row& row : rows) failures += row.failures.size();
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  if (options.json) {
    fmt::print("{}\n", to_json(rows, options, seconds, failures == 0).dump(2));
  } else if (failures == 0) {
    fmt::print("\nAll {} checks passed, in {:.1f} s.\n", checks.size(), seconds);
  } else {
    fmt::print("\n{} of {} checks FAILED, in {:.1f} s.\n", failures, checks.size(), seconds);
  }
  return failures == 0 ? 0 : 1;
}

}  // namespace

void add_gradcheck(CLI::App& app, int& exit_code) {
  CLI::App* sub = app.add_subcommand(
      "gradcheck",
      "Check every gradient against finite differences. Every op in many shapes and memory layouts, and the "
      "log-probability that SAC rests on; of order 2, the gradients' own gradients too. Exits with 1 if any "
      "check fails.");
  auto options = std::make_shared<GradcheckCommand>();
  sub->add_option("--filter", options->filter,
                  "only checks whose group, name or variant holds this; * and ? match")
      ->type_name("PATTERN");
  sub->add_option("--order", options->order_text, "1 or 2 (default 2)")->type_name("N");
  sub->add_flag("--json", options->json, "as JSON");
  sub->footer(
      "Examples:\n"
      "  saccade gradcheck\n"
      "  saccade gradcheck --filter matmul\n"
      "  saccade gradcheck --filter 'log pi' --json");
  sub->callback([options, &exit_code] {
    options->order = static_cast<int>(parse_integer("--order", options->order_text, 1, 2));
    exit_code = run(*options);
  });
}

}  // namespace saccade::tools
