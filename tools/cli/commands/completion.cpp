// saccade completion: what a shell offers when Tab is pressed.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "base/text.h"
#include "envs/registry.h"
#include "rl/runs/config.h"
#include "tools/cli/command.h"
#include "tools/cli/output.h"

namespace saccade::cli {

namespace {

// What may stand first after these commands, beside files.
std::vector<std::string> names_for(const std::string& command) {
  if (command != "train" && command != "config" && command != "replay" && command != "tabular") return {};
  std::vector<std::string> names = envs::ids();
  if (command == "train" || command == "config") {
    for (const rl::Preset& preset : rl::presets()) names.push_back(preset.name);
  }
  return names;
}

std::string bash(const CLI::App& app) {
  std::vector<std::string> commands;
  std::string cases;
  for (const CLI::App* sub : app.get_subcommands({})) {
    commands.push_back(sub->get_name());
    std::vector<std::string> words = names_for(sub->get_name());
    for (const CLI::Option* option : sub->get_options()) {
      for (const std::string& name : option->get_lnames()) words.push_back("--" + name);
    }
    cases += fmt::format("    {}) words='{}' ;;\n", sub->get_name(), join(words, " "));
  }
  return fmt::format(
      "# Completion of saccade for bash: source it, or put it where bash-completion looks.\n"
      "_saccade() {{\n"
      "  local current=${{COMP_WORDS[COMP_CWORD]}} words=''\n"
      "  if ((COMP_CWORD == 1)); then\n"
      "    COMPREPLY=($(compgen -W '{} --help --version' -- \"$current\"))\n"
      "    return\n"
      "  fi\n"
      "  case ${{COMP_WORDS[1]}} in\n"
      "{}"
      "  esac\n"
      "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\") $(compgen -f -- \"$current\"))\n"
      "}}\n"
      "complete -o filenames -F _saccade saccade\n",
      join(commands, " "), cases);
}

}  // namespace

void add_completion(CLI::App& app, int&) {
  CLI::App* sub = app.add_subcommand(
      "completion", "Print a script by which bash completes commands, options and the names of tasks.");
  sub->footer(
      "Example:\n"
      "  source <(saccade completion)");
  sub->callback([&app] { write_out(bash(app)); });
}

}  // namespace saccade::cli
