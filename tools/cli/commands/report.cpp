// saccade report: a page of what the agent of a run did, or those of several runs.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <limits>
#include <set>
#include <system_error>

#include "base/error.h"
#include "base/text.h"
#include "envs/guest.h"
#include "rl/runs/evaluate_run.h"
#include "rl/runs/training.h"
#include "rl/runs/warnings.h"
#include "rl/training/checkpoint.h"
#include "tools/cli/command.h"
#include "tools/cli/output.h"
#include "tools/cli/text.h"
#include "tools/pages/assemble.h"
#include "tools/pages/report.h"

namespace saccade::cli {

namespace {

namespace fs = std::filesystem;

struct ReportCommand {
  std::vector<std::string> runs;
  std::string file, episodes;  // as typed; empty if not given
  bool force = false;
};

bool has_checkpoint(const pages::ReportedRun& run) {
  return fs::exists(rl::run_file(run.name, "checkpoint"));
}

// Of several runs the one whose last evaluation was the highest, of those that can be watched if any can.
const pages::ReportedRun& best_of(const std::vector<pages::ReportedRun>& runs) {
  const auto last = [](const pages::ReportedRun& run) {
    const std::vector<double>& means = run.log.evaluations["mean"];
    return means.empty() ? -std::numeric_limits<double>::infinity() : means.back();
  };
  return *std::max_element(runs.begin(), runs.end(), [&](const auto& a, const auto& b) {
    return std::pair(has_checkpoint(a), last(a)) < std::pair(has_checkpoint(b), last(b));
  });
}

// An evaluation's best, median and worst episodes. Those that a run ended with, if it has as many.
pages::ReportedEpisodes watch(const pages::ReportedRun& run, std::int64_t episodes) {
  pages::Recording all{.max_episodes = episodes};
  const rl::RunConfig& config = run.log.info.config.run;
  const rl::EnvFactory make = [&]() -> std::unique_ptr<envs::Env> {
    return std::make_unique<pages::RecordingEnv>(rl::make_env(config.env), all);
  };
  const std::unique_ptr<rl::Agent> agent = rl::load_agent(run.name);
  const rl::Evaluation e = rl::evaluate_agent(*agent, make, episodes, config.seed);
  const std::int64_t at = rl::checkpoint_step(rl::run_file(run.name, "checkpoint"));
  pages::ReportedEpisodes chosen;
  chosen.recording.spec = all.spec;
  const std::vector<std::size_t> order = pages::best_median_worst(e.returns);
  static const char* const words[] = {"best", "median", "worst"};
  for (std::size_t i = 0; i < order.size(); ++i) {
    chosen.recording.episodes.push_back(std::move(all.episodes.at(order[i])));
    chosen.captions.emplace_back(order.size() == 3 ? words[i] : fmt::format("{}", i + 1));
  }
  pages::add_outlook(chosen.recording, *agent);
  chosen.about = fmt::format(
      "{} episodes of {} from its checkpoint of step {}{}, with the best action it knows at every step: mean "
      "return {:.5g} ± {:.3g}",
      episodes, run.name, at,
      at < run.log.last_step() ? fmt::format(", while the curves go to step {}", run.log.last_step()) : "",
      e.mean(), e.std());
  return chosen;
}

void check_names(const ReportCommand& options) {
  std::set<fs::path> folders;
  for (const std::string& run : options.runs) {
    std::error_code ignored;
    const fs::path folder = fs::weakly_canonical(fs::path(run) / "", ignored);
    if (!folders.insert(folder).second) throw ConfigError(fmt::format("{} is given twice", printable(run)));
  }
}

void print(const pages::ReportedRun& run) {
  const rl::RunConfig& config = run.log.info.config.run;
  const std::vector<double>& means = run.log.evaluations["mean"];
  out("{}: {}, {}, {} of {} steps{}\n", printable(run.name), config.env, run.log.info.config.algorithm().name,
      run.log.last_step(), rl::last_step(config),
      means.empty() ? "" : fmt::format("; last evaluation {:.2f}", means.back()));
  for (const std::string& sentence : rl::warnings(run.log)) {
    for (const std::string& line : wrap(sentence, 76)) out("  {}\n", line);
  }
}

void run(const ReportCommand& options) {
  constexpr std::size_t kMaxRuns = 8;
  constexpr std::int64_t kMaxEpisodes = 1000;
  if (options.runs.size() > kMaxRuns) {
    throw ConfigError(fmt::format("{} runs are given, expected at most {}", options.runs.size(), kMaxRuns));
  }
  check_names(options);
  std::vector<pages::ReportedRun> runs;
  for (const std::string& name : options.runs) runs.push_back({name, rl::read_run_log(name)});
  const std::string file = !options.file.empty() ? options.file
                           : runs.size() == 1    ? rl::run_file(options.runs[0], "report.html")
                                                 : "report.html";
  pages::check_page_path(file, "report", options.force);
  const pages::ReportedRun& shown = best_of(runs);
  const rl::RunConfig& config = shown.log.info.config.run;
  // One in an environment that only another program can step shows no episodes unless asked to, which fails.
  std::int64_t episodes = envs::is_guest(config.env) ? 0 : config.final_eval_episodes;
  if (!options.episodes.empty()) episodes = parse_integer("--episodes", options.episodes, 0, kMaxEpisodes);
  std::optional<pages::ReportedEpisodes> watched;
  const bool cannot_watch = episodes > 0 && options.episodes.empty() && !has_checkpoint(shown);
  if (cannot_watch) episodes = 0;
  if (episodes > 0) watched = watch(shown, std::min(episodes, kMaxEpisodes));
  pages::check_page_path(file, "report", options.force);  // much may have happened meanwhile
  pages::write_report(file, runs, watched);
  for (const pages::ReportedRun& one : runs) print(one);
  if (cannot_watch) out("Without a checkpoint there are no episodes to watch\n");
  out("The report: {}\n", printable(file));
}

}  // namespace

void add_report(CLI::App& app, int&) {
  CLI::App* sub = app.add_subcommand("report",
                                     "Make a page of what a run's agent did. It shows returns, entropy, "
                                     "temperature, Q against what came of it, "
                                     "losses, actions, and the best, median and worst episode. Several runs "
                                     "are laid over each other. A run that "
                                     "still goes on can be looked at too.");
  auto o = std::make_shared<ReportCommand>();
  sub->add_option("RUN", o->runs, "the runs' folders")->required();
  sub->add_option("-o,--output", o->file,
                  "the page (default: report.html in the run's folder; of several, here)")
      ->type_name("FILE");
  sub->add_option("--episodes", o->episodes,
                  "how many the best, median and worst are chosen from (default: final_eval_episodes of the "
                  "run); 0 for none, as where a run has no checkpoint")
      ->type_name("N");
  sub->add_flag("--force", o->force, "replace a file that is no report of Saccade's");
  sub->footer(
      "Examples:\n"
      "  saccade report runs/pendulum-1\n"
      "  saccade report runs/pendulum-1 runs/pendulum-td3-1 -o both.html");
  sub->callback([o] { run(*o); });
}

}  // namespace saccade::cli
