// saccade config: every hyper-parameter.

#include "rl/runs/config.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "envs/registry.h"
#include "tools/cli/command.h"
#include "tools/cli/output.h"
#include "tools/cli/text.h"

namespace saccade::cli {

namespace {

using Json = nlohmann::ordered_json;

struct ConfigOptions {
  std::string preset, algorithm;
  bool json = false;
};

// 1e6, where fmt has 1e+06.
std::string shown(double number) {
  std::string text = fmt::format("{:g}", number);
  const std::size_t plus = text.find("e+");
  if (plus != std::string::npos) text.erase(plus + 1, text.find_first_not_of("+0", plus + 1) - plus - 1);
  return text;
}

// "; 0 to 1", or nothing where there is nothing to say.
std::string range(const rl::ConfigKey& key) {
  if (!key.choices.empty()) return "; " + join(key.choices, " or ");
  if (key.type() == "true or false") return "; true or false";
  return key.min == -rl::ConfigKey::kNoLimit ? "" : fmt::format("; {} to {}", shown(key.min), shown(key.max));
}

// [64, 64], not [64,64].
std::string value_text(const Json& value) {
  if (!value.is_array()) return value.is_string() ? value.get<std::string>() : value.dump();
  std::vector<std::string> elements;
  for (const Json& element : value) elements.push_back(element.dump());
  return "[" + join(elements) + "]";
}

void print_table(const rl::Config& config) {
  constexpr std::size_t kStart = 36;
  const std::string& algorithm = config.algorithm().name;
  const Json values = rl::to_json(config), defaults = rl::to_json(rl::Config(algorithm));
  const auto print_keys = [&](const std::string& title, const rl::ConfigKeys& keys) {
    out("\n{}:\n", title);
    for (const rl::ConfigKey& key : keys) {
      const Json &value = values.at(key.name), &standard = defaults.at(key.name);
      std::string right = key.meaning + range(key);
      if (value != standard) right += fmt::format("; default {}", value_text(standard));
      out("{}", two_columns(fmt::format("{:<20} {}", key.name, value_text(value)), right, kStart));
    }
  };
  out("{}", two_columns(fmt::format("{:<20} {}", "key", "value"), "meaning; range", kStart));
  print_keys("The run", rl::run_keys());
  print_keys("Learning from a buffer", rl::off_policy_keys());
  print_keys(fmt::format("{}, {}", algorithm, config.algorithm().title), config.algorithm().keys);
}

void run(const ConfigOptions& options) {
  const rl::Config config = options.preset.empty() ? rl::Config(options.algorithm)
                                                   : rl::config_for(options.preset, options.algorithm);
  if (options.json) {
    Json json = rl::to_json(config);
    json["env"] = envs::name_elsewhere(config.run.env);  // what another program understands
    out_json(json);
    return;
  }
  print_table(config);
  if (!options.preset.empty()) return;
  out("\nPresets:\n");
  for (const rl::Preset& preset : rl::presets()) out("{}", two_columns(preset.name, preset.meaning, 18));
  out("{}", two_columns("ENVIRONMENT", "the defaults above, which are meant for MuJoCo's tasks", 18));
  out("\nAlgorithms:\n");
  for (const rl::AlgorithmInfo& info : rl::algorithms()) out("{}", two_columns(info.name, info.title, 18));
}

}  // namespace

void add_config(CLI::App& app, int&) {
  CLI::App* sub =
      app.add_subcommand("config",
                         "List the hyper-parameters. With their values, ranges and meanings; --json "
                         "prints a file to start from.");
  auto options = std::make_shared<ConfigOptions>();
  sub->add_option("PRESET", options->preset,
                  "a preset, an environment or a task's file; the defaults if not given");
  options->algorithm = rl::Config().algorithm().name;
  sub->add_option(
         "--algo", options->algorithm,
         fmt::format("of which algorithm: {} (default {})", join(rl::algorithm_names()), options->algorithm))
      ->type_name("NAME");
  sub->add_flag("--json", options->json, "as JSON, such as 'saccade train --config FILE' takes");
  sub->footer(
      "Examples:\n"
      "  saccade config\n"
      "  saccade config pendulum --algo td3\n"
      "  saccade config pendulum --json > my.json\n"
      "  saccade train --config my.json");
  sub->callback([options] { run(*options); });
}

}  // namespace saccade::cli
