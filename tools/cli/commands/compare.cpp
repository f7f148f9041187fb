// saccade compare: several configurations, each with several seeds, as processes that share the cores.

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/error.h"
#include "base/files.h"
#include "base/threads.h"
#include "rl/runs/comparison_results.h"
#include "rl/runs/logs.h"
#include "rl/runs/training.h"
#include "tools/cli/command.h"
#include "tools/cli/compare.h"
#include "tools/cli/output.h"
#include "tools/cli/text.h"

namespace saccade::cli {

namespace {

struct CompareCommand {
  std::string spec, out, jobs;
  bool quiet = false, report = false;
};

int run(const CompareCommand& options) {
  const std::filesystem::path spec = options.spec;
  const std::string folder = options.out.empty() ? (spec.parent_path() / spec.stem()).string() : options.out;
  const rl::Comparison comparison = rl::read_comparison(options.spec, folder);
  return compare(comparison,
                 {.folder = folder,
                  .title = spec.stem().string(),
                  .again = fmt::format("compare {}{}", shell_word(options.spec),
                                       options.out.empty() ? "" : " -o " + shell_word(options.out)),
                  .jobs = parse_jobs("--jobs", options.jobs),
                  .quiet = options.quiet,
                  .report_only = options.report});
}

}  // namespace

void add_compare(CLI::App& app, int& exit_code) {
  CLI::App* sub = app.add_subcommand(
      "compare",
      "Train several configurations with several seeds, and say how they compare. A table, scores.csv and "
      "comparison.html hold interquartile means and 95 % intervals. What was stopped or killed goes on where "
      "it was when the same is asked for again.");
  auto o = std::make_shared<CompareCommand>();
  sub->add_option("SPEC", o->spec, "a JSON file that says what to compare")->required();
  sub->add_option("-o,--output", o->out, "the folder for runs and results (default: SPEC without its .json)")
      ->type_name("DIR");
  sub->add_option("--jobs", o->jobs, "how many runs at once, one thread each (default: one for each core)")
      ->type_name("N");
  sub->add_flag("--report", o->report,
                "train nothing: results of the runs that are done, of a comparison that is at work too");
  sub->add_flag("--quiet", o->quiet, "only say how it ended");
  sub->footer(
      "SPEC, for example (a task is a preset or an environment; a configuration that\n"
      "is called as an algorithm is, such as TD3, is of that one):\n"
      "  {\"tasks\": [\"pendulum\", \"Hopper-v4\"],\n"
      "   \"seeds\": \"1..5\",\n"
      "   \"set\": {\"steps\": 20000},\n"
      "   \"configurations\": {\n"
      "     \"SAC\": {},\n"
      "     \"fixed alpha\": {\"learn_alpha\": false, \"initial_alpha\": 0.2},\n"
      "     \"TD3\": {\"hidden\": [128, 128]}}}");
  sub->callback([o, &exit_code] { exit_code = run(*o); });
}

}  // namespace saccade::cli
