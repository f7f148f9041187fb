// saccade man: the manual page, which is what the commands say of themselves.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "rl/runs/build_info.h"
#include "tools/cli/command.h"
#include "tools/cli/output.h"

namespace saccade::cli {

namespace {

// Text for roff: no line of it is taken for a request, and hyphens stay what they are.
std::string roff(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n')) out += "\\&";
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
  }
  return out;
}

std::string options_of(const CLI::App& app) {
  std::string text;
  for (const CLI::Option* option : app.get_options()) {
    const std::string name =
        option->get_positional() ? option->get_name(true) : option->get_name(false, true);
    const bool flag = option->get_positional() || option->get_type_size() == 0;
    text += fmt::format(".TP\n.B {}{}\n{}\n", roff(name), flag ? "" : " " + roff(option->get_type_name()),
                        roff(option->get_description()));
  }
  return text;
}

std::string page(const CLI::App& app) {
  std::string text = fmt::format(
      ".TH SACCADE 1 \"\" \"saccade {}\"\n"
      ".SH NAME\nsaccade \\- train agents and see how their gradients are made\n"
      ".SH SYNOPSIS\n.B saccade\n.I COMMAND\n[argument ...]\n"
      ".SH DESCRIPTION\n{}\n.SH COMMANDS\n",
      rl::version(), roff(app.get_description()));
  for (const CLI::App* sub : app.get_subcommands({})) {
    text +=
        fmt::format(".SS {}\n{}\n{}", roff(sub->get_name()), roff(sub->get_description()), options_of(*sub));
    if (!sub->get_footer().empty()) text += fmt::format(".PP\n.nf\n{}\n.fi\n", roff(sub->get_footer()));
  }
  return text +
         ".SH EXIT STATUS\n0 if all went well; 1 for a file or a run that is wrong; 2 for a wrong use of the "
         "command.\n";
}

}  // namespace

void add_man(CLI::App& app, int&) {
  CLI::App* sub =
      app.add_subcommand("man", "Print the manual page, for man. An installed copy has it already.");
  sub->footer(
      "Example:\n"
      "  saccade man | man -l -");
  sub->callback([&app] { write_out(page(app)); });
}

}  // namespace saccade::cli
