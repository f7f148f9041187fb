// saccade info: what runs here.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "autograd/kernels/table.h"
#include "base/text.h"
#include "rl/runs/build_info.h"
#include "tools/cli/command.h"
#include "tools/cli/output.h"

namespace saccade::cli {

namespace {

using Json = nlohmann::ordered_json;

struct Variable {
  const char* name;
  const char* meaning;
};
constexpr Variable kVariables[] = {
    {"SACCADE_ISA", "forces an instruction set"},
    {"OMP_NUM_THREADS", "how many threads to use at most"},
    {"SACCADE_MUJOCO_MODELS", "a folder of MuJoCo models of your own"},
};

Json collect() {
  Json info = rl::build_info();
  info["instruction_sets"] = kernels::supported_instruction_sets();
  for (const Variable& variable : kVariables) {
    const char* value = std::getenv(variable.name);
    info["environment"][variable.name] = value == nullptr ? Json(nullptr) : Json(value);
  }
  return info;
}

void print(const Json& info) {
  const auto row = [](const char* name, const std::string& value) { out("{:<16} {}\n", name, value); };
  const Json& libraries = info.at("libraries");
  row("saccade", info.at("saccade"));
  row("instruction set", fmt::format("{} (of {})", info.at("instruction_set").get<std::string>(),
                                     join(kernels::supported_instruction_sets())));
  row("threads", info.at("threads").dump());
  row("compiler", info.at("compiler"));
  std::vector<std::string> names;
  for (const auto& [name, number] : libraries.items()) {
    names.push_back(fmt::format("{} {}", name, number.get<std::string>()));
  }
  row("libraries", join(names));
  out("\nEnvironment variables:\n");
  for (const Variable& variable : kVariables) {
    const Json& value = info.at("environment").at(variable.name);
    out("  {:<21} {:<8} {}\n", variable.name, value.is_null() ? "not set" : value.get<std::string>(),
        variable.meaning);
  }
}

}  // namespace

void add_info(CLI::App& app, int&) {
  CLI::App* sub = app.add_subcommand("info", "Show versions, instruction sets and threads.");
  auto json = std::make_shared<bool>(false);
  sub->add_flag("--json", *json, "as JSON");
  sub->callback([json] {
    const Json info = collect();
    *json ? out_json(info) : print(info);
  });
}

}  // namespace saccade::cli
