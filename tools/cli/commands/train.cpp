// saccade train: a new run, or an old one carried on.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "autograd/kernels/table.h"
#include "base/error.h"
#include "base/text.h"
#include "base/threads.h"
#include "envs/registry.h"
#include "nn/team.h"
#include "rl/runs/choice.h"
#include "rl/runs/config.h"
#include "rl/runs/training.h"
#include "tools/cli/command.h"
#include "tools/cli/compare.h"
#include "tools/cli/dashboard.h"
#include "tools/cli/display.h"
#include "tools/cli/output.h"
#include "tools/cli/stop_signals.h"
#include "tools/cli/text.h"

namespace saccade::cli {

namespace {

using Json = nlohmann::ordered_json;

struct TrainCommand {
  std::string name;  // of a preset or environment
  std::string run, config_file, resume, algorithm;
  std::vector<std::string> settings;
  std::string seed, seeds, steps, envs, threads;  // as typed; empty if not given
  std::string dashboard, dashboard_host;
  bool serves = false;  // --dashboard is given, with a port or without
  bool tensorboard = false, quiet = false, json = false;
};

// ---- a new run ----

rl::RunInfo choose(const TrainCommand& options) {
  return rl::choose({.name = options.name,
                     .algorithm = options.algorithm,
                     .config_file = options.config_file,
                     .settings = options.settings,
                     .flags = {{"seed", options.seed}, {"steps", options.steps}, {"envs", options.envs}}});
}

// ---- an old one ----

void check_resume_options(const TrainCommand& options) {
  const std::pair<const char*, bool> fixed[] = {
      {"--run", !options.run.empty()},      {"--config", !options.config_file.empty()},
      {"--set", !options.settings.empty()}, {"--seed", !options.seed.empty()},
      {"--envs", !options.envs.empty()},    {"--algo", !options.algorithm.empty()}};
  for (const auto& [flag, given] : fixed) {
    if (given) {
      throw ConfigError(fmt::format(
          "{} cannot be given with --resume: a run goes on as it began; only --steps may change", flag));
    }
  }
}

void check_same_name(const TrainCommand& options, const rl::RunInfo& info) {
  if (options.name.empty()) return;
  const bool same = rl::is_preset(options.name) ? options.name == info.preset
                                                : rl::config_for(options.name).run.env == info.config.run.env;
  if (!same) {
    throw ConfigError(
        fmt::format("'{}' was asked for, but {} is a run of {}", options.name, options.resume, info.name()));
  }
}

std::string processes(int n) { return n == 1 ? "one process" : fmt::format("{} processes", n); }

rl::Training resume(const TrainCommand& options) {
  check_resume_options(options);
  rl::RunInfo info = rl::Training::info_for_all(options.resume);
  check_same_name(options, info);
  std::optional<std::int64_t> steps;
  if (!options.steps.empty()) {
    rl::set_from_flag(info.config, "steps", options.steps);
    steps = info.config.run.steps;
  }
  rl::Training training = rl::Training::resume(options.resume, steps, {.tensorboard = options.tensorboard});
  if (info.instruction_set != kernels::instruction_set()) {
    warn(fmt::format("this run began with {} and goes on with {}: results may differ in their last bits",
                     info.instruction_set, kernels::instruction_set()));
  }
  if (const int before = training.members_before(), now = nn::team_size(); before != now && before > 0) {
    warn(fmt::format(
        "this run's checkpoint is of {} and it goes on in {}: its transitions are dealt anew, every episode "
        "begins anew, and results are others than they would have been",
        processes(before), processes(now)));
  }
  return training;
}

// ---- what is said ----

std::string announcement(const rl::Training& training) {
  const rl::Config& config = training.info().config;
  const std::int64_t done = training.state().step;
  const std::string name = training.info().preset.empty()
                               ? config.run.env
                               : fmt::format("{} ({})", training.info().preset, config.run.env);
  const std::int64_t last = rl::last_step(config.run);
  if (done >= last) {
    return fmt::format("{}: all its {} steps are done; to train on: {} train --resume {} --steps {}",
                       training.path(), last, program(), shell_word(training.path()), 2 * last);
  }
  std::string steps = done == 0 ? fmt::format("{} steps", last) : fmt::format("steps {} to {}", done, last);
  if (nn::team_size() > 1) steps += fmt::format(", by {} processes", nn::team_size());
  if (config.run.envs > 1) steps += fmt::format(" in {} environments", config.run.envs);
  return fmt::format("{}, {}, seed {}: {}, in {}", name, config.algorithm().name, config.run.seed, steps,
                     training.path());
}

void print_summary(const Json& summary, const rl::Training& training) {
  const Json& e = summary.at("final_evaluation");
  const auto number = [](const Json& json) { return json.get<double>(); };
  out("Trained {} steps ({} updates) in {:.1f} s, {} steps/s.\n", summary.at("steps").dump(),
      summary.at("updates").dump(), number(summary.at("seconds")),
      compact(number(summary.at("steps_per_second"))));
  if (const std::int64_t divergences = summary.at("divergences"); divergences > 0) {
    out("The simulation diverged {} times, which ended those episodes.\n", divergences);
  }
  if (!e.is_null()) {
    out("Final evaluation: {:.2f} ± {:.2f} over {} episodes, {:.1f} to {:.1f}\n", number(e.at("mean")),
        number(e.at("std")), e.at("episodes").dump(), number(e.at("min")), number(e.at("max")));
    if (const std::int64_t divergences = e.at("divergences"); divergences > 0) {
      out("In {} of them the simulation diverged.\n", divergences);
    }
  }
  if (summary.contains("solved")) {
    out("{} a mean of at least {}.\n",
        summary.at("solved").get<bool>() ? "Solved:" : "Not solved: that would take",
        number(summary.at("solved_threshold")));
  }
  out("Files: {}/\n  progress.csv, eval.csv, diagnostics.jsonl, summary.json, checkpoint/{}\n",
      training.path(), training.has_tensorboard() ? ", tensorboard/" : "");
  out("A page of it all: {} report {}\n", program(), shell_word(training.path()));
  out("Evaluate again: {} eval {}\n", program(), shell_word(training.path()));
}

int report_stop(const rl::Training& training, bool json) {
  const std::string again = fmt::format("{} train --resume {}", program(), shell_word(training.path()));
  const std::int64_t step = training.state().step, steps = training.info().config.run.steps;
  if (json) {
    out_json({{"run", training.path()}, {"stopped_at", step}, {"steps", steps}, {"resume", again}});
  }
  err("Stopped at step {} of {}; all is saved. To go on:\n  {}\n", step, steps, again);
  // Another process of the team may have been told to stop, and this one not.
  return 128 + (StopSignals::received() != 0 ? StopSignals::received() : SIGTERM);
}

// The display, the dashboard, if there is one, and the signals that stop a run.
class Watcher final : public rl::TrainingListener {
 public:
  Watcher(Display::Mode mode, Dashboard* dashboard) : display_(mode), dashboard_(dashboard) {}
  void announce(const rl::Training& training) {
    display_.message(announcement(training), training.state().step);
  }
  void say(const std::string& line, const rl::Training& training) {
    display_.message(line, training.state().step);
  }
  void on_step(const rl::Training& training) override {
    if (display_.due(training.state().step, training.info().config.run.steps)) {
      display_.update(training.progress());
    }
    if (dashboard_ != nullptr) dashboard_->progressed(training);
  }
  void on_evaluation(const rl::Training& training, const rl::Evaluation& e) override {
    const std::int64_t step = training.state().step;
    display_.message(evaluation_line(step, training.info().config.run.steps, e), step);
    if (dashboard_ != nullptr) dashboard_->grew(training);
  }
  void on_diagnosis(const rl::Training& training, const rl::Diagnosis&) override {
    if (dashboard_ != nullptr) dashboard_->grew(training);
  }
  bool should_stop(const rl::Training&) override { return StopSignals::received() != 0; }
  void finish() { display_.clear(); }

