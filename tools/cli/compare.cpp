#include "tools/cli/compare.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <deque>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "base/threads.h"
#include "nn/team.h"
#include "rl/runs/choice.h"
#include "rl/runs/comparison_results.h"
#include "rl/runs/logs.h"
#include "rl/runs/training.h"
#include "tools/cli/display.h"
#include "tools/cli/farm.h"
#include "tools/cli/output.h"
#include "tools/cli/stop_signals.h"
#include "tools/cli/text.h"
#include "tools/pages/assemble.h"
#include "tools/pages/comparison.h"

namespace saccade::cli {

namespace {

namespace fs = std::filesystem;
using rl::ComparedRun;
using rl::Comparison;
using rl::RunStage;

std::string errors_of(const ComparedRun& run) { return run.folder + ".log"; }

// Another program may still be saving it.
bool is_locked(const ComparedRun& run) {
  if (!fs::exists(run.folder)) return false;
  try {
    const rl::RunLock lock(run.folder);
    return false;
  } catch (const ConfigError&) {
    return true;
  }
}

std::vector<std::string> arguments_of(const ComparedRun& run) {
  std::vector<std::string> words = {"train", "--quiet", "--threads", "1"};
  if (rl::stage_of(run) == RunStage::begun) {
    words.insert(words.end(),
                 {"--resume", run.folder, "--steps", fmt::format("{}", run.info.config.run.steps)});
    return words;
  }
  const rl::Config& config = run.info.config;
  const std::string algorithm = config.algorithm().name;
  words.insert(words.end(), {run.task, "--algo", algorithm, "--run", run.folder});
  const auto base = to_json(rl::config_for(run.task, algorithm)), all = to_json(config);
  for (const auto& [key, value] : all.items()) {
    if (base.at(key) != value) words.insert(words.end(), {"--set", fmt::format("{}={}", key, value.dump())});
  }
  return words;
}

// How far it has come, and its last evaluation.
struct Standing {
  double part = 0;
  std::optional<double> evaluation;
};

Standing standing_of(const ComparedRun& run) {
  Standing standing;
  try {
    if (rl::stage_of(run) == RunStage::none) return standing;
    const rl::Table evaluations = rl::read_table(rl::run_file(run.folder, "eval.csv"), {"mean"});
    const rl::Table episodes = rl::read_table(rl::run_file(run.folder, "progress.csv"));
    double step = 0;
    for (const rl::Table* table : {&evaluations, &episodes}) {
      if (table->rows() > 0) step = std::max(step, (*table)["step"].back());
    }
    if (evaluations.rows() > 0) standing.evaluation = evaluations["mean"].back();
    standing.part = step / static_cast<double>(rl::last_step(run.info.config.run));
    if (rl::stage_of(run) == RunStage::done) standing.part = 1;
  } catch (const Error&) {  // a run that is being begun
  }
  return standing;
}

// As much of a name as fits into so many columns.
std::string shortened_name(const std::string& name, std::size_t width) {
  const std::string text = printable(name);
  std::size_t end = 0, taken = 0;
  while (end < text.size()) {
    std::size_t next = end + 1;  // of the next character: UTF-8's later bytes are 10xxxxxx
    while (next < text.size() && (static_cast<unsigned char>(text[next]) & 0xC0) == 0x80) ++next;
    if (++taken > width) break;
    end = next;
  }
  return text.substr(0, end);
}

// One line for each configuration of each task.
class LiveTable {
 public:
  explicit LiveTable(const Comparison& comparison) : comparison_(comparison) {
    for (const std::string& task : comparison.tasks)
      name_width_ = std::max(name_width_, columns(printable(task)));
    for (const std::string& name : comparison.configurations)
      name_width_ = std::max(name_width_, columns(printable(name)) + 2);
    name_width_ = std::min<std::size_t>(name_width_, 36);
  }
  ~LiveTable() { clear(); }

  bool due() const { return Clock::now() - last_ > std::chrono::milliseconds(500); }

  void show(std::size_t running) {
    last_ = Clock::now();
    std::vector<std::string> lines;
    double all = 0;
    for (const std::string& task : comparison_.tasks) {
      lines.push_back(printable(task));
      for (const std::string& configuration : comparison_.configurations)
        lines.push_back(line(task, configuration, all));
    }
    lines.push_back(fmt::format("{} running, {:.0f} % of all steps done", running,
                                100 * all / static_cast<double>(comparison_.runs.size())));
    constexpr std::size_t kMost = 22;
    if (lines.size() > kMost) lines = {lines.back()};
    clear();
    for (const std::string& text : lines) out("{}\n", text);
    flush_out();
    shown_ = lines.size();
  }

  void clear() {
    for (; shown_ > 0; --shown_) out("\033[A\033[2K");
    flush_out();
  }

