#include "rl/runs/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "rl/algorithms/sac.h"
#include "rl/algorithms/td3.h"
#include "tests/support/catch.h"
#include "tests/support/command.h"

using namespace saccade;
using Catch::Contains;
using Json = nlohmann::ordered_json;
using rl::SacConfig;

TEST_CASE("every hyper-parameter of every algorithm has one key, a meaning and a default within its range",
          "[config]") {
  for (const rl::AlgorithmInfo& info : rl::algorithms()) {
    INFO(info.name);
    const rl::Config defaults(info.name);
    const Json json = rl::to_json(defaults);
    CHECK(json.at("algorithm") == info.name);
    CHECK(json.size() == defaults.keys().size() + 1);
    CHECK_FALSE(info.title.empty());
    std::set<std::string> names = {"algorithm"};
    for (const rl::ConfigKey& key : defaults.keys()) {
      INFO(key.name);
      CHECK(names.insert(key.name).second);
      CHECK_FALSE(key.meaning.empty());
      rl::Config config(info.name);
      CHECK_NOTHROW(rl::update_from_json(config, Json{{key.name, json.at(key.name)}}, "test"));
      CHECK(config == defaults);
    }
  }
}

// A default, a range or a preset is a promise: runs are repeated by it. Where a change is meant, the text
// that the test names takes the place of settings.txt.
TEST_CASE("defaults, ranges and presets are those on record", "[config]") {
  std::string now;
  for (const rl::AlgorithmInfo& info : rl::algorithms()) {
    const rl::Config defaults(info.name);
    const Json json = rl::to_json(defaults);
    now += info.name + "\n";
    for (const rl::ConfigKey& key : defaults.keys()) {
      now += fmt::format("  {} = {}: {}{}\n", key.name, json.at(key.name).dump(), key.type(), key.range());
    }
    for (const rl::Preset& preset : rl::presets()) {
      const std::vector<std::string> owners = rl::algorithms_of(preset);
      if (std::find(owners.begin(), owners.end(), info.name) == owners.end()) continue;
      const Json wanted = rl::to_json(rl::config_for(preset.name, info.name));
      now += "  preset " + preset.name + ":";
      for (const auto& [name, value] : wanted.items()) {
        if (value != json.at(name)) now += fmt::format(" {}={}", name, value.dump());
      }
      now += "\n";
    }
  }
  const std::string recorded = SACCADE_SOURCE_DIR "/tests/rl/settings.txt";
  const std::string path = (std::filesystem::temp_directory_path() / "saccade-settings.txt").string();
  if (now != test::read_file(recorded)) test::write_file(path, now);
  INFO("compare " << recorded << " with " << path);
  CHECK(now == test::read_file(recorded));
}

TEST_CASE("configs round-trip through JSON, presets too, with any algorithm", "[config]") {
  for (const rl::AlgorithmInfo& info : rl::algorithms()) {
    for (const rl::Preset& preset : rl::presets()) {
      const std::vector<std::string> owners = rl::algorithms_of(preset);
      CHECK_FALSE(owners.empty());
      if (std::find(owners.begin(), owners.end(), info.name) == owners.end()) {
        CHECK_THROWS_WITH(rl::config_for(preset.name, info.name), Contains("is one of " + owners[0]));
        continue;
      }
      const rl::Config wanted = rl::config_for(preset.name, info.name);
      rl::Config config;
      rl::update_from_json(config, rl::to_json(wanted), "test");
      CHECK(config == wanted);
    }
  }
}

TEST_CASE("key=value takes JSON, bare words and lists", "[config]") {
  rl::Config config;
  rl::update_from_text(config, "hidden=[32, 16]");
  rl::update_from_text(config, "log_std=tanh");
  rl::update_from_text(config, "steps=1e4");
  rl::update_from_text(config, "target_entropy=-0.5");
  rl::update_from_text(config, "env=mountaincarcontinuous");
  rl::update_from_text(config, "exploration=ou");
  CHECK(config.own<SacConfig>().hidden == std::vector<std::int64_t>{32, 16});
  CHECK(config.own<SacConfig>().log_std == rl::LogStd::tanh);
  CHECK(config.run.steps == 10000);
  CHECK(config.own<SacConfig>().target_entropy == -0.5);
  CHECK(config.run.env == "MountainCarContinuous-v0");
  CHECK(config.off_policy.exploration == rl::Exploration::ou);
  CHECK(rl::to_json(config).at("exploration") == "ou");
  rl::update_from_text(config, "target_entropy=null");
  CHECK_FALSE(config.own<SacConfig>().target_entropy.has_value());
}