 private:
  Display display_;
  Dashboard* dashboard_;
};

std::unique_ptr<Dashboard> make_dashboard(const TrainCommand& options) {
  if (!options.serves) {
    if (!options.dashboard_host.empty()) throw ConfigError("--dashboard-host needs --dashboard");
    return nullptr;
  }
  DashboardOptions d;
  if (!options.dashboard.empty())
    d.port = static_cast<int>(parse_integer("--dashboard", options.dashboard, 1, 65535));
  if (!options.dashboard_host.empty()) d.host = options.dashboard_host;
  return std::make_unique<Dashboard>(d);
}

// With --seeds: the comparison of one configuration with itself.
int run_seeds(const TrainCommand& options) {
  const std::pair<const char*, bool> others[] = {{"--seed", !options.seed.empty()},
                                                 {"--resume", !options.resume.empty()},
                                                 {"--json", options.json},
                                                 {"--dashboard", options.serves},
                                                 {"--dashboard-host", !options.dashboard_host.empty()},
                                                 {"--tensorboard", options.tensorboard}};
  for (const auto& [flag, given] : others) {
    if (given) throw ConfigError(fmt::format("{} cannot be given with --seeds", flag));
  }
  for (const std::string& setting : options.settings) {
    if (setting.starts_with("seed=")) throw ConfigError("--set seed cannot be given with --seeds");
  }
  const std::vector<std::int64_t> seeds = rl::parse_seeds("--seeds", options.seeds);
  const rl::RunInfo info = choose(options);
  const std::string folder = options.run.empty()
                                 ? fmt::format("runs/{}-{}-seeds", info.name(), info.config.algorithm().name)
                                 : options.run;
  std::string again =
      fmt::format("train {} --algo {} --seeds {} --run {}", shell_word(envs::name_elsewhere(info.name())),
                  info.config.algorithm().name, options.seeds, shell_word(folder));
  if (!options.config_file.empty()) again += " --config " + shell_word(options.config_file);
  for (const std::string& setting : options.settings) again += " --set " + shell_word(setting);
  if (!options.steps.empty()) again += " --steps " + options.steps;
  if (!options.envs.empty()) again += " --envs " + options.envs;
  if (!options.threads.empty()) again += " --threads " + options.threads;
  if (options.quiet) again += " --quiet";
  return compare(rl::comparison_of(info, seeds, folder), {.folder = folder,
                                                          .title = info.name(),
                                                          .again = again,
                                                          .jobs = parse_jobs("--threads", options.threads),
                                                          .quiet = options.quiet,
                                                          .report_only = false});
}

int run(const TrainCommand& options) {
  if (!options.seeds.empty()) return run_seeds(options);
  if (!options.threads.empty())
    set_num_threads(static_cast<int>(parse_integer("--threads", options.threads, 1, 1024)));
  const StopSignals signals;
  const std::unique_ptr<Dashboard> dashboard =
      nn::leads() ? make_dashboard(options) : nullptr;  // a port that is taken shows before there are files
  rl::Training training = options.resume.empty() ? rl::Training::begin(choose(options), options.run,
                                                                       {.tensorboard = options.tensorboard})
                                                 : resume(options);
  for (const std::string& surprise : rl::surprises(training.info())) warn(surprise);
  Watcher watcher(options.quiet || options.json ? Display::Mode::silent : Display::best_mode(),
                  dashboard.get());
  watcher.announce(training);
  if (dashboard != nullptr) {
    dashboard->show(training);
    if (options.json || options.quiet) {
      err("Dashboard: {}\n", dashboard->url());
    } else {
      watcher.say(fmt::format("Dashboard: {}", dashboard->url()), training);
    }
  }
  std::optional<Json> summary = training.run(watcher);
  watcher.finish();
  if (dashboard != nullptr) dashboard->ended();
  if (!summary) return report_stop(training, options.json);
  if (options.json) {
    summary->push_back({"run", training.path()});
    out_json(*summary);
  } else {
    print_summary(*summary, training);
  }
  return 0;
}

}  // namespace

void add_train(CLI::App& app, int& exit_code) {
  CLI::App* sub = app.add_subcommand("train",
                                     "Train an agent. Ctrl-C saves and says how to go on; a "
                                     "run that is carried on gives the "
                                     "same bits as one that was never stopped.");
  auto o = std::make_shared<TrainCommand>();
  sub->add_option("PRESET_OR_ENV", o->name,
                  "a preset, such as pendulum, an environment, such as Pendulum-v1, or a file with a task of "
                  "your own, such as my_robot.json");
  sub->add_option("--algo", o->algorithm,
                  fmt::format("the algorithm: {} (default {})", join(rl::algorithm_names()),
                              rl::Config().algorithm().name))
      ->type_name("NAME");
  sub->add_option("--run", o->run, "the run's folder (default runs/<name>[-<algorithm>]-<seed>, made unique)")
      ->type_name("DIR");
  sub->add_option("--config", o->config_file,
                  "hyper-parameters from a JSON file, as 'saccade config --json' prints them, or "
                  "from a run's config.json")
      ->type_name("FILE");
  sub->add_option("--set", o->settings, "one hyper-parameter; may be repeated")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  sub->add_option("--seed", o->seed, "short for --set seed=N")->type_name("N");
  sub->add_option("--seeds", o->seeds,
                  "several, such as 1..5 or 1,2,7: a run for each, side by side, one thread each, and how "
                  "they compare, in "
                  "--run's folder (default runs/<name>-<algorithm>-seeds)")
      ->type_name("SEEDS");
  sub->add_option("--steps", o->steps, "short for --set steps=N; with --resume, train to this step")
      ->type_name("N");
  sub->add_option("--envs", o->envs, "short for --set envs=N: copies of the environment, side by side")
      ->type_name("N");
  sub->add_option("--resume", o->resume, "go on from this run's checkpoint")->type_name("RUN");
  sub->add_option("--threads", o->threads, "how many threads to use at most; results do not depend on it")
      ->type_name("N");
  CLI::Option* dashboard = sub->add_option("--dashboard", o->dashboard,
                                           "serve a page that shows the run as it goes (default port: 8080)")
                               ->type_name("[PORT]")
                               ->expected(0, 1);
  sub->add_option(
         "--dashboard-host", o->dashboard_host,
         "the address to serve it at, such as 0.0.0.0 for all of this machine's; beyond the default, "
         "127.0.0.1, the page asks for a token that is printed")
      ->type_name("ADDRESS");
  sub->add_flag(
      "--tensorboard", o->tensorboard,
      "write tensorboard/ in the run's folder too, for 'tensorboard --logdir RUN'; a run that has it "
      "goes on with it");
  sub->add_flag("--quiet", o->quiet, "only say how it ended");
  sub->add_flag("--json", o->json, "only print the summary, as JSON");
  sub->footer(
      "Examples:\n"
      "  saccade train pendulum\n"
      "  saccade train pendulum --seed 3 --set gamma=0.98 --set hidden=[128,128]\n"
      "  saccade train pendulum --algo td3\n"
      "  saccade train pendulum --seeds 1..5\n"
      "  saccade train HalfCheetah-v4 --envs 4 --run runs/cheetah --tensorboard\n"
      "  saccade train my_robot.json\n"
      "  saccade train --resume runs/pendulum-1");
  sub->callback([o, dashboard, &exit_code] {
    o->serves = dashboard->count() > 0;
    exit_code = run(*o);
  });
}

}  // namespace saccade::cli
