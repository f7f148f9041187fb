// A run's event file: its tags, its values beside the tables', and the same series however often it is
// stopped.
#include "rl/runs/tensorboard_log.h"

#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "rl/algorithms/sac.h"
#include "rl/runs/training.h"
#include "tests/support/catch.h"
#include "tests/support/command.h"
#include "tests/support/event_reader.h"
#include "tests/support/runs.h"

using namespace saccade;
using namespace saccade::test;
using Json = nlohmann::ordered_json;

namespace {

const std::string kFile = "/tensorboard/events.out.tfevents.saccade";

// Pendulum's episodes end every 200 steps, CartPole's soon; evaluations every 500 steps, actions every 1,000.
rl::RunInfo small_run(const std::string& algorithm = "sac", std::int64_t steps = 2300) {
  return run_of(algorithm, {{"hidden", {8}},
                            {"batch_size", 8},
                            {"buffer_size", 700},
                            {"learning_starts", 300},
                            {"updates_per_step", 0.25},
                            {"steps", steps},
                            {"eval_every", 500},
                            {"eval_episodes", 2},
                            {"final_eval_episodes", 1}});
}

// A column of a table by its name; an empty field is a NaN.
std::vector<double> column(const std::string& csv, const std::string& name) {
  std::istringstream lines(read_file(csv));
  std::vector<double> values;
  std::ptrdiff_t place = -1;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::vector<std::string> row;
    for (std::string field; std::getline(fields, field, ',');) row.push_back(field);
    if (place < 0) {
      place = std::find(row.begin(), row.end(), name) - row.begin();
      REQUIRE(place < static_cast<std::ptrdiff_t>(row.size()));
    } else {
      const std::string& field = row.at(static_cast<std::size_t>(place));
      values.push_back(field.empty() ? std::nan("") : std::stod(field));
    }
  }
  return values;
}

// The same as a series of TensorBoard's, without the empty fields.
std::vector<std::pair<std::int64_t, float>> series(const std::string& csv, const std::string& name) {
  const std::vector<double> steps = column(csv, "step"), values = column(csv, name);
  std::vector<std::pair<std::int64_t, float>> all;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (!std::isnan(values[i]))
      all.emplace_back(static_cast<std::int64_t>(steps[i]), static_cast<float>(values[i]));
  }
  return all;
}

std::set<std::string> tags(const std::string& run) {
  std::set<std::string> all;
  for (const Event& event : read_events(run + kFile)) {
    for (const auto& [tag, value] : event.scalars) all.insert(tag);
    for (const auto& [tag, histogram] : event.histograms) all.insert(tag);
  }
  return all;
}

rl::Episode episode(double ret, std::int64_t length) {
  return {.number = 1, .length = length, .ret = ret, .terminated = false, .updates = 0, .metrics = {}};
}

}  // namespace

TEST_CASE("scalars have Stable-Baselines3's tags, and the rest its own names", "[tensorboard]") {
  const TemporaryFolder folder;
  const std::set<std::string> all = {"rollout/ep_rew_mean", "rollout/ep_len_mean", "time/fps",
                                     "eval/mean_reward",    "eval/mean_ep_length", "train/n_updates",
                                     "train/learning_rate", "rollout/action_0"};
  const std::map<std::string, std::set<std::string>> own = {
      {"sac",
       {"train/critic_loss", "train/actor_loss", "train/ent_coef", "train/ent_coef_loss", "train/entropy",
        "train/q"}},
      {"td3", {"train/critic_loss", "train/actor_loss", "train/q"}},
      {"dqn", {"train/loss", "rollout/exploration_rate", "train/q"}},
      {"soft_q", {"train/critic_loss", "train/entropy", "train/q"}}};
  for (const auto& [algorithm, names] : own) {
    INFO(algorithm);
    const std::string run = folder.path(algorithm);
    go(rl::Training::begin(small_run(algorithm, 1200), run, {.tensorboard = true}));
    std::set<std::string> expected = all;
    expected.insert(names.begin(), names.end());
    CHECK(tags(run) == expected);
  }
}

