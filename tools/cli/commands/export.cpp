// saccade export: a run's policy for programs that know nothing of this one.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cctype>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "rl/runs/export.h"
#include "tools/cli/command.h"
#include "tools/cli/output.h"

namespace saccade::cli {

namespace {

namespace fs = std::filesystem;

struct ExportCommand {
  std::string run, file;
  bool stochastic = false, critics = false, force = false;
};

void check_new(const std::string& path, bool force) {
  if (!force && fs::exists(fs::symlink_status(path)))
    throw ConfigError(fmt::format("{} exists; --force replaces it", printable(path)));
  check_writable(path);
}

// A C++ name made of a file's.
std::string namespace_of(const fs::path& file) {
  std::string name = file.stem().string();
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  }
  return name.empty() || std::isdigit(static_cast<unsigned char>(name[0])) != 0 ? "policy_" + name : name;
}

void export_header(const ExportCommand& options) {
  if (options.stochastic || options.critics)
    throw ConfigError(
        "a header has the deterministic policy alone; --stochastic and --critics are for .onnx files");
  check_new(options.file, options.force);
  const std::string name = namespace_of(options.file);
  write_file(options.file, rl::to_header(rl::agent_to_export(options.run), name));
  out("{}: {}::act(observation, action), in C++17\n", printable(options.file), name);
}

void export_model(const ExportCommand& options) {
  if (options.stochastic && options.critics)
    throw ConfigError("--stochastic is of a policy, --critics has none");
  const rl::ExportedPart part = options.critics      ? rl::ExportedPart::critics
                                : options.stochastic ? rl::ExportedPart::stochastic
                                                     : rl::ExportedPart::deterministic;
  const std::string beside = options.file + ".json";
  check_new(options.file, options.force);
  check_new(beside, options.force);
  const rl::ExportedAgent agent = rl::agent_to_export(options.run);
  const std::string model = rl::to_onnx(agent, part);
  const nlohmann::ordered_json about = rl::description(agent, part);
  write_file(options.file, model);
  write_file(beside, dumped(about, 2) + "\n");
  const auto list = [](const nlohmann::ordered_json& values) {
    std::string text;
    for (const auto& value : values) {
      text += (text.empty() ? "" : ", ") + value.at("name").get<std::string>();
      const auto& shape = value.at("shape");
      text += shape.size() == 1 ? " (batch)" : fmt::format(" (batch, {})", shape.at(1).get<std::int64_t>());
    }
    return text;
  };
  out("{}: ONNX, opset 17\n", printable(options.file));
  out("  {} to {}\n", list(about.at("inputs")), list(about.at("outputs")));
  out("{}: what they are, with bounds\n", printable(beside));
}

void run(const ExportCommand& options) {
  const std::string extension = fs::path(options.file).extension().string();
  if (extension == ".h" || extension == ".hpp") return export_header(options);
  if (extension == ".onnx") return export_model(options);
  throw ConfigError(
      fmt::format("FILE is '{}', expected a name that ends with .onnx or .h", printable(options.file)));
}

}  // namespace

void add_export(CLI::App& app, int&) {
  CLI::App* sub = app.add_subcommand("export",
                                     "Write a run's policy as a file that needs no Saccade. It takes "
                                     "observations and gives actions as the environment "
                                     "does, with their statistics and scales inside: an ONNX model, with a "
                                     ".json beside it that says what its inputs and "
                                     "outputs are, or a C++ header.");
  auto o = std::make_shared<ExportCommand>();
  sub->add_option("RUN", o->run, "the run's folder")->required();
  sub->add_option("FILE", o->file, "what to write: NAME.onnx or NAME.h")->required();
  sub->add_flag("--stochastic", o->stochastic,
                "draws from the policy, its noise being an input, instead of its best action");
  sub->add_flag("--critics", o->critics, "the critics instead of the policy");
  sub->add_flag("--force", o->force, "replace a file that is there");
  sub->footer(
      "Examples:\n"
      "  saccade export runs/pendulum-1 policy.onnx\n"
      "  saccade export runs/pendulum-1 policy.h\n"
      "  saccade export runs/pendulum-1 critics.onnx --critics");
  sub->callback([o] { run(*o); });
}

}  // namespace saccade::cli
