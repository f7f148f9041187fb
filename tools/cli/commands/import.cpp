// saccade import: an agent that another program trained, as a run.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "rl/runs/import_sb3.h"
#include "tools/cli/command.h"
#include "tools/cli/output.h"
#include "tools/cli/text.h"

namespace saccade::cli {

namespace {

struct ImportCommand {
  std::string kind, file, env, run;
  std::vector<std::string> settings;
};

void list(const char* title, const std::vector<std::string>& lines) {
  out("{}\n", title);
  for (const std::string& line : lines) {
    const char* start = "  - ";
    for (const std::string& part : wrap(printable(line), kColumns - 4)) {
      out("{}{}\n", start, part);
      start = "    ";
    }
  }
}

void run(const ImportCommand& options) {
  if (options.kind != "sb3")
    throw ConfigError(fmt::format("KIND is '{}', expected sb3: there is no other", printable(options.kind)));
  const rl::ImportedAgent imported = rl::read_sb3(options.file, options.env, options.settings);
  const rl::Training training = rl::Training::begin(imported.info, options.run, {}, &imported.state);
  const rl::Config& config = imported.info.config;
  print_wrapped(fmt::format("{}: {} on {}, from {}", training.path(), config.algorithm().name, config.run.env,
                            imported.origin));
  list("Taken over:", imported.taken);
  list("Left behind:", imported.left);
  const std::string folder = shell_word(training.path());
  out("Evaluate: {} eval {}\n", program(), folder);
  out("Train on for {} steps: {} train --resume {}\n", config.run.steps, program(), folder);
}

}  // namespace

void add_import(CLI::App& app, int&) {
  CLI::App* sub =
      app.add_subcommand("import",
                         "Make a run of an agent that another program trained: sb3 is "
                         "Stable-Baselines3, whose SAC, TD3, DDPG and DQN have counterparts here. "
                         "The run acts as the agent did and trains on. Nothing in the file is executed.");
  auto o = std::make_shared<ImportCommand>();
  sub->add_option("KIND", o->kind, "sb3")->required();
  sub->add_option("FILE", o->file, "what model.save() wrote, such as model.zip")->required();
  sub->add_option("--env", o->env,
                  "the environment that it acts in, which the file does not name (default: the only one with "
                  "its spaces)")
      ->type_name("ID");
  sub->add_option("--run", o->run, "the run's folder (default runs/<name>[-<algorithm>]-<seed>, made unique)")
      ->type_name("DIR");
  sub->add_option("--set", o->settings, "one hyper-parameter, over that of the file; may be repeated")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  sub->footer(
      "Examples:\n"
      "  saccade import sb3 model.zip\n"
      "  saccade import sb3 model.zip --env HalfCheetah-v5 --run runs/cheetah\n"
      "  saccade import sb3 model.zip --set steps=50000 --set learning_starts=1000");
  sub->callback([o] { run(*o); });
}

}  // namespace saccade::cli
