// saccade gradcheck: every gradient in Saccade against finite differences, or in f32 against f64.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"
#include "tools/cli/command.h"
#include "tools/cli/mutation_report.h"
#include "tools/cli/output.h"
#include "tools/cli/text.h"
#include "tools/gradcheck/rows.h"
#include "tools/pages/assemble.h"
#include "tools/pages/gradcheck_page.h"

namespace saccade::cli {

namespace {

using Json = nlohmann::ordered_json;

struct GradcheckCommand {
  std::string filter, order_text, dtype = "f64", html;
  int order = 2;
  bool json = false, mutate = false, force = false;

  bool f32() const { return dtype == "f32"; }
};

// Prints rows as they come, with a heading for each group.
class Table {
 public:
  explicit Table(const GradcheckCommand& options) : options_(options) {
    out("{}\n", options.f32()
                    ? "Values and gradients in f32 against f64: worst errors, units of f32's rounding"
                    : "Gradients against finite differences, values against formulas, in f64: worst\n"
                      "relative errors");
  }

  void print(const suite::Row& row) {
    if (!options_.f32() && row.relative(1) < 0 && row.value() < 0 && row.failures() == 0)
      return;  // nothing was compared
    if (row.group != group_) {
      out("\n");
      group_ = row.group;
      options_.f32() ? print_line(group_, "checks", "elements", "error", "limit", "", "")
                     : print_line(group_, "checks", "elements", "value", "order 1", "order 2", "");
    }
    const char* verdict = row.failures() == 0 ? "  ok" : "  FAILED";
    const std::string name = "  " + row.name, checks = fmt::format("{}", row.variants.size()),
                      elements = fmt::format("{}", row.elements());
    options_.f32()
        ? print_line(name, checks, elements, fmt::format("{:.1f}", row.f32()),
                     fmt::format("{:.0f}", row.f32_limit), "", verdict)
        : print_line(name, checks, elements, suite::error_text(row.value()),
                     suite::error_text(row.relative(1)), suite::error_text(row.relative(2)), verdict);
    int shown = 0;
    for (const suite::Variant& variant : row.variants) {
      for (const std::string& failure : variant.failures) {
        if (++shown > kShown) continue;
        const std::string text = fmt::format("{}: {}", variant.name, failure);
        for (const std::string& line : wrap(text, kColumns - 4)) out("    {}\n", line);
      }
    }
    if (shown > kShown)
      out("    and {} more: saccade gradcheck --filter '{}' --json\n", shown - kShown, row.name);
    flush_out();
  }

 private:
  static constexpr int kShown = 2;  // failures of one row

  void print_line(const std::string& name, const std::string& checks, const std::string& elements,
                  const std::string& first, const std::string& second, const std::string& third,
                  const char* verdict) const {
    const std::size_t room = 42 - std::min<std::size_t>(name.size(), 42);
    std::string counts = fmt::format("{:>6} {:>8}", checks, elements);
    if (counts.size() >= room) counts = fmt::format("{} {}", checks, elements);  // beside the longest names
    out("{}{:>{}} {:>8} {:>8}", name, counts, room, first, second);
    if (!options_.f32() && options_.order == 2) out(" {:>8}", third);
    out("{}\n", verdict);
  }