 private:
  std::string line(const std::string& task, const std::string& configuration, double& all) {
    std::size_t done = 0;
    double part = 0, sum = 0, evaluations = 0;
    std::size_t runs = 0;
    for (const ComparedRun& run : comparison_.runs) {
      if (run.task != task || run.configuration != configuration) continue;
      Standing& standing = standings_[run.folder];
      if (standing.part < 1) standing = standing_of(run);
      ++runs;
      done += standing.part >= 1 ? 1 : 0;
      part += standing.part;
      if (standing.evaluation) sum += *standing.evaluation, ++evaluations;
    }
    all += part;
    const std::string name = shortened_name(configuration, name_width_);
    return fmt::format("  {:<{}}  {:>3} of {} done  {:>3.0f} %  {}", name, name_width_, done, runs,
                       100 * part / static_cast<double>(runs),
                       evaluations == 0 ? "" : fmt::format("evaluations {:.5g}", sum / evaluations));
  }

  using Clock = std::chrono::steady_clock;
  const Comparison& comparison_;
  std::size_t name_width_ = 12, shown_ = 0;
  std::map<std::string, Standing> standings_;
  Clock::time_point last_;
};

// Why a run failed: its last error, or how its process ended.
std::string reason_of(const ComparedRun& run, int status) {
  constexpr std::string_view kError = "saccade: error: ";
  if (status > 128)
    return fmt::format("was ended by signal {}{}", status - 128,
                       status == 128 + SIGKILL ? ", as when memory runs out" : "");
  std::string reason = fmt::format("ended with status {}, and said nothing", status);
  try {
    const std::string text = read_file(errors_of(run), 1 << 20);
    const std::size_t at = text.rfind(kError);
    if (at == text.npos) return reason;
    reason = text.substr(at + kError.size());
    return printable(reason.substr(0, reason.find('\n')));
  } catch (const Error&) {
    return reason;
  }
}

bool is_done(const ComparedRun& run) {
  try {
    return rl::stage_of(run) == RunStage::done;
  } catch (const Error&) {
    return false;
  }
}

struct Outcome {
  std::vector<std::string> failures;
  int signal = 0;
};

Outcome train_all(const Comparison& comparison, const CompareOptions& options, int jobs) {
  std::deque<const ComparedRun*> waiting;
  for (const RunStage stage : {RunStage::begun, RunStage::none}) {
    for (const ComparedRun& run : comparison.runs) {
      if (rl::stage_of(run) == stage) waiting.push_back(&run);
    }
  }
  const Display::Mode mode = options.quiet ? Display::Mode::silent : Display::best_mode();
  const std::size_t before = comparison.runs.size() - waiting.size();
  if (mode != Display::Mode::silent) {
    out("{} run{}, {} at once{}, in {}\n", comparison.runs.size(), comparison.runs.size() == 1 ? "" : "s",
        jobs * nn::team_size(), before > 0 ? fmt::format(", {} done already", before) : "", options.folder);
  }
  LiveTable table(comparison);
  std::map<int, const ComparedRun*> running;
  int next_number = 0;
  Outcome outcome;
  Farm farm(jobs);
  const auto say = [&](const std::string& line) {
    if (mode == Display::Mode::silent) return;
    table.clear();
    out("{}\n", line);
    flush_out();
  };
  const auto fail = [&](const ComparedRun& run, const std::string& reason) {
    outcome.failures.push_back(fmt::format("{}: {}", run.folder, reason));
    say("failed: " + printable(outcome.failures.back()));
  };
  std::size_t done = before;
  while (!waiting.empty() || !running.empty()) {
    if (StopSignals::received() != 0 && outcome.signal == 0) {
      outcome.signal = StopSignals::received();
      waiting.clear();
      farm.signal_all(SIGTERM);
      continue;
    }
    for (std::size_t tries = waiting.size(); tries > 0 && farm.has_room(); --tries) {
      const ComparedRun* run = waiting.front();
      waiting.pop_front();
      if (is_locked(*run)) {
        waiting.push_back(run);
        continue;
      }
      try {
        fs::create_directories(fs::path(run->folder).parent_path());
        farm.start(next_number, arguments_of(*run), errors_of(*run));
        running[next_number++] = run;
      } catch (const std::exception& error) {
        fail(*run, error.what());
      }
    }
    while (const auto ended = farm.next_ended()) {
      const ComparedRun& run = *running.at(ended->number);
      running.erase(ended->number);
      if (ended->status == 0 && !is_done(run)) {
        fail(run, "ended well, but its files are gone");
      } else if (ended->status == 0) {
        fs::remove(errors_of(run));
        ++done;
        const Standing standing = standing_of(run);
        if (mode == Display::Mode::plain) {
          say(fmt::format(
              "{} of {}: {}{}", done, comparison.runs.size(), printable(run.folder),
              standing.evaluation ? fmt::format(", last evaluation {:.2f}", *standing.evaluation) : ""));
        }
      } else if (outcome.signal == 0) {
        fail(run, reason_of(run, ended->status));
      }
    }
    if (mode == Display::Mode::live && table.due()) table.show(farm.running());
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return outcome;
}

void print(const rl::ComparisonResults& results) {
  std::size_t width = 13;
  for (const rl::TaskResult& task : results.tasks) {
    for (const auto& c : task.configurations) width = std::max(width, columns(printable(c.name)));
  }
  width = std::min<std::size_t>(width, 19);  // 80 columns in all
  for (const rl::TaskResult& task : results.tasks) {
    const bool several = task.configurations.size() > 1;
    out("\n{}\n  {:<{}}  {:>4}  {:>9}  {:>9}  {:>21}  {:>6}\n", printable(task.name), "", width, "runs",
        "mean", "IQM", "95 % interval", several ? "P(>)" : "");
    for (const rl::ConfigurationResult& c : task.configurations) {
      const std::string name = shortened_name(c.name, width);
      if (!c.iqm) {
        out("  {:<{}}  {:>4}\n", name, width, 0);
        continue;
      }
      double sum = 0;
      for (const rl::RunResult& run : c.runs) sum += run.score;
      out("  {:<{}}  {:>4}  {:>9.5g}  {:>9.5g}  {:>21}  {:>6}\n", name, width, c.runs.size(),
          sum / static_cast<double>(c.runs.size()), c.iqm->value,
          c.runs.size() > 1 ? fmt::format("{:.5g} to {:.5g}", c.iqm->low, c.iqm->high) : "of one run",
          c.improvement ? fmt::format("{:.2f}", c.improvement->value) : "");
    }
  }
}

bool is_table(const std::string& path) {
  std::string head;
  std::ifstream file(path);
  return std::getline(file, head) && head.starts_with("task,configuration,algorithm,seed,score,");
}

// Somebody else's files may have the names of the results.
void check_results(const std::string& page, const std::string& csv) {
  const auto check = [](const std::string& path, bool is_own) {
    check_writable(path);
    if (is_own || !fs::exists(path)) return;
    throw ConfigError(
        fmt::format("{}: is there already, and is no comparison's; move it, or compare in another folder",
                    printable(path)));
  };
  check(page, pages::is_page(page, "comparison"));
  check(csv, is_table(csv));
}

std::unique_ptr<rl::RunLock> lock_of(const std::string& folder) {
  try {
    return std::make_unique<rl::RunLock>(folder);
  } catch (const ConfigError&) {
    throw ConfigError(fmt::format("{}: another comparison is at work there", folder));
  }
}

}  // namespace

int parse_jobs(const std::string& flag, const std::string& text) {
  return text.empty() ? 0 : static_cast<int>(parse_integer(flag, text, 1, 1024));
}

int compare(const Comparison& comparison, const CompareOptions& options) {
  const int jobs = options.jobs > 0 ? options.jobs : num_threads();
  for (const ComparedRun& run : comparison.runs)
    rl::stage_of(run);  // throws for a folder that holds something else
  if (fs::exists(options.folder) && !fs::is_directory(options.folder)) {
    throw ConfigError(fmt::format("{}: is a file, expected a folder for the runs; choose another",
                                  printable(options.folder)));
  }
  if (nn::leads()) fs::create_directories(options.folder);
  if (!options.report_only) check_all_see(options.folder);
  if (!nn::leads()) {
    if (!options.report_only) work_in_farm();
    return 0;
  }
  const std::string page = (fs::path(options.folder) / "comparison.html").string();
  const std::string csv = (fs::path(options.folder) / "scores.csv").string();
  check_results(page, csv);
  // A look at what there is disturbs nobody.
  const auto lock = options.report_only ? nullptr : lock_of(options.folder);
  Outcome outcome;
  if (!options.report_only) {
    const StopSignals signals;
    outcome = train_all(comparison, options, jobs);
  }
  const rl::ComparisonResults results = rl::results_of(comparison);
  write_file(csv, rl::scores_csv(results));
  pages::write_comparison(page, options.title, results);
  print(results);
  if (comparison.configurations.size() > 1)
    out("\nP(>): how likely a run ends higher than one of the first configuration.");
  out("\nFiles: {}, {}\n", printable(csv), printable(page));
  flush_out();
  std::vector<std::string> failures = outcome.failures;
  failures.insert(failures.end(), results.damaged.begin(), results.damaged.end());
  for (const std::string& failure : failures) err("saccade: error: {}\n", printable(failure));
  if (!options.report_only && results.done < results.runs) {
    err("{} with {} of {} runs done{} To go on:\n  {} {}\n", outcome.signal != 0 ? "Stopped" : "Ended",
        results.done, results.runs, outcome.signal != 0 ? "; the others are saved." : ".", program(),
        options.again);
    return outcome.signal != 0 ? 128 + outcome.signal : 1;
  }
  return failures.empty() ? 0 : 1;
}

}  // namespace saccade::cli
