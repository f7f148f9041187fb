// saccade explain: a graph and its backward pass, step by step.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "autograd/explain.h"
#include "base/error.h"
#include "base/files.h"
#include "tools/cli/command.h"
#include "tools/cli/output.h"
#include "tools/cli/text.h"
#include "tools/explain/builtin.h"
#include "tools/explain/drawing.h"
#include "tools/explain/expression.h"
#include "tools/pages/assemble.h"
#include "tools/pages/explain.h"

namespace saccade::cli {

namespace {

struct ExplainCommand {
  std::string what, html, dot, hidden_text, batch_text;
  std::vector<std::string> assignments;
  bool text = false, json = false, force = false;
};

bool is_builtin(const std::string& name) {
  const auto& all = study::builtins();
  return std::any_of(all.begin(), all.end(), [&](const study::Builtin& b) { return name == b.name; });
}

void print_list() {
  out("Graphs of Saccade's own code; or type an expression, with values for its names\n\n");
  for (const study::Builtin& builtin : study::builtins())
    write_out(two_columns(builtin.name, fmt::format("{}: {}", builtin.title, builtin.formula), 22));
  out("\n  saccade explain log-prob\n  saccade explain 'tanh(x*w)+x' x=0.5 w=-1.2\n");
}

void print_list_json() {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const study::Builtin& b : study::builtins())
    list.push_back({{"name", b.name}, {"title", b.title}, {"formula", b.formula}});
  out_json(list);
}

// A word that could be a name or an expression: a misspelt name has a letter and a hyphen, no more.
study::Subject subject_of(const ExplainCommand& options) {
  study::Sizes sizes;
  const bool sized = !options.hidden_text.empty() || !options.batch_text.empty();
  if (!options.hidden_text.empty()) sizes.hidden = parse_integer("--hidden", options.hidden_text, 1, 1024);
  if (!options.batch_text.empty()) sizes.batch = parse_integer("--batch", options.batch_text, 1, 4096);
  if (is_builtin(options.what)) {
    if (!options.assignments.empty()) {
      throw ConfigError(fmt::format("'{}' is a graph with values of its own; '{}' cannot be given with it",
                                    options.what, options.assignments[0]));
    }
    return study::make_builtin(options.what, sizes);
  }
  if (sized) throw ConfigError("--hidden and --batch are for built-in graphs; 'saccade explain' lists them");
  const bool could_be_name = std::all_of(options.what.begin(), options.what.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
  if (could_be_name && options.what.size() > 1 && options.assignments.empty())
    return study::make_builtin(options.what);
  return study::make_expression(options.what, options.assignments);
}

void run(const ExplainCommand& options) {
  if (options.what.empty()) {
    if (!options.html.empty() || !options.dot.empty() || !options.assignments.empty())
      throw ConfigError("a graph's name or an expression is missing; 'saccade explain' lists the names");
    return options.json ? print_list_json() : print_list();
  }
  if (options.force && options.html.empty()) throw ConfigError("--force needs --html FILE");
  const study::Subject subject = subject_of(options);
  if (!options.html.empty()) pages::check_page_path(options.html, "explain", options.force);
  if (!options.dot.empty()) check_writable(options.dot);
  const Explanation e = explain(subject.f, subject.wrt, {.names = subject.names});
  if (!options.html.empty()) pages::write_explain_page(options.html, e, subject.title, subject.formula);
  if (!options.dot.empty()) write_file(options.dot, study::to_dot(e, subject.formula));
  if (options.json) {
    nlohmann::ordered_json json = pages::to_json(e);
    json["title"] = subject.title;
    json["formula"] = subject.formula;
    return out_json(json);
  }
  const bool has_file = !options.html.empty() || !options.dot.empty();
  if (!has_file || options.text) {
    print_wrapped(subject.formula);
    out("\n{}", to_text(e));
  }
  if (!options.html.empty()) out("The page: {}\n", options.html);
  if (!options.dot.empty()) out("The graph, for graphviz: {}\n", options.dot);
}

}  // namespace

void add_explain(CLI::App& app, int&) {
  CLI::App* sub = app.add_subcommand(
      "explain",
      "Show what autodiff does. A graph node by node, as it stands on the tape, and the backward pass over "
      "it: "
      "which edge receives what, what is added where a value fans out, what is freed; each local derivative "
      "beside one by central differences. Without a name it lists the built-in graphs.");
  auto options = std::make_shared<ExplainCommand>();
  sub->add_option("what", options->what, "a built-in graph's name, or an expression")
      ->type_name("NAME|EXPRESSION");
  sub->add_option("values", options->assignments, "for an expression's names: x=0.5, or x=[1,2,3]")
      ->type_name("NAME=VALUE");
  sub->add_option("--html", options->html, "write a page to step through instead")->type_name("FILE");
  sub->add_option("--dot", options->dot, "write the graph for graphviz instead")->type_name("FILE");
  sub->add_flag("--text", options->text, "print the text too, with --html or --dot");
  sub->add_flag("--json", options->json, "as JSON");
  sub->add_option("--hidden", options->hidden_text,
                  "width of a built-in graph's two hidden layers (default 4)")
      ->type_name("N");
  sub->add_option("--batch", options->batch_text, "rows of a built-in graph's batch (default 2)")
      ->type_name("N");
  sub->add_flag("--force", options->force, "let --html replace a file that is no such page of Saccade's");
  std::string functions;
  for (const std::string& name : study::Expression::functions())
    functions += (functions.empty() ? "" : ", ") + name;
  std::string footer =
      "Examples:\n"
      "  saccade explain sac-actor --html actor.html\n"
      "  saccade explain 'tanh(x*w)+x' x=0.5 w=-1.2\n"
      "  saccade explain 'sum(softmax(x)*y)' x=[1,2,3] y=[0,1,0]\n"
      "  saccade explain sac-critic --hidden 256 --batch 256 --html critic.html\n\n"
      "Expressions (behind -- if they begin with -): numbers, names, + - * / ^,\n"
      "brackets and\n";
  for (const std::string& line : wrap(functions, kColumns - 2)) footer += "  " + line + "\n";
  footer.pop_back();
  sub->footer(footer);
  sub->callback([options] { run(*options); });
}

}  // namespace saccade::cli