  const GradcheckCommand& options_;
  std::string group_;
};

Json to_json(const suite::Row& row, const suite::Measures& measures) {
  Json json = {{"group", row.group},
               {"name", row.name},
               {"checks", row.variants.size()},
               {"elements", row.elements()}};
  if (row.value() >= 0) json["value_error"] = row.value();
  for (int order = 1; order <= measures.order; ++order) {
    if (row.relative(order) >= 0) json[fmt::format("order_{}", order)] = row.relative(order);
  }
  if (measures.f32) {
    json["f32_error"] = row.f32();
    json["f32_limit"] = row.f32_limit;
  }
  json["passed"] = row.failures() == 0;
  json["failures"] = Json::array();
  for (const suite::Variant& variant : row.variants) {
    for (const std::string& failure : variant.failures) {
      json["failures"].push_back({{"variant", variant.name}, {"explanation", failure}});
    }
  }
  return json;
}

Json to_json(const std::vector<suite::Row>& rows, const GradcheckCommand& options,
             const suite::Measures& measures, double seconds, bool passed) {
  Json list = Json::array();
  for (const suite::Row& row : rows) list.push_back(to_json(row, measures));
  Json json = {{"passed", passed}, {"dtype", options.dtype}};
  if (measures.order > 0) json["order"] = measures.order;
  json["seconds"] = seconds;
  json["rows"] = std::move(list);
  return json;
}

// The page has both kinds of error, whatever the terminal shows.
suite::Measures measures_for(const GradcheckCommand& options) {
  if (!options.html.empty()) return {options.order, true};
  return options.f32() ? suite::Measures{0, true} : suite::Measures{options.order, false};
}

std::vector<suite::Check> checks_for(const GradcheckCommand& options) {
  std::vector<suite::Check> checks = suite::all_checks();
  // Ops without a gradient have no more than a value to compare in f32.
  if (!measures_for(options).f32) {
    std::erase_if(checks, [](const suite::Check& check) { return !check.differentiable && !check.expected; });
  }
  return suite::select(std::move(checks), options.filter);
}

int run(const GradcheckCommand& options) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  if (options.mutate) return run_mutation(options.filter, options.json);
  const std::vector<suite::Check> checks = checks_for(options);
  if (!options.html.empty()) pages::check_page_path(options.html, "gradcheck", options.force);
  const suite::Measures measures = measures_for(options);
  std::optional<Table> table;
  if (!options.json) table.emplace(options);
  const std::vector<suite::Row> rows = suite::run_checks(checks, measures, [&](const suite::Row& row) {
    if (table) table->print(row);
  });
  int failures = 0;
  for (const suite::Row& row : rows) failures += row.failures();
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  if (!options.html.empty())
    pages::write_gradcheck_page(options.html, rows, {options.filter, options.order, seconds});
  if (options.json) {
    out_json(to_json(rows, options, measures, seconds, failures == 0));
    return failures == 0 ? 0 : 1;
  }
  if (failures == 0) {
    out("\nAll {} checks passed, in {:.1f} s.\n", checks.size(), seconds);
  } else {
    out("\n{} of {} checks FAILED, in {:.1f} s.\n", failures, checks.size(), seconds);
    const std::string suspicion = suite::suspicion(checks, rows);
    for (const std::string& line : wrap(suspicion, kColumns)) out("{}\n", line);
  }
  if (!options.html.empty()) {
    out("The page, with finite differences and f32 side by side: {}\n", options.html);
  }
  return failures == 0 ? 0 : 1;
}

void parse(GradcheckCommand& options, bool order_given, bool dtype_given) {
  if (options.dtype != "f32" && options.dtype != "f64") {
    throw ConfigError(fmt::format("--dtype is '{}'; expected f32 or f64", options.dtype));
  }
  if (order_given) {
    options.order = static_cast<int>(parse_integer("--order", options.order_text, 1, 2));
  }
  if (options.mutate && (!options.html.empty() || order_given || dtype_given)) {
    const char* other = !options.html.empty() ? "--html" : order_given ? "--order" : "--dtype";
    throw ConfigError(fmt::format(
        "--mutate runs the checks of both orders in f64 and has no page; {} cannot be given with it", other));
  }
  if (options.force && options.html.empty()) throw ConfigError("--force needs --html FILE");
  if (options.f32() && order_given && options.html.empty()) {
    throw ConfigError("--dtype f32 compares values and gradients; --order cannot be given with it");
  }
}

}  // namespace

void add_gradcheck(CLI::App& app, int& exit_code) {
  CLI::App* sub = app.add_subcommand(
      "gradcheck",
      "Check every gradient against finite differences. Every op in many shapes and memory layouts, layers, "
      "distributions, losses and optimiser steps, and the log-probability that SAC rests on; of order 2, the "
      "gradients' own gradients too. Exits with 1 if any check fails.");
  auto options = std::make_shared<GradcheckCommand>();
  sub->add_option("--filter", options->filter,
                  "only checks whose group, name or variant holds this; * and ? match. With --mutate: break "
                  "only ops whose name does")
      ->type_name("PATTERN");
  const CLI::Option* order =
      sub->add_option("--order", options->order_text, "1 or 2 (default 2)")->type_name("N");
  const CLI::Option* dtype =
      sub->add_option("--dtype", options->dtype,
                      "f64: against finite differences (default). f32: values and gradients against those "
                      "in f64")
          ->type_name("f32|f64");
  sub->add_flag("--json", options->json, "as JSON");
  sub->add_option("--html", options->html, "also write a page with every check, in both dtypes")
      ->type_name("FILE");
  sub->add_flag("--force", options->force, "let --html replace a file that is no such page of Saccade's");
  sub->add_flag("--mutate", options->mutate,
                "check the checks: break each gradient of each op on purpose; one must fail each time");
  sub->footer(
      "Examples:\n"
      "  saccade gradcheck\n"
      "  saccade gradcheck --filter matmul\n"
      "  saccade gradcheck --filter 'log pi' --json\n"
      "  saccade gradcheck --dtype f32\n"
      "  saccade gradcheck --html gradients.html\n"
      "  saccade gradcheck --mutate");
  sub->callback([options, order, dtype, &exit_code] {
    parse(*options, order->count() > 0, dtype->count() > 0);
    exit_code = run(*options);
  });
}

}  // namespace saccade::cli
