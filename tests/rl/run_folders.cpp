// The folders of runs: who may begin one, whose files they are, and what a stranger's may hold.
#include <fmt/format.h>
#include <sys/stat.h>

#include <atomic>
#include <cmath>
#include <filesystem>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "autograd/ops.h"
#include "base/error.h"
#include "envs/registry.h"
#include "rl/runs/training.h"
#include "rl/training/checkpoint.h"
#include "tests/support/catch.h"
#include "tests/support/command.h"
#include "tests/support/runs.h"

using namespace saccade;
using namespace saccade::test;
using Catch::Contains;
using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

namespace {

rl::RunInfo small_run(const std::string& env = "Pendulum-v1") {
  rl::RunInfo info;
  info.config.run.env = env;
  rl::update_from_json(info.config,
                       {{"hidden", {8}},
                        {"batch_size", 8},
                        {"buffer_size", 100},
                        {"learning_starts", 20},
                        {"steps", 60},
                        {"eval_every", 0},
                        {"final_eval_episodes", 1}},
                       "test");
  return info;
}

// A line with a state that goes to infinity in its tenth step.
class Runaway final : public envs::Env {
 public:
  const envs::Spec& spec() const override { return spec_; }
  void reset(Rng&, std::span<double> observation) override {
    x_ = 1;
    observe(observation);
  }
  envs::StepResult step(std::span<const double>, std::span<double> observation) override {
    x_ *= 1e40;
    observe(observation);
    return {.reward = 0};
  }
  void observe(std::span<double> observation) const override { observation[0] = 0; }
  std::vector<double> state() const override { return {x_}; }
  void set_state(std::span<const double> state) override { x_ = state[0]; }

 private:
  envs::Spec spec_ = {.id = "Runaway-v0",
                      .observation_space = envs::Box{{-1}, {1}},
                      .action_space = envs::Box{{-1}, {1}},
                      .max_episode_steps = 100};
  double x_ = 1;
};

// Where tests say nothing of it, files go to the folder of the process.
class In {
 public:
  explicit In(const TemporaryFolder& folder) : before_(fs::current_path()) {
    fs::current_path(folder.path());
  }
  ~In() { fs::current_path(before_); }

 private:
  fs::path before_;
};

}  // namespace

TEST_CASE("an environment's name is no path", "[run_folders]") {
  const TemporaryFolder folder;
  const In in(folder);
  for (const char* const name : {"mylab/Integrator-v0", "../../Up-v0", "/Root-v0", "a b\n\033c"}) {
    envs::add(name, [] { return envs::make("Pendulum-v1"); });
    INFO(name);
    rl::Training training = rl::Training::begin(small_run(name), "");
    CHECK(fs::path(training.path()).parent_path() == "runs");
    const std::string file_name = fs::path(training.path()).filename().string();
    CHECK(file_name.find_first_of("/\n\033 ") == std::string::npos);
    go(std::move(training));
    CHECK(rl::read_run_info("runs/" + file_name).config.run.env == name);
  }
}

TEST_CASE("of starts that race for a folder one wins, and the others leave its files alone",
          "[run_folders]") {
  for (int round = 0; round < 5; ++round) {
    const TemporaryFolder folder;
    const std::string path = folder.path("run");
    std::atomic<int> won = 0, refused = 0;
    std::vector<std::thread> starts;
    for (int i = 0; i < 4; ++i) {
      starts.emplace_back([&] {
        try {
          rl::Training training = rl::Training::begin(small_run(), path);
          rl::TrainingListener quiet;
          if (training.run(quiet)) ++won;
        } catch (const ConfigError&) {
          ++refused;
        }
      });
    }
    for (std::thread& start : starts) start.join();
    CHECK(won == 1);
    CHECK(refused == 3);
    CHECK(Json::parse(read_file(path + "/summary.json")).at("steps") == 60);
    go(rl::Training::resume(path, 80));
  }
}

