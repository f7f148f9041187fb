// Runs of a team: one folder, checkpoints with every member's share, and members that go on from them, as
// many as before or not.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "autograd/ops.h"
#include "base/error.h"
#include "base/hash.h"
#include "rl/components/replay_buffer.h"
#include "rl/runs/training.h"
#include "rl/training/checkpoint.h"
#include "rl/training/shares.h"
#include "tests/support/catch.h"
#include "tests/support/command.h"
#include "tests/support/runs.h"
#include "tests/support/thread_team.h"

using namespace saccade;
using Catch::Contains;
using test::check_all_well;
using test::in_team;
using Json = nlohmann::ordered_json;

namespace {

rl::RunInfo small_run() {
  return test::run_of("sac", {{"hidden", {8}},
                              {"batch_size", 9},
                              {"learning_starts", 60},
                              {"buffer_size", 90},
                              {"steps", 360},
                              {"eval_every", 120},
                              {"eval_episodes", 1},
                              {"final_eval_episodes", 1},
                              {"diagnose_every", 120},
                              {"prioritized", true},
                              {"n_step", 2}});
}

void run(rl::Training training, std::int64_t stop_at = -1) {
  test::StopAt listener(stop_at);
  if (training.run(listener).has_value() != (stop_at < 0)) throw Error("ended otherwise than it should");
}

std::string bits(const test::TemporaryFolder& folder, const std::string& name, int members) {
  std::string all;
  for (const char* file : {"checkpoint/weights.safetensors", "checkpoint/optimizer.safetensors",
                           "checkpoint/replay.safetensors", "eval.csv", "diagnostics.jsonl"}) {
    all += test::read_file(folder.path(name + "/" + file));
  }
  for (int i = 1; i < members; ++i) {
    all += test::read_file(folder.path(name + "/checkpoint/replay-" + std::to_string(i) + ".safetensors"));
  }
  return all;
}

// A share of three full-ring transitions, of which `next` is the oldest, with priorities.
rl::Share share_of(const std::vector<double>& rewards, std::int64_t next) {
  rl::ReplayBuffer buffer(3, 1, 1, {.priority_alpha = 1});
  for (std::size_t i = 0; i < rewards.size(); ++i) {
    buffer.add(std::vector<double>{0}, std::vector<double>{0}, rewards[i], std::vector<double>{0}, false);
  }
  rl::Share share = {rl::TrainState(Rng(1)), {}};
  for (const auto& [name, tensor] : buffer.named_state()) {
    share.replay.push_back(
        {name, name == "next" ? scalar(static_cast<double>(next), DType::f64) : 1 * tensor});
  }
  share.state.step = 12;
  share.state.updates = 5;
  return share;
}

std::vector<double> field(const rl::Share& share, const std::string& name) {
  for (const auto& [key, tensor] : share.replay) {
    if (key == name) return tensor.to_vector();
  }
  throw Error(name);
}

}  // namespace

TEST_CASE("a team's run that stops goes on to the same bits", "[team]") {
  const test::TemporaryFolder folder;
  check_all_well(in_team(3, [&](int) { run(rl::Training::begin(small_run(), folder.path("whole"))); }));
  check_all_well(in_team(3, [&](int) { run(rl::Training::begin(small_run(), folder.path("parts")), 90); }));
  check_all_well(in_team(3, [&](int) { run(rl::Training::resume(folder.path("parts"), {}), 240); }));
  check_all_well(in_team(3, [&](int) { run(rl::Training::resume(folder.path("parts"), {})); }));
  CHECK((bits(folder, "parts", 3) == bits(folder, "whole", 3)));
  CHECK(rl::checkpoint_members(folder.path("whole/checkpoint")) == 3);
  const Json summary = Json::parse(test::read_file(folder.path("whole/summary.json")));
  CHECK(summary.at("processes") == 3);
  CHECK(summary.at("steps") == 360);
}

TEST_CASE("a run goes on with another number of members, one alone included", "[team]") {
  const test::TemporaryFolder folder;
  check_all_well(in_team(3, [&](int) { run(rl::Training::begin(small_run(), folder.path("run")), 90); }));
  const auto members = [&] { return rl::checkpoint_members(folder.path("run/checkpoint")); };
  check_all_well(in_team(2, [&](int rank) {
    rl::Training training = rl::Training::resume(folder.path("run"), {});
    if (rank == 0 && training.members_before() != 3) throw Error("members");
    run(std::move(training), 150);
  }));
  CHECK(members() == 2);
  run(rl::Training::resume(folder.path("run"), {}), 200);
  CHECK(members() == 1);
  check_all_well(in_team(2, [&](int) { run(rl::Training::resume(folder.path("run"), {})); }));
  CHECK(members() == 2);
}

TEST_CASE("a folder that is taken, and a damaged share, are one error, and nothing changes", "[team]") {
  const test::TemporaryFolder folder;
  check_all_well(in_team(2, [&](int) { run(rl::Training::begin(small_run(), folder.path("run")), 90); }));
  const auto before = test::snapshot(folder.path());
  for (const std::string& error :
       in_team(2, [&](int) { run(rl::Training::begin(small_run(), folder.path("run"))); })) {
    CHECK_THAT(error, Contains("run"));
  }
  CHECK((test::snapshot(folder.path()) == before));
  const std::string path = folder.path("run/checkpoint/replay-1.safetensors");
  std::string text = test::read_file(path);
  text.back() = static_cast<char>(text.back() ^ 1);
  test::write_file(path, text);
  const auto damaged = test::snapshot(folder.path());
  for (const std::string& error :
       in_team(2, [&](int) { run(rl::Training::resume(folder.path("run"), {})); })) {
    CHECK_THAT(error, Contains("replay-1.safetensors: is damaged"));
  }
  CHECK((test::snapshot(folder.path()) == damaged));
}