TEST_CASE("a wrong key or value is one clear error and changes nothing", "[config]") {
  rl::Config config;
  const auto refused = [&](const char* text, const auto& message) {
    INFO(text);
    CHECK_THROWS_AS(rl::update_from_text(config, text), ConfigError);
    CHECK_THROWS_WITH(rl::update_from_text(config, text), message);
    CHECK(config == rl::Config());
  };
  refused("batchsize=3", Contains("no key 'batchsize'") && Contains("did you mean 'batch_size'"));
  refused("batch_size=big", Contains("batch_size") && Contains("\"big\"") && Contains("an integer"));
  refused("batch_size=2.5", Contains("an integer"));
  refused("batch_size=0", Contains("from 1 to"));
  refused("gamma=1.5", Contains("gamma is 1.5") && Contains("from 0 to 1"));
  refused("gamma=true", Contains("a number"));
  refused("learn_alpha=1", Contains("true or false"));
  refused("log_prob=stabel", Contains("stable or eps1e-6"));
  refused("hidden=64", Contains("a list of integers"));
  refused("hidden=[]", Contains("a list of integers"));
  refused("hidden=[64, 0]", Contains("hidden"));
  refused("env=Pendulm-v1", Contains("Pendulum-v1"));
  refused("seed", Contains("key=value"));
  refused("=3", Contains("key=value"));
  refused("target_noise=3", Contains("a key of td3 and ddpg") && Contains("the algorithm here is sac"));
  refused("algorithm=td3", Contains("--algo"));
  CHECK_THROWS_AS(rl::update_from_file(config, "/no/such/file.json"), ConfigError);
  CHECK_THROWS_AS(rl::update_from_json(config, Json::array({1}), "test"), ConfigError);
  CHECK_THROWS_WITH(rl::update_from_json(config, Json{{"algorithm", "sca"}}, "test"),
                    Contains("did you mean sac"));
  CHECK_THROWS_WITH(rl::update_from_json(config, Json{{"algorithm", 3}}, "test"),
                    Contains("expected a text"));
  // Nothing of an object with one wrong key.
  CHECK_THROWS_AS(rl::update_from_json(config, Json{{"algorithm", "td3"}, {"gamma", 2}}, "test"),
                  ConfigError);
  CHECK(config == rl::Config());
}

TEST_CASE("an unknown preset, environment or algorithm names the nearest", "[config]") {
  CHECK(rl::config_for("pendulum").own<SacConfig>().hidden == std::vector<std::int64_t>{64, 64});
  CHECK(rl::config_for("MountainCarContinuous-v0").run.env == "MountainCarContinuous-v0");
  CHECK_THROWS_WITH(rl::config_for("pendlum"), Contains("endulum"));
  CHECK_THROWS_WITH(rl::Config("tdd"), Contains("td3") && Contains("sac"));
}

TEST_CASE("a file without an algorithm means SAC, and a file's algorithm brings its defaults", "[config]") {
  const test::TemporaryFolder folder;
  // As written before there were others: in another order, with SAC's keys.
  test::write_file(folder.path("old.json"), R"({"saccade": "0.1.0", "config": {"env": "Hopper-v4", "seed": 4,
      "exploration": "pink", "hidden": [32], "alpha_lr": 0.01, "log_prob": "eps1e-6", "envs": 3}})");
  rl::Config config;
  rl::update_from_file(config, folder.path("old.json"));
  CHECK(rl::algorithm_in_file(folder.path("old.json")).empty());
  CHECK(config.algorithm().name == "sac");
  CHECK(config.own<SacConfig>().alpha_lr == 0.01);
  CHECK(config.own<SacConfig>().log_prob == nn::LogProbForm::eps1e6);
  CHECK(config.off_policy.exploration == rl::Exploration::pink);
  CHECK(config.run.envs == 3);

  test::write_file(folder.path("ddpg.json"), R"({"gamma": 0.9, "algorithm": "ddpg"})");
  rl::Config ddpg;
  rl::update_from_file(ddpg, folder.path("ddpg.json"));
  CHECK(rl::algorithm_in_file(folder.path("ddpg.json")) == "ddpg");
  CHECK(ddpg.own<rl::Td3Config>().critics == 1);
  CHECK(ddpg.own<rl::Td3Config>().gamma == 0.9);
  CHECK(ddpg.off_policy.exploration == rl::Exploration::ou);
}

TEST_CASE("an algorithm of one's own is registered once, and has its keys", "[config]") {
  if (rl::algorithms().back().name != "my-sac") {
    rl::AlgorithmInfo info = rl::sac_info();
    info.name = "my-sac";
    rl::add_algorithm(info);
    CHECK_THROWS_WITH(rl::add_algorithm(info), Contains("my-sac"));
  }
  CHECK(rl::config_for("pendulum", "my-sac").own<SacConfig>().alpha_lr == 1e-3);
}
