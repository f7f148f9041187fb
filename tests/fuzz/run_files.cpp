// Any text, or any edit, as one of the files of a run that is good otherwise. What reports and comparisons
// show is made of it and its policy evaluated, or it is refused by one short error.
#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "rl/runs/comparison_results.h"
#include "rl/runs/evaluate_run.h"
#include "rl/runs/logs.h"
#include "rl/runs/training.h"
#include "rl/runs/warnings.h"
#include "tests/fuzz/fuzz.h"
#include "tools/pages/report.h"

using namespace saccade;

namespace {

constexpr std::array kFiles = {"config.json", "progress.csv", "eval.csv", "diagnostics.jsonl",
                               "summary.json"};

const std::string& good_run() {
  static const std::string path = [] {
    rl::RunInfo info;
    info.config.run.env = "Pendulum-v1";
    for (const char* setting :
         {"hidden=[4]", "steps=600", "learning_starts=300", "eval_every=200", "diagnose_every=200",
          "eval_episodes=1", "final_eval_episodes=1", "batch_size=4"})
      rl::update_from_text(info.config, setting);
    std::string folder = fuzz::scratch() + "/run";
    rl::TrainingListener nobody;
    fuzz::check(rl::Training::begin(info, folder).run(nobody).has_value(), "a run ends");
    return folder;
  }();
  return path;
}

void report(const std::string& run) {
  const rl::RunLog log = rl::read_run_log(run);
  rl::warnings(log);
  dumped(pages::to_json({{run, log}}, std::nullopt));
  rl::results_of({.tasks = {"a"},
                  .configurations = {"b"},
                  .seeds = {1},
                  .thresholds = {},
                  .runs = {{"a", "b", log.info, run}}});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string run = good_run();
  static const auto good = [] {
    std::array<std::string, kFiles.size()> texts;
    for (std::size_t i = 0; i < kFiles.size(); ++i) texts[i] = fuzz::contents_of(run + "/" + kFiles[i]);
    return texts;
  }();
  if (size < 2) return 0;
  // The file, then whether it is edited or replaced.
  const std::size_t file = data[0] % kFiles.size();
  const std::string_view rest = fuzz::text_of(data + 2, size - 2);
  const std::string name = fmt::format("run/{}", kFiles[file]);
  fuzz::write_scratch(name, data[1] == 'e' ? fuzz::edited(good[file], rest) : std::string(rest));
  try {
    report(run);
    if (file == 0) {
      const std::string env = rl::read_run_info(run).config.run.env;
      rl::evaluate_agent(
          *rl::load_agent(run), [&] { return rl::make_env(env); }, 1, 1);
    }
  } catch (const Error& error) {
    fuzz::check(std::string_view(error.what()).size() < 4000, "messages are short");
  }
  fuzz::write_scratch(name, good[file]);
  return 0;
}
