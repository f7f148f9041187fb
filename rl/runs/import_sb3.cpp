#include "rl/runs/import_sb3.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "nn/formats/zip.h"
#include "rl/runs/parts.h"
#include "rl/runs/sb3/data.h"
#include "rl/runs/sb3/networks.h"

namespace saccade::rl {

using namespace sb3;

namespace {

constexpr std::int64_t kLargestFile = std::int64_t{1} << 30;

// ---- settings that all have ----

double updates_per_step(const Data& data, ImportedAgent& result) {
  const Frequency frequency = train_frequency(data);
  const double updates = data.number("gradient_steps").get<double>();
  const double envs = data.number("n_envs", 1).get<double>();
  if (frequency.steps < 1) fail(data.source(), "train_freq is {}, expected at least 1", frequency.steps);
  if (envs < 1) fail(data.source(), "n_envs is {}, expected at least 1", envs);
  if (updates < 0) return 1;  // as many as there were steps
  if (frequency.of_episodes) {
    result.left.push_back(fmt::format("{} updates after every {} episode(s): here one after every step",
                                      updates, frequency.steps));
    return 1;
  }
  return updates / (static_cast<double>(frequency.steps) * envs);
}

// NormalActionNoise of mean 0 and one sigma is what we have.
void take_action_noise(const Data& data, Mapping& map, ImportedAgent& result) {
  const bool td3 = map.algorithm == "td3";
  if (data["action_noise"].is_null()) {
    if (td3) map.settings["exploration_noise"] = 0;
    return;
  }
  const std::vector<double> mean = numbers_in(data.text("action_noise", "_mu")),
                            sigma = numbers_in(data.text("action_noise", "_sigma"));
  const auto all = [](const std::vector<double>& values, double x) {
    return std::all_of(values.begin(), values.end(), [&](double v) { return v == x; });
  };
  const bool same = td3 && data.text("action_noise", ":type:").ends_with(".NormalActionNoise'>") &&
                    !mean.empty() && !sigma.empty() && all(mean, 0) && all(sigma, sigma[0]);
  if (same) {
    map.settings["exploration_noise"] = sigma[0];
  } else {
    result.left.push_back("the action noise, which is of another kind than here");
  }
}

Config config_of(const Data& data, Mapping& map, const std::string& env,
                 const std::vector<std::string>& changes, ImportedAgent& result) {
  take_action_noise(data, map, result);
  Json& settings = map.settings;
  const Json steps = data.number("_total_timesteps", 1'000'000);
  const double per_step = updates_per_step(data, result);
  settings.update({{"env", env},
                   {"seed", data.number("seed", 1)},
                   {"steps", steps < 1 ? Json(1) : steps},
                   {"envs", data.number("n_envs", 1)},
                   {"learning_starts", data.number("learning_starts")},
                   {"updates_per_step", per_step},
                   {"batch_size", data.number("batch_size")},
                   {"buffer_size", data.number("buffer_size")},
                   {"n_step", data.number("n_steps", 1)},
                   {"gamma", data.number("gamma")},
                   {"tau", data.number("tau")}});
  if (map.algorithm == "dqn") {  // whose counts are of steps there and of updates here
    const auto updates = [&](double n) {
      return std::max<std::int64_t>(1, std::llround(std::min(1e12, n * per_step)));
    };
    settings["target_every"] = updates(data.number("target_update_interval").get<double>());
    settings["epsilon_updates"] =
        updates(data.number("exploration_fraction").get<double>() * steps.get<double>());
  }
  Config config(map.algorithm);
  update_from_json(config, settings, data.source());
  for (const std::string& change : changes) update_from_text(config, change);
  return config;
}

// The optimisers' state, all of it; and their step sizes into the configuration.
nn::NamedTensors optimizers_of(const nn::ZipArchive& archive, const Tensors& policy, Mapping& map,
                               const Agent& like, ImportedAgent& result) {
  nn::NamedTensors state = like.named_optimizer_state();
  std::vector<std::string> steps;
  for (const Learner& learner : map.learners) {
    const Tensors file(archive, learner.part);
    const Moments moments = moments_of(file, learner, policy, map, like);
    for (const nn::NamedTensor& mine : moments.state) {
      for (nn::NamedTensor& all : state) {
        if (all.name == mine.name) all.tensor = mine.tensor;
      }
    }
    steps.push_back(fmt::format("{} {}", learner.ours, moments.steps));
  }
  result.taken.push_back(fmt::format("Adam's moments and step counts ({})", join(steps)));
  return state;
}

// Those at which the file's training stood. A schedule has changed them since its beginning, and often to 0.
void take_step_sizes(const nn::ZipArchive& archive, const Data& data, Mapping& map, ImportedAgent& result) {
  double least = 1;
  for (const Learner& learner : map.learners) {
    const Tensors file(archive, learner.part);
    check_adam(file);
    const double lr = file.number("param_groups.0.lr");
    least = std::min(least, lr);
    if (lr != 0) map.settings[learner.ours + "_lr"] = lr;
  }
  if (data["learning_rate"].is_number()) return;
  result.left.push_back(least != 0
                            ? "the schedule of step sizes: they stay as they were in the end"
                            : "the schedule of step sizes, which ended at 0: they are the defaults here; "
                              "--set critic_lr=... and others choose");
}

}  // namespace

ImportedAgent read_sb3(const std::string& path, const std::string& env,
                       const std::vector<std::string>& settings) {
  const std::string bytes = read_file(path, kLargestFile);
  const nn::ZipArchive archive(bytes, path);
  const Data data(archive.member("data"), path + "/data");
  const Tensors policy(archive, "policy.pth");
  Mapping map = mapping_of(data, policy);
  ImportedAgent result;
  result.origin = "Stable-Baselines3";
  if (archive.has("_stable_baselines3_version"))
    result.origin += " " + printable(archive.member("_stable_baselines3_version").substr(0, 20));
  const std::string id = environment(data, path, env);
  take_step_sizes(archive, data, map, result);
  result.info.config = config_of(data, map, id, settings, result);
  check_inputs(policy, map, result.info.config);
  const std::unique_ptr<Agent> like = make_agent(result.info.config);
  result.state.weights = weights_of(archive, policy, map, *like);
  result.taken.insert(result.taken.begin(),
                      map.algorithm == "dqn" ? "the weights of the critic and its target"
                      : map.algorithm == "td3"
                          ? "the weights of policy, critics and their targets"
                          : "the weights of policy, critics and their targets, and the temperature");
  result.state.optimizer = optimizers_of(archive, policy, map, *like, result);
  std::vector<std::string> keys;
  for (const auto& [key, value] : map.settings.items()) {
    if (key != "env") keys.push_back(key);
  }
  result.taken.push_back("the settings " + listed(keys));
  result.left.push_back("the replay buffer, which is in no such file: training on fills it anew");
  result.left.push_back("random streams, episodes under way, callbacks and logs");
  return result;
}

}  // namespace saccade::rl