TEST_CASE("a run that was killed before its first checkpoint can be begun again, other folders cannot",
          "[run_folders]") {
  const TemporaryFolder folder;
  const std::string path = folder.path("run");
  fs::create_directories(path + "/checkpoint.new");
  fs::create_directories(path + "/tensorboard");
  write_file(path + "/.saccade-unborn", "");
  write_file(path + "/config.json", "{\"half\":");
  write_file(path + "/progress.csv", "step,");
  go(rl::Training::begin(small_run(), path));
  const auto before = snapshot(path);
  CHECK_THROWS_AS(rl::Training::begin(small_run(), path), ConfigError);
  CHECK(snapshot(path) == before);
  CHECK_FALSE(fs::exists(path + "/.saccade-unborn"));

  // Killed while it wrote the file that says so.
  const std::string younger = folder.path("younger");
  fs::create_directories(younger);
  write_file(younger + "/.saccade-123-0.tmp", "");
  go(rl::Training::begin(small_run(), younger));
  CHECK_FALSE(fs::exists(younger + "/.saccade-123-0.tmp"));

  // Files of these names that no run left are somebody's.
  const std::string own = folder.path("own");
  fs::create_directories(own + "/checkpoint.new");
  write_file(own + "/checkpoint.new/thesis.txt", "mine");
  write_file(own + "/eval.csv", "mine");
  const auto mine = snapshot(own);
  CHECK_THROWS_WITH(rl::Training::begin(small_run(), own), Contains("exists and is not an empty folder"));
  CHECK(snapshot(own) == mine);

  const std::string other = folder.path("other");
  fs::create_directories(other);
  write_file(other + "/config.json", "{\"half\":");
  write_file(other + "/letters.txt", "mine");
  CHECK_THROWS_AS(rl::Training::begin(small_run(), other), ConfigError);
  CHECK(read_file(other + "/letters.txt") == "mine");
  CHECK(read_file(other + "/config.json") == "{\"half\":");
}

TEST_CASE("a stranger's run with links in it is refused, and what they lead to stays", "[run_folders]") {
  const TemporaryFolder folder;
  for (const std::string name :
       {"config.json", "progress.csv", "eval.csv", "summary.json", "checkpoint/state.json",
        "checkpoint/weights.safetensors", "checkpoint/replay.safetensors", "checkpoint", "checkpoint.new",
        "checkpoint.old", "tensorboard"}) {
    INFO(name);
    const std::string path = folder.path("run");
    fs::remove_all(path);
    go(rl::Training::begin(small_run(), path));
    const std::string target = folder.path("target");
    fs::remove_all(target);
    if (fs::exists(path + "/" + name)) {
      fs::rename(path + "/" + name, target);
    } else {
      fs::create_directory(target);
      write_file(target + "/precious", "kept");
    }
    fs::create_symlink(target, path + "/" + name);
    const bool is_folder = fs::is_directory(target);
    const auto before = is_folder ? snapshot(target) : snapshot(folder.path());
    CHECK_THROWS_WITH(rl::Training::resume(path, 80), Contains("is a link"));
    CHECK((is_folder ? snapshot(target) : snapshot(folder.path())) == before);
    const Output eval = run_command(folder, "eval run --episodes 1");
    CHECK(eval.exit_code == 1);
    CHECK_THAT(eval.err, Contains("is a link"));
  }
}

TEST_CASE("a stranger's run with pipes or links in its checkpoint neither waits nor reads elsewhere",
          "[run_folders]") {
  const TemporaryFolder folder;
  const std::string path = folder.path("run");
  for (const std::string name :
       {"weights.safetensors", "optimizer.safetensors", "replay.safetensors", "state.json"}) {
    INFO(name);
    fs::remove_all(path);
    go(rl::Training::begin(small_run(), path));
    fs::remove(path + "/checkpoint/" + name);
    REQUIRE(mkfifo((path + "/checkpoint/" + name).c_str(), 0600) == 0);
    CHECK_THROWS_AS(rl::Training::resume(path, 80), FormatError);
    if (name == "weights.safetensors") CHECK(run_command(folder, "eval run --episodes 1").exit_code == 1);

    fs::remove_all(path);
    go(rl::Training::begin(small_run(), path));
    fs::rename(path + "/checkpoint", path + "/checkpoint.old");
    fs::rename(path + "/checkpoint.old/" + name, folder.path("elsewhere"));
    fs::create_symlink(folder.path("elsewhere"), path + "/checkpoint.old/" + name);
    CHECK_THROWS_WITH(rl::Training::resume(path, 80), Contains("is a link"));
  }
}

TEST_CASE("counts that could not be counted on are refused", "[run_folders]") {
  const TemporaryFolder folder;
  const std::string path = folder.path("run"), state = path + "/checkpoint/state.json";
  go(rl::Training::begin(small_run(), path));
  const Json good = Json::parse(read_file(state));
  for (const char* key : {"step", "episodes", "updates", "divergences"}) {
    for (const Json& count : {Json(std::numeric_limits<std::int64_t>::max()), Json(std::uint64_t(1) << 63),
                              Json(-1), Json(1.5)}) {
      INFO(key << " " << count.dump());
      Json bad = good;
      bad["train"][key] = count;
      write_file(state, bad.dump());
      CHECK_THROWS_WITH(rl::Training::resume(path, 80), Contains(std::string(key) + " is "));
    }
  }
}

