// saccade replay: how far our environment is from a recording of another implementation of it.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <cmath>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "envs/registry.h"
#include "envs/trajectory.h"
#include "tools/cli/command.h"
#include "tools/cli/output.h"
#include "tools/cli/text.h"

namespace saccade::cli {

namespace {

struct ReplayCommand {
  std::string env, file, tolerance_text = "1e-9";
  double tolerance = 0;
};

struct Worst {
  double error = -1;
  std::size_t count = 0;
  std::string trajectory;
  envs::Compared at;
};

// "1 step", "2 steps"
std::string counted(std::size_t count, const char* singular, const char* plural) {
  return fmt::format("{} {}", count, count == 1 ? singular : plural);
}

// Cut to so many columns at most.
std::string shortened(std::string text, std::size_t width) {
  if (columns(text) <= width) return text;
  while (columns(text) > width - 3) text.pop_back();
  return text + "...";
}

void print_table(const std::map<std::string, Worst>& worst) {
  const std::string heading =
      fmt::format("{:<11} {:>7}  {:>7} {:>5} {:>5}  ", "quantity", "numbers", "error", "step", "index");
  out("{}trajectory\n", heading);
  for (const auto& [quantity, w] : worst) {
    out("{:<11} {:>7}  {:>7.2g}", quantity, w.count, w.error);
    if (w.error > 0) {
      out(" {:>5} {:>5}  {}", w.at.step, w.at.coordinate, shortened(w.trajectory, kColumns - heading.size()));
    }
    out("\n");
  }
}

// Says whether all is within the tolerance, and of what is not how far apart it is.
bool print_verdict(const std::map<std::string, Worst>& worst, const ReplayCommand& options) {
  std::vector<std::string> failed;
  for (const auto& [quantity, w] : worst) {
    if (w.error > options.tolerance) failed.push_back(quantity);
  }
  if (failed.empty()) {
    out("\nNo error is above {}.\n", options.tolerance_text);
    return true;
  }
  out("\nFAILED: errors above {} in {}\n", options.tolerance_text, join(failed));
  for (const std::string& quantity : failed) {
    const envs::Compared& at = worst.at(quantity).at;
    const bool is_row = quantity == "observation" || quantity == "state";
    out("  {}{}: {}, recorded {}\n", quantity, is_row ? fmt::format("[{}]", at.coordinate) : "", at.ours,
        at.theirs);
  }
  return false;
}

bool run(const ReplayCommand& options) {
  const std::string id = envs::canonical_id(options.env);
  std::map<std::string, Worst> worst;
  std::size_t steps = 0;
  const std::vector<envs::Trajectory> trajectories = envs::read_trajectories(options.file, id);
  for (const envs::Trajectory& trajectory : trajectories) {
    steps += trajectory.actions.size();
    envs::replay(id, trajectory, [&](const envs::Compared& compared) {
      Worst& w = worst[std::string(compared.quantity)];
      ++w.count;
      const double error = envs::error_of(compared);
      if (error > w.error) {
        w.error = error;
        w.trajectory = trajectory.name;
        w.at = compared;
      }
    });
  }
  out("{} of {}, {} in all; worst errors:\n\n", counted(trajectories.size(), "trajectory", "trajectories"),
      id, counted(steps, "step", "steps"));
  print_table(worst);
  return print_verdict(worst, options);
}

double parse_tolerance(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value) || value < 0) {
    throw ConfigError(
        fmt::format("--tolerance: '{}' given; expected a finite number that is at least 0", text));
  }
  return value;
}

}  // namespace

void add_replay(CLI::App& app, int& exit_code) {
  CLI::App* sub = app.add_subcommand(
      "replay",
      "Check an environment against a recording. Takes each step of a trajectory file from the recorded "
      "state before it, and prints the worst error of each quantity, and where it is: |ours - recorded|, "
      "divided by |recorded| where that is larger than 1; infinite for flags that differ. Exits with 1 if an "
      "error is above the tolerance. tests/reference/README.md says how to write such a file.");
  auto options = std::make_shared<ReplayCommand>();
  sub->add_option("ENV", options->env, "an environment, such as Ant-v4, or a task's file")->required();
  sub->add_option("FILE", options->file, "a trajectory file (JSON)")->required();
  sub->add_option("--tolerance", options->tolerance_text, "the largest error that passes (default 1e-9)")
      ->type_name("X");
  sub->callback([options, &exit_code] {
    options->tolerance = parse_tolerance(options->tolerance_text);
    exit_code = run(*options) ? 0 : 1;
  });
}

}  // namespace saccade::cli
