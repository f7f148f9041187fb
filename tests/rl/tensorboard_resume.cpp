// A run's event file through stops, kills and damage: the same series as if there had been none, and no point
// twice.
#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/error.h"
#include "rl/runs/training.h"
#include "tests/support/catch.h"
#include "tests/support/command.h"
#include "tests/support/event_reader.h"
#include "tests/support/runs.h"

using namespace saccade;
using namespace saccade::test;
using Catch::Contains;
using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

namespace {

const std::string kFile = "/tensorboard/events.out.tfevents.saccade";

// Pendulum's episodes end every 200 steps; evaluations come every 500, histograms every 1,000.
rl::RunInfo small_run() {
  return run_of("sac", {{"hidden", {8}},
                        {"batch_size", 8},
                        {"buffer_size", 700},
                        {"learning_starts", 300},
                        {"updates_per_step", 0.25},
                        {"steps", 2300},
                        {"eval_every", 500},
                        {"eval_episodes", 2},
                        {"final_eval_episodes", 1}});
}

// Each tag's series, a line for each value, but for what is of the clock.
std::map<std::string, std::string> contents(const std::string& run) {
  std::map<std::string, std::string> all;
  for (const Event& event : read_events(run + kFile)) {
    all["file version"] += event.file_version;
    for (const auto& [tag, value] : event.scalars) {
      all[tag] += fmt::format("{} {}\n", event.step, tag == "time/fps" ? 0 : value);
    }
    for (const auto& [tag, h] : event.histograms) {
      all[tag] +=
          fmt::format("{} {} {} {} {} {}", event.step, h.min, h.max, h.count, h.sum, h.sum_of_squares);
      for (std::size_t i = 0; i < h.limits.size(); ++i)
        all[tag] += fmt::format(" {}:{}", h.limits[i], h.counts[i]);
      all[tag] += '\n';
    }
  }
  return all;
}

void check_same(const std::string& run, const std::map<std::string, std::string>& expected) {
  const std::map<std::string, std::string> found = contents(run);
  CHECK(found.size() == expected.size());
  for (const auto& [tag, values] : expected) {
    INFO(tag);
    REQUIRE(found.count(tag) == 1);
    CHECK(found.at(tag) == values);
  }
}

std::map<std::string, std::string> never_stopped(const TemporaryFolder& folder) {
  go(rl::Training::begin(small_run(), folder.path("never stopped"), {.tensorboard = true}));
  return contents(folder.path("never stopped"));
}

}  // namespace

TEST_CASE("training gives the same bits with and without an event file", "[tensorboard]") {
  const TemporaryFolder folder;
  go(rl::Training::begin(small_run(), folder.path("with"), {.tensorboard = true}));
  go(rl::Training::begin(small_run(), folder.path("without")));
  CHECK_FALSE(fs::exists(folder.path("without/tensorboard")));
  for (const std::string name : {"/checkpoint/weights.safetensors", "/checkpoint/optimizer.safetensors",
                                 "/checkpoint/replay.safetensors", "/eval.csv"}) {
    INFO(name);
    const bool same = read_file(folder.path("with") + name) == read_file(folder.path("without") + name);
    CHECK(same);
  }
  const auto state = [&](const std::string& run) {
    return Json::parse(read_file(folder.path(run + "/checkpoint/state.json"))).at("train").dump();
  };
  const bool same = state("with") == state("without");
  CHECK(same);
}

TEST_CASE("a run that was stopped has the same series as one that was not", "[tensorboard]") {
  const TemporaryFolder folder;
  const auto expected = never_stopped(folder);
  const std::string run = folder.path("run");
  go(rl::Training::begin(small_run(), run, {.tensorboard = true}), 130);
  // The flag is not needed again, and does no harm.
  for (const std::int64_t step : {400, 500, 501, 999, 1000, 1001})
    go(rl::Training::resume(run, std::nullopt, {.tensorboard = step % 2 == 0}), step);
  go(rl::Training::resume(run, std::nullopt));
  check_same(run, expected);
  go(rl::Training::resume(run, std::nullopt, {.tensorboard = true}));  // nothing is left to do
  check_same(run, expected);
}

TEST_CASE("a run that was killed has no point twice", "[tensorboard]") {
  const TemporaryFolder folder;
  const auto expected = never_stopped(folder);
  const std::string run = folder.path("run");
  go(rl::Training::begin(small_run(), run, {.tensorboard = true}), 1100);
  // What a killed run leaves: the checkpoint of step 1100, and a file that has gone on, to within a record.
  fs::copy(run + "/checkpoint", folder.path("checkpoint"));
  go(rl::Training::resume(run, std::nullopt), 2050);
  fs::remove_all(run + "/checkpoint");
  fs::rename(folder.path("checkpoint"), run + "/checkpoint");
  write_file(run + kFile, read_file(run + kFile) + "half a rec");
  go(rl::Training::resume(run, std::nullopt));
  check_same(run, expected);
}

