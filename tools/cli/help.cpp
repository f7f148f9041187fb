#include "tools/cli/help.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "tools/cli/text.h"

namespace saccade::cli {

namespace {

using Row = std::pair<std::string, std::string>;

std::string list(const std::string& title, const std::vector<Row>& rows) {
  if (rows.empty()) return "";
  std::size_t start = 0;
  for (const Row& row : rows) start = std::max(start, columns(row.first) + 4);
  std::string text = fmt::format("\n{}:\n", title);
  for (const Row& row : rows) text += two_columns(row.first, row.second, start);
  return text;
}

std::string left_of(const CLI::Option& option) {
  if (option.get_positional()) return option.get_name(true);
  std::string names = option.get_name(false, true);
  if (const std::size_t comma = names.find(','); comma != std::string::npos) names.insert(comma + 1, " ");
  return option.get_type_size() == 0 ? names : names + " " + option.get_type_name();
}

std::vector<Row> rows_of(const CLI::App& app, bool positional) {
  std::vector<Row> rows;
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional() == positional)
      rows.emplace_back(left_of(*option), option->get_description());
  }
  // --help, which comes first, last.
  if (!positional && !rows.empty()) std::rotate(rows.begin(), rows.begin() + 1, rows.end());
  return rows;
}

std::string usage(const CLI::App& app) {
  std::string line = "saccade";
  if (app.get_parent() != nullptr) line += " " + app.get_name();
  for (const CLI::Option* option : app.get_options()) {
    if (!option->get_positional()) continue;
    const bool several = option->get_items_expected_max() > 1;
    const std::string name = option->get_name(true) + (several ? "..." : "");
    line += option->get_required() ? " " + name : " [" + name + "]";
  }
  return line + (app.get_parent() != nullptr ? " [options]" : " COMMAND ...");
}

}  // namespace

std::string Help::named(std::string text) const {
  const std::string written = "saccade ", meant = program_ + " ";
  for (std::size_t at = 0; (at = text.find(written, at)) != std::string::npos; at += meant.size()) {
    text.replace(at, written.size(), meant);
  }
  return text;
}

std::string Help::make_help(const CLI::App* app, std::string, CLI::AppFormatMode) const {
  std::string text;
  for (const std::string& line : wrap(named(app->get_description()), kColumns)) text += line + '\n';
  text += fmt::format("\nUsage: {}\n", named(usage(*app)));
  std::vector<Row> commands;
  for (const CLI::App* sub : app->get_subcommands({})) {
    const std::string about = sub->get_description();
    commands.emplace_back(sub->get_name(), about.substr(0, about.find('.')));
  }
  std::vector<Row> options = rows_of(*app, false);
  for (auto& [option, about] : options) about = named(about);
  text += list("Commands", commands) + list("Arguments", rows_of(*app, true)) + list("Options", options);
  if (!app->get_footer().empty()) text += "\n" + named(app->get_footer()) + "\n";
  return text;
}

}  // namespace saccade::cli