TEST_CASE("whatever an algorithm's updates report is in its event file", "[tensorboard]") {
  for (const rl::AlgorithmInfo& info : rl::algorithms()) {
    INFO(info.name);
    const TemporaryFolder folder;
    const std::string run = folder.path("run");
    go(rl::Training::begin(small_run(info.name, 1000), run, {.tensorboard = true}));
    const std::string header = read_file(run + "/progress.csv");
    const std::string before = "terminated,", after = ",seconds";
    const auto begin = header.find(before) + before.size();
    std::istringstream names(header.substr(begin, header.find(after) - begin));
    const Series scalars = read_scalars(run + kFile);
    std::size_t metrics = 0;
    for (std::string name; std::getline(names, name, ',');) {
      ++metrics;
      // The same numbers as in the table, under one tag or another.
      const auto expected = series(run + "/progress.csv", name);
      const auto found = std::find_if(scalars.begin(), scalars.end(),
                                      [&](const auto& tag) { return tag.second == expected; });
      INFO(name);
      CHECK(found != scalars.end());
    }
    CHECK(metrics >= 3);
  }
}

TEST_CASE("a run's curves are those of its tables", "[tensorboard]") {
  const TemporaryFolder folder;
  const std::string run = folder.path("run"), table = run + "/progress.csv";
  rl::RunInfo info = small_run();
  info.config.own<rl::SacConfig>().actor_lr = 0.002;  // not the critics'
  go(rl::Training::begin(info, run, {.tensorboard = true}));
  const Series scalars = read_scalars(run + kFile);
  const std::map<std::string, std::string> columns = {
      {"train/critic_loss", "critic_loss"},  {"train/actor_loss", "actor_loss"}, {"train/ent_coef", "alpha"},
      {"train/ent_coef_loss", "alpha_loss"}, {"train/entropy", "entropy"},       {"train/q", "q"}};
  for (const auto& [tag, name] : columns) {
    INFO(tag);
    CHECK(scalars.at(tag).size() == 10);  // of the 11 episodes one had no updates
    CHECK(scalars.at(tag) == series(table, name));
  }
  CHECK(scalars.at("train/learning_rate").size() == 10);
  for (const auto& [step, rate] : scalars.at("train/learning_rate")) CHECK(rate == 0.002F);
  CHECK(scalars.at("eval/mean_reward") == series(run + "/eval.csv", "mean"));
  using Points = std::vector<std::pair<std::int64_t, float>>;
  CHECK(scalars.at("eval/mean_ep_length") ==
        Points{{500, 200.F}, {1000, 200.F}, {1500, 200.F}, {2000, 200.F}});
  const std::vector<double> returns = column(table, "return");
  double sum = 0;
  REQUIRE(scalars.at("rollout/ep_rew_mean").size() == returns.size());
  for (std::size_t i = 0; i < returns.size(); ++i) {
    sum += returns[i];
    const auto& [step, mean] = scalars.at("rollout/ep_rew_mean")[i];
    CHECK(step == 200 * static_cast<std::int64_t>(i + 1));
    CHECK(mean == static_cast<float>(sum / static_cast<double>(i + 1)));
    CHECK(scalars.at("rollout/ep_len_mean")[i].second == 200);
    CHECK(scalars.at("time/fps")[i].second > 0);
  }
  CHECK(scalars.at("train/n_updates").back() == std::pair<std::int64_t, float>(2200, 475.F));
}

TEST_CASE("the actions of the last thousand steps are a histogram", "[tensorboard]") {
  const TemporaryFolder folder;
  rl::RunInfo info = small_run("sac", 1001);
  info.config.off_policy.buffer_size = 5000;
  go(rl::Training::begin(info, folder.path("run"), {.tensorboard = true}));
  std::vector<std::pair<std::int64_t, Histogram>> found;
  for (const Event& event : read_events(folder.path("run") + kFile)) {
    for (const auto& [tag, histogram] : event.histograms) {
      CHECK(tag == "rollout/action_0");
      found.emplace_back(event.step, histogram);
    }
  }
  REQUIRE(found.size() == 1);
  CHECK(found[0].first == 1000);
  const Histogram& h = found[0].second;
  CHECK(h.count == 1000);
  CHECK((h.min >= -1 && h.min < -0.9 && h.max <= 1 && h.max > 0.9));
  double counted = 0;
  for (const double count : h.counts) counted += count;
  CHECK(counted == 1000);
}