TEST_CASE("a log may begin in a resumed run, or end with its folder", "[tensorboard]") {
  const TemporaryFolder folder;
  const std::string run = folder.path("run");
  const auto first_return = [&] { return read_scalars(run + kFile).at("rollout/ep_rew_mean").front().first; };
  go(rl::Training::begin(small_run(), run), 500);
  CHECK_FALSE(fs::exists(run + "/tensorboard"));
  fs::copy(run + "/checkpoint", folder.path("checkpoint"));
  go(rl::Training::resume(run, std::nullopt, {.tensorboard = true}), 900);
  CHECK(first_return() == 600);
  // Killed before the first checkpoint that would know of it: it begins anew, without being asked again.
  fs::remove_all(run + "/checkpoint");
  fs::rename(folder.path("checkpoint"), run + "/checkpoint");
  go(rl::Training::resume(run, std::nullopt), 1100);
  CHECK(read_scalars(run + kFile).at("rollout/ep_rew_mean").size() == 3);
  CHECK(first_return() == 600);
  fs::remove_all(run + "/tensorboard");
  go(rl::Training::resume(run, std::nullopt), 1300);
  CHECK_FALSE(fs::exists(run + "/tensorboard"));
  go(rl::Training::resume(run, std::nullopt, {.tensorboard = true}));
  CHECK(first_return() == 1400);
  std::vector<std::int64_t> histograms;
  for (const Event& event : read_events(run + kFile)) {
    if (!event.histograms.empty()) histograms.push_back(event.step);
  }
  CHECK(histograms == std::vector<std::int64_t>{2000});
}

TEST_CASE("a log that cannot be written or is not the checkpoint's is an error before training",
          "[tensorboard]") {
  const TemporaryFolder folder;
  const std::string run = folder.path("run");
  const auto refuses = [&](const std::string& words) {
    const auto before = snapshot(run);
    CHECK_THROWS_WITH(rl::Training::resume(run, std::nullopt, {.tensorboard = true}), Contains(words));
    const bool same = snapshot(run) == before;
    CHECK(same);
  };
  go(rl::Training::begin(small_run(), run), 300);
  write_file(run + "/tensorboard", "mine");
  refuses("tensorboard: the folder cannot be made: File exists");
  fs::remove(run + "/tensorboard");
  fs::create_directories(run + kFile + "/in the way");
  refuses("events.out.tfevents.saccade: cannot be made: File exists");
  fs::remove_all(run + "/tensorboard");
  fs::create_directory(folder.path("elsewhere"));
  fs::create_directory_symlink(folder.path("elsewhere"), run + "/tensorboard");
  refuses("run/tensorboard: is a link");
  fs::remove(run + "/tensorboard");
  fs::create_directory(run + "/tensorboard");
  fs::create_symlink(folder.path("elsewhere/file"), run + kFile);
  refuses("events.out.tfevents.saccade: is a link");
  fs::remove(run + kFile);

  go(rl::Training::resume(run, std::nullopt, {.tensorboard = true}), 900);
  const std::string good = read_file(run + kFile);
  write_file(run + kFile, good.substr(0, good.size() - 1));
  refuses(fmt::format("has {} bytes, expected the {} or more", good.size() - 1, good.size()));
  write_file(run + kFile, "x" + good);
  refuses(fmt::format("has no event that ends at byte {}", good.size()));
  write_file(run + kFile, good);
  const std::string state = read_file(run + "/checkpoint/state.json");
  for (const Json& bad :
       {Json("x"), Json::object(), Json{{"bytes", 1}}, Json{{"bytes", "x"}, {"episodes", 1}},
        Json{{"bytes", good.size()}, {"episodes", {1}}}}) {
    INFO(bad.dump());
    Json wrong = Json::parse(state);
    wrong.at("extra")["tensorboard"] = bad;
    write_file(run + "/checkpoint/state.json", wrong.dump());
    CHECK_THROWS_AS(rl::Training::resume(run, std::nullopt), FormatError);
  }
  write_file(run + "/checkpoint/state.json", state);
  go(rl::Training::resume(run, std::nullopt));
}

TEST_CASE("saccade train --tensorboard writes an event file, and says so", "[tensorboard]") {
  const TemporaryFolder folder;
  const std::string small =
      "train pendulum --steps 400 --set hidden=[8] --set final_eval_episodes=1 --run run ";
  const Output plain = run_command(folder, small);
  CHECK(plain.exit_code == 0);
  CHECK_THAT(plain.out, Contains("checkpoint/\n"));
  CHECK_FALSE(fs::exists(folder.path("run/tensorboard")));
  write_file(folder.path("run/tensorboard"), "mine");
  const Output refused = run_command(folder, "train --resume run --steps 800 --tensorboard");
  CHECK(refused.exit_code == 1);
  CHECK(refused.out.empty());
  CHECK(refused.err == "saccade: error: run/tensorboard: the folder cannot be made: File exists\n");
  fs::remove(folder.path("run/tensorboard"));
  const Output begun = run_command(folder, "train --resume run --steps 800 --tensorboard");
  CHECK_THAT(begun.out, Contains("checkpoint/, tensorboard/\n"));
  CHECK(read_scalars(folder.path("run") + kFile).at("rollout/ep_rew_mean").size() == 2);
  CHECK(run_command(folder, "train --resume run --steps 1000").exit_code == 0);
  CHECK(read_scalars(folder.path("run") + kFile).at("rollout/ep_rew_mean").size() == 3);

  fs::remove_all(folder.path("run"));
  CHECK(run_command(folder, small + "--tensorboard --quiet").exit_code == 0);
  CHECK(read_scalars(folder.path("run") + kFile).at("rollout/ep_len_mean").size() == 2);
}
