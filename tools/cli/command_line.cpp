#include "tools/cli/command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <new>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "nn/team.h"
#include "rl/algorithms/registry.h"
#include "rl/runs/build_info.h"
#include "rl/runs/config.h"
#include "rl/runs/other_names.h"
#include "tools/cli/command.h"
#include "tools/cli/help.h"
#include "tools/cli/output.h"
#include "tools/cli/text.h"

namespace saccade::cli {

namespace {

constexpr int kFailure = 1, kUsage = 2;

int fail(int exit_code, std::string message) {
  std::replace(message.begin(), message.end(), '\n', ' ');
  if (nn::Team* const team = nn::team()) message = team->failed(message);
  err("saccade: error: {}\n", printable(message));
  return exit_code;
}

// The subcommand that the user is in, or the program itself.
const CLI::App& current(const CLI::App& app) {
  const std::vector<CLI::App*> given = app.get_subcommands();
  return given.empty() ? app : *given[0];
}

std::string see_help(const CLI::App& app) {
  return fmt::format("see '{}{} --help'", program(), app.get_parent() == nullptr ? "" : " " + app.get_name());
}

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* sub : app.get_subcommands({})) names.push_back(sub->get_name());
  return names;
}

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    if (!option->get_positional()) names.push_back("--" + option->get_lnames().at(0));
  }
  return names;
}

// Advice on an option that other programs have; "" for one that nobody has.
std::string advice(std::string option) {
  option = option.substr(0, option.find('='));
  if (option == "--device" || option == "--cuda" || option == "--gpu") {
    return "Saccade computes on the CPU, so leave it out";
  }
  if (option == "--env") return fmt::format("name the environment alone: {} train Pendulum-v1", program());
  option.erase(0, std::min(option.find_first_not_of('-'), option.size()));
  std::replace(option.begin(), option.end(), '-', '_');
  std::vector<std::string> keys = rl::keys_for_other_name(option);
  for (const std::string& name : rl::algorithm_names()) {
    if (rl::Config(name).find(option).key != nullptr) keys = {option};
  }
  return keys.empty() ? "" : fmt::format("hyper-parameters are given as --set {}=VALUE", keys[0]);
}

// The complaint about an argument that nothing takes.
std::string unexpected(const CLI::App& app, const std::string& argument) {
  const bool is_option = argument.starts_with("-");
  if (!is_option && app.get_parent() != nullptr)
    return fmt::format("unexpected '{}'; {}", argument, see_help(app));
  if (const std::string helpful = is_option ? advice(argument) : ""; !helpful.empty()) {
    return fmt::format("there is no option '{}'; {}", argument, helpful);
  }
  const std::string near =
      nearest(argument.substr(0, argument.find('=')), is_option ? option_names(app) : command_names(app));
  return fmt::format("there is no {} '{}'; {}", is_option ? "option" : "command", argument,
                     near.empty() ? see_help(app) : fmt::format("did you mean '{}'?", near));
}

std::string describe(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App& at = current(app);
  const std::string message = error.what();
  const std::string option = message.substr(0, message.find(':'));
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) return unexpected(at, at.remaining().at(0));
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr && option.starts_with("-")) {
    const bool missing = message.ends_with("missing");
    return fmt::format("{} {}; {}", option, missing ? "needs a value" : "is given more than once",
                       see_help(at));
  }
  return fmt::format("{}; {}", message, see_help(at));
}

// An empty value is a variable that a script forgot to set, rather than an option left out.
void refuse_empty_values(CLI::App& app) {
  const CLI::Validator not_empty(
      [](const std::string& value) { return value.empty() ? "the value is empty" : ""; }, "");
  for (CLI::App* sub : app.get_subcommands({})) {
    for (CLI::Option* option : sub->get_options()) {
      if (option->get_type_size() > 0) option->check(not_empty);
    }
  }
}

int run(int argc, char** argv) {
  const std::string name =
      argc > 0 ? shell_word(std::filesystem::path(argv[0]).filename().string()) : "saccade";
  CLI::App app("Saccade: automatic differentiation, and Soft Actor-Critic and its relatives on top of it.");
  app.formatter(std::make_shared<Help>(name));
  app.set_help_flag("-h,--help", "this text");
  app.set_version_flag("--version", "saccade " + rl::version(), "the version");
  app.require_subcommand(1);
  int exit_code = 0;
  add_commands(app, exit_code);
  refuse_empty_values(app);
  app.footer("'saccade COMMAND --help' says more of each.\nStart with: saccade train pendulum");
  if (argc < 2) {
    err("{}", app.help());
    return kUsage;
  }
  // "help" and "help train" are "--help" and "train --help".
  std::vector<std::string> words(argv, argv + argc);
  if (words[1] == "help") {
    words.erase(words.begin() + 1);
    words.emplace_back("--help");
  }
  if (words[1] == "version") words[1] = "--version";
  // Before CLI11 sees it, which would first complain that there is no command.
  const std::string first = words[1];
  std::vector<std::string> known = command_names(app);
  for (const std::string& option : option_names(app)) known.push_back(option);
  if (first != "-h" && std::count(known.begin(), known.end(), first) == 0) {
    return fail(kUsage, unexpected(app, first));
  }
  if (const bool shared = first == "train" || first == "compare" || first.starts_with('-');
      !shared && nn::team_size() > 1) {
    return fail(
        kUsage,
        fmt::format("{} processes were started, but {} works in one; train and compare can share their work "
                    "among several",
                    nn::team_size(), first));
  }
  try {
    std::vector<std::string> reversed(words.rbegin(), words.rend() - 1);  // as CLI11 wants them
    app.parse(std::move(reversed));
  } catch (const CLI::CallForHelp&) {
    out("{}", current(app).help());
  } catch (const CLI::CallForVersion&) {
    out("saccade {}\n", rl::version());
  } catch (const CLI::ParseError& error) {
    return fail(kUsage, describe(app, error));
  }
  return exit_code;
}

}  // namespace

int run_command_line(int argc, char** argv) {
  open_standard_streams();
  int exit_code = 0;
  try {
    if (argc > 0) set_program(argv[0]);
    exit_code = run(argc, argv);
  } catch (const ConfigError& error) {
    exit_code = fail(kUsage, error.what());
  } catch (const std::bad_alloc&) {
    exit_code = fail(kFailure, "out of memory; a smaller hidden, batch_size or buffer_size needs less");
  } catch (const std::exception& error) {
    exit_code = fail(kFailure, error.what());
  }
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    exit_code = fail(kFailure, "the output cannot be written");
  }
  return exit_code;
}

}  // namespace saccade::cli