TEST_CASE("a checkpoint is read whole while another program writes the next", "[run_folders]") {
  const TemporaryFolder folder;
  const std::string path = folder.path("checkpoint");
  const rl::Config config = small_run().config;
  const std::unique_ptr<rl::Agent> writer = rl::make_agent(config), reader = rl::make_agent(config);
  const auto buffer = [] { return rl::ReplayBuffer(10, 3, 1); };
  rl::TrainState state(Rng(1), 1);
  // In checkpoint n every weight is n, and so is the step.
  const auto save = [&](std::int64_t n) {
    nn::NamedTensors weights;
    for (const auto& [name, tensor] : writer->named_weights()) {
      weights.push_back({name, full(tensor.shape(), static_cast<double>(n), tensor.dtype())});
    }
    writer->load_weights(weights);
    state.step = n;
    rl::save_checkpoint(path, *writer, buffer(), state, Json::object());
  };
  save(1);
  std::atomic<bool> done = false;
  int read = 0;
  std::jthread saving([&] {
    for (std::int64_t n = 2; n <= 60; ++n) save(n);
    done = true;
  });
  while (!done) {
    rl::TrainState loaded(Rng(2), 1);
    rl::ReplayBuffer into = buffer();
    rl::load_checkpoint(path, *reader, into, loaded);
    for (const auto& [name, tensor] : reader->named_weights()) {
      if (tensor.to_vector()[0] != static_cast<double>(loaded.step)) {
        FAIL("step " << loaded.step << " has weights of " << tensor.to_vector()[0]);
      }
    }
    ++read;
  }
  saving.join();
  CHECK(read > 3);
}

TEST_CASE("a state that is not finite is never saved, and the last good checkpoint stays", "[run_folders]") {
  envs::add("Runaway-v0", [] { return std::make_unique<Runaway>(); });
  const TemporaryFolder folder;
  const std::string path = folder.path("run");
  rl::RunInfo info = small_run("Runaway-v0");
  info.config.run.checkpoint_every = 5;
  rl::Training training = rl::Training::begin(info, path);
  rl::TrainingListener quiet;
  CHECK_THROWS_WITH(training.run(quiet), Contains("finite"));
  const Json state = Json::parse(read_file(path + "/checkpoint/state.json"));
  CHECK(state.at("train").at("step") == 5);
  CHECK_FALSE(fs::exists(path + "/checkpoint.new"));
}

TEST_CASE("what a stranger's files say is read within bounds", "[run_folders]") {
  const TemporaryFolder folder;
  go(rl::Training::begin(small_run(), folder.path("run")));
  const std::string config = folder.path("run/config.json"), good = read_file(config);
  for (const std::string& text :
       {std::string(200'000, '['), "{\"config\":" + std::string(100'000, '{'),
        std::string("\033[2J\033[31mred"), std::string(1 << 20, 'x'), std::string("\xff\xfe\x00{}", 5)}) {
    write_file(config, text);
    const Output output = run_command(folder, "eval run --episodes 1");
    CHECK(output.exit_code > 0);
    CHECK(output.err.size() < 1000);
    CHECK(output.err.find('\033') == std::string::npos);
  }
  // Never made: networks that memory cannot hold.
  Json huge = Json::parse(good);
  huge.at("config").at("hidden") = {100'000, 100'000, 100'000};
  write_file(config, huge.dump());
  for (const char* command : {"eval run --episodes 1", "train --resume run"}) {
    const Output output = run_command(folder, command);
    CHECK(output.exit_code == 1);
    CHECK_THAT(output.err, Contains("hidden is [100000,100000,100000]") && Contains("weights.safetensors"));
  }
  // Never read to its end: a file without one.
  write_file(config, good);
  fs::resize_file(folder.path("run/checkpoint/weights.safetensors"), std::uintmax_t{1} << 40);
  fs::resize_file(folder.path("run/checkpoint/state.json"), std::uintmax_t{1} << 40);
  const Output output = run_command(folder, "eval run --episodes 1");
  CHECK(output.exit_code == 1);
  CHECK_THAT(output.err, Contains("state.json") || Contains("weights.safetensors"));
}

TEST_CASE("two programs cannot train one run at once", "[train]") {
  const TemporaryFolder folder;
  const rl::Training training = rl::Training::begin(small_run(), folder.path("run"));
  CHECK_THROWS_WITH(rl::Training::resume(folder.path("run"), std::nullopt),
                    Catch::Contains("another program is training this run"));
}