TEST_CASE("what a stranger made of the parts of several processes is refused before it is dealt", "[team]") {
  const test::TemporaryFolder folder;
  check_all_well(in_team(2, [&](int) { run(rl::Training::begin(small_run(), folder.path("run"))); }));
  const std::string state_file = folder.path("run/checkpoint/state.json"),
                    share_file = folder.path("run/checkpoint/replay-1.safetensors");
  const std::string good_state = test::read_file(state_file), good_share = test::read_file(share_file);
  const auto tensors = nn::safetensors::load(share_file, 1 << 24).tensors;
  const auto digest = [](const std::string& text) { return fmt::format("{:016x}", fnv1a(text)); };
  const auto refused = [&](const std::string& words) {
    for (const int members : {1, 2, 3}) {
      const std::vector<std::string> errors =
          in_team(members, [&](int) { run(rl::Training::resume(folder.path("run"), {})); });
      CHECK_THAT(errors[0], Contains(words));
    }
    test::write_file(state_file, good_state);
    test::write_file(share_file, good_share);
  };
  const auto with_share = [&](const nn::NamedTensors& changed) {
    nn::safetensors::save(share_file, changed);
    Json state = Json::parse(good_state);
    REQUIRE(state["digests"]["replay-1.safetensors"] == digest(good_share));
    state["digests"]["replay-1.safetensors"] = digest(test::read_file(share_file));
    test::write_file(state_file, state.dump());
  };
  nn::NamedTensors fewer, behind, short_of_rows;
  for (const auto& [name, tensor] : tensors) {
    if (name != "terminated") fewer.push_back({name, tensor});
    behind.push_back({name, name == "next" ? scalar(-1e9, DType::f64) : tensor});
    short_of_rows.push_back({name, name == "action" ? slice(tensor, 0, 0, 1) : tensor});
  }
  for (const nn::NamedTensors& changed : {fewer, behind, short_of_rows}) {
    with_share(changed);
    refused("what rank 1 left does not fit this run");
  }
  Json state = Json::parse(good_state);
  state["others"][0]["step"] = 1;
  test::write_file(state_file, state.dump());
  refused("the state of rank 1 is at step 1");
  std::filesystem::rename(share_file, folder.path("elsewhere"));
  std::filesystem::create_symlink(folder.path("elsewhere"), share_file);
  CHECK_THROWS_WITH(rl::Training::resume(folder.path("run"), {}),
                    Contains("replay-1.safetensors: is a link"));
}

TEST_CASE("members with other settings are refused by name, before there are files", "[team]") {
  const test::TemporaryFolder folder;
  const std::vector<std::string> errors = in_team(3, [&](int rank) {
    rl::RunInfo info = small_run();
    if (rank == 2) info.config.run.seed = 8;
    rl::Training::begin(info, folder.path("run"));
  });
  for (const std::string& error : errors)
    CHECK_THAT(error, Contains("rank 2 would train with seed 8, and rank 0 with 1"));
  CHECK(!std::filesystem::exists(folder.path("run")));
}

TEST_CASE("shares are dealt like cards, the oldest first, the newest if there are too many", "[team]") {
  // In the order in which they came: 11, 12, 10 and 21, 22, 23 side by side.
  std::vector<rl::Share> shares;
  shares.push_back(share_of({10, 11, 12}, 1));
  shares.push_back(share_of({21, 22, 23}, 0));
  const std::vector<rl::Share> three = rl::dealt(shares, 3, 3, 2, Rng(1));
  REQUIRE(three.size() == 3);
  CHECK(field(three[0], "reward") == std::vector<double>{11, 22});
  CHECK(field(three[1], "reward") == std::vector<double>{21, 10});
  CHECK(field(three[2], "reward") == std::vector<double>{12, 23});
  for (const rl::Share& share : three) {
    CHECK(field(share, "next") == std::vector<double>{2});
    CHECK(field(share, "priorities.priority").size() == 2);
    CHECK(share.state.step == 12);
    CHECK(share.state.updates == 5);
    CHECK(share.state.copies.size() == 2);
    CHECK(!share.state.copies[0].in_episode);
  }
  CHECK(three[0].state.sample_rng.state().key != three[1].state.sample_rng.state().key);
  const std::vector<rl::Share> one = rl::dealt(shares, 1, 4, 1, Rng(1));
  CHECK(field(one[0], "reward") == std::vector<double>{12, 22, 10, 23});
  CHECK(field(one[0], "next") == std::vector<double>{0});
  rl::ReplayBuffer buffer(4, 1, 1, {.priority_alpha = 1});
  buffer.load_state(one[0].replay);
  CHECK(buffer.size() == 4);
}

TEST_CASE("shares survive being sent, and what is cut short is refused", "[team]") {
  const rl::Share share = share_of({1, 2, 3}, 2);
  const std::string bytes = rl::packed(share);
  const rl::Share back = rl::unpacked_share(bytes);
  CHECK(rl::packed(back) == bytes);
  CHECK(field(back, "reward") == field(share, "reward"));
  for (const std::size_t size : {std::size_t{0}, std::size_t{7}, bytes.size() / 2, bytes.size() - 1}) {
    CHECK_THROWS_AS(rl::unpacked_share(bytes.substr(0, size)), FormatError);
  }
}
