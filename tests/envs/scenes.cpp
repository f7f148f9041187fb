// Pictures: what each environment draws of itself.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <variant>
#include <vector>

#include "envs/registry.h"
#include "tests/support/catch.h"
#include "tests/support/command.h"

using namespace saccade;
using Json = nlohmann::ordered_json;

namespace {

// Five steps of the lowest action after the reset, or fewer where that ends the episode; of MuJoCo's tasks,
// whose steps differ a little from version to version, the reset itself.
Json picture(const std::string& id) {
  const std::unique_ptr<envs::Env> env = envs::make(id);
  Rng rng(1);
  std::vector<double> obs(envs::size_of(env->spec().observation_space)),
      action(envs::size_of(env->spec().action_space));
  if (const auto* box = std::get_if<envs::Box>(&env->spec().action_space)) action = box->low;
  env->reset(rng, obs);
  envs::StepResult result;
  const int steps = env->spec().fingerprint.empty() ? 5 : 0;
  for (int i = 0; i < steps && !result.ends_episode(); ++i) result = env->step(action, obs);
  const envs::Scene scene = env->scene();
  const auto rounded = [](double x) { return std::round(1e5 * x) / 1e5; };
  Json json = {{"view",
                {scene.target[0], scene.target[1], scene.target[2], scene.radius, scene.elevation, scene.flat,
                 scene.step_seconds}}};
  for (const envs::Geom& geom : scene.geoms) {
    Json row = {static_cast<int>(geom.kind), geom.colour};
    for (const double x : geom.size) row.push_back(rounded(x));
    for (const double x : geom.position) row.push_back(rounded(x));
    for (const double x : geom.rotation) row.push_back(rounded(x));
    json["geoms"].push_back(row);
  }
  return json;
}

bool same(const Json& a, const Json& b) {
  if (a.is_number() && b.is_number()) return std::abs(a.get<double>() - b.get<double>()) < 1e-4;
  if (a.size() != b.size() || !a.is_structured()) return a == b;
  return std::equal(a.begin(), a.end(), b.begin(), same);
}

}  // namespace

// A picture may change, if it is meant to and has been looked at: then the file that the test names takes the
// place of scenes.json.
TEST_CASE("every environment's picture is the one on record", "[scenes]") {
  const std::string recorded = SACCADE_SOURCE_DIR "/tests/envs/scenes.json";
  const Json expected = Json::parse(test::read_file(recorded));
  Json now;
  // The command's, since other tests here add their own.
  const Json built_in = Json::parse(test::run_command(test::TemporaryFolder(), "envs --json").out);
  for (const Json& env : built_in) {
    if (!env.at("available")) continue;  // built without MuJoCo
    const std::string id = env.at("id");
    now[id] = picture(id);
  }
  const std::string path = (std::filesystem::temp_directory_path() / "saccade-scenes.json").string();
  for (const auto& [id, picture_of_it] : now.items()) {
    INFO(id << ": compare " << recorded << " with " << path);
    const bool is_same = expected.contains(id) && same(picture_of_it, expected.at(id));
    if (!is_same) test::write_file(path, now.dump() + "\n");
    CHECK(is_same);
  }
}