TEST_CASE("each number of an action has a histogram", "[tensorboard]") {
  const TemporaryFolder folder;
  rl::ReplayBuffer buffer(2000, 1, 2);
  for (int i = 0; i < 1500; ++i) {
    const double obs[] = {0}, action[] = {i / 2000.0, -i / 1000.0};
    buffer.add(obs, action, 0, obs, false);
  }
  rl::TrainState state(Rng(1), 1);
  state.step = 1500;
  rl::TensorBoardLog(folder.path(), rl::Config("sac")).end_round(state, buffer, 1);
  const std::vector<Event> events = read_events(folder.path() + kFile);
  const auto& histograms = events.at(1).histograms;
  REQUIRE(histograms.size() == 2);
  CHECK((histograms[0].first == "rollout/action_0" && histograms[1].first == "rollout/action_1"));
  CHECK((histograms[0].second.min == 0.25 && histograms[0].second.max == Approx(0.7495)));
  CHECK((histograms[1].second.min == Approx(-1.499) && histograms[1].second.max == -0.5));
}

TEST_CASE("returns are means over the last hundred episodes, and a resumed log remembers them",
          "[tensorboard]") {
  const TemporaryFolder folder;
  rl::ReplayBuffer buffer(10, 1, 1);
  rl::TrainState state(Rng(1), 1);
  Json saved;
  {
    rl::TensorBoardLog log(folder.path(), rl::Config("sac"));
    for (state.step = 1; state.step <= 150; ++state.step) {
      log.add_episode(episode(static_cast<double>(state.step), 2 * state.step));
      log.end_round(state, buffer, 2);
    }
    saved = Json::parse(log.state().dump());
    CHECK(saved.at("episodes").size() == 100);
    state.step = 151;
    log.add_episode(episode(7e7, 1));
    log.end_round(state, buffer, 2);
  }
  rl::TensorBoardLog log(folder.path(), rl::Config("sac"), saved, 150);
  log.cut();
  log.add_episode(episode(151, 302));
  log.end_round(state, buffer, 2);
  const Series scalars = read_scalars(folder.path() + kFile);
  const auto& returns = scalars.at("rollout/ep_rew_mean");
  REQUIRE(returns.size() == 151);
  CHECK(returns[0].second == 1);
  CHECK(returns[99].second == 50.5F);
  CHECK(returns[100].second == 51.5F);
  CHECK(returns[150].second == 101.5F);
  CHECK(scalars.at("rollout/ep_len_mean")[150].second == 203.F);
  CHECK(scalars.at("time/fps")[150].second == 75.5F);
  CHECK(scalars.count("train/n_updates") == 0);
}

TEST_CASE("numbers that are none, and nothing at all, break no log", "[tensorboard]") {
  const TemporaryFolder folder;
  const double nan = std::nan("");
  {
    rl::TensorBoardLog log(folder.path(), rl::Config("sac"));
    rl::TrainState state(Rng(1), 1);
    state.step = 1000;
    log.end_round(state, rl::ReplayBuffer(10, 1, 2), 0);  // no episode, and an empty buffer
    log.add_evaluation(1000, {.returns = {nan, 1}, .lengths = {3, 4}, .divergences = 0});
    state.step = 1001;
    log.add_episode(episode(std::numeric_limits<double>::infinity(), 4));
    log.end_round(state, rl::ReplayBuffer(10, 1, 2), 0);
  }
  const std::vector<Event> events = read_events(folder.path() + kFile);
  REQUIRE(events.size() == 3);
  CHECK(std::isnan(events[1].scalars.at(0).second));
  CHECK(events[1].scalars.at(1).second == 3.5F);
  CHECK(std::isinf(events[2].scalars.at(0).second));
}

TEST_CASE("episodes that end together are one event", "[tensorboard]") {
  const TemporaryFolder folder;
  rl::RunInfo info = small_run("sac", 3200);
  info.config.run.envs = 8;
  const std::string run = folder.path("run");
  go(rl::Training::begin(info, run, {.tensorboard = true}));
  CHECK(column(run + "/progress.csv", "step") == std::vector<double>{1600, 1600, 1600, 1600, 1600, 1600, 1600,
                                                                     1600, 3200, 3200, 3200, 3200, 3200, 3200,
                                                                     3200, 3200});
  const Series scalars = read_scalars(run + kFile);
  const auto& returns = scalars.at("rollout/ep_rew_mean");
  REQUIRE(returns.size() == 2);
  CHECK((returns[0].first == 1600 && returns[1].first == 3200));
  double sum = 0;
  for (const double ret : column(run + "/progress.csv", "return")) sum += ret;
  CHECK(returns[1].second == static_cast<float>(sum / 16));
  CHECK(scalars.at("train/critic_loss").size() == 2);
}
