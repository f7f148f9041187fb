#include "rl/config.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"

using namespace saccade;
using Catch::Contains;
using Json = nlohmann::ordered_json;

TEST_CASE("every hyper-parameter has a key, a meaning and a default within its range", "[config]") {
  const Json json = rl::to_json(rl::Config{});
  CHECK(json.size() == rl::config_keys().size());
  std::set<std::string> names;
  for (const rl::ConfigKey& key : rl::config_keys()) {
    INFO(key.name);
    CHECK(names.insert(key.name).second);
    CHECK_FALSE(key.meaning.empty());
    rl::Config config;
    CHECK_NOTHROW(rl::update_from_json(config, Json{{key.name, json.at(key.name)}}, "test"));
    CHECK(config == rl::Config{});
  }
}

TEST_CASE("configs round-trip through JSON, presets too", "[config]") {
  for (const rl::Preset& preset : rl::presets()) {
    rl::Config config;
    rl::update_from_json(config, rl::to_json(preset.config), "test");
    CHECK(config == preset.config);
  }
}

TEST_CASE("key=value takes JSON, bare words and lists", "[config]") {
  rl::Config config;
  rl::update_from_text(config, "hidden=[32, 16]");
  rl::update_from_text(config, "log_std=tanh");
  rl::update_from_text(config, "steps=1e4");
  rl::update_from_text(config, "target_entropy=-0.5");
  rl::update_from_text(config, "env=mountaincarcontinuous");
  CHECK(config.hidden == std::vector<std::int64_t>{32, 16});
  CHECK(config.log_std == "tanh");
  CHECK(config.steps == 10000);
  CHECK(config.target_entropy == -0.5);
  CHECK(config.env == "MountainCarContinuous-v0");
  rl::update_from_text(config, "target_entropy=null");
  CHECK_FALSE(config.target_entropy.has_value());
}

TEST_CASE("a wrong key or value is one clear error and changes nothing", "[config]") {
  rl::Config config;
  const auto refused = [&](const char* text, const auto& message) {
    INFO(text);
    CHECK_THROWS_AS(rl::update_from_text(config, text), ConfigError);
    CHECK_THROWS_WITH(rl::update_from_text(config, text), message);
    CHECK(config == rl::Config{});
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
  CHECK_THROWS_AS(rl::update_from_file(config, "/no/such/file.json"), ConfigError);
  CHECK_THROWS_AS(rl::update_from_json(config, Json::array({1}), "test"), ConfigError);
}

TEST_CASE("an unknown preset or environment names the nearest", "[config]") {
  CHECK(rl::config_for("pendulum").hidden == std::vector<std::int64_t>{64, 64});
  CHECK(rl::config_for("MountainCarContinuous-v0").env == "MountainCarContinuous-v0");
  CHECK_THROWS_WITH(rl::config_for("pendlum"), Contains("endulum"));
}
