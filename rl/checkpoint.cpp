#include "rl/checkpoint.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "nn/safetensors.h"

namespace saccade::rl {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

namespace {

constexpr int kFormat = 1;

Json to_json(const Rng& rng) { return {rng.state().key, rng.state().counter}; }
void from_json(const Json& json, Rng& rng) { rng.set_state({json.at(0), json.at(1)}); }

Json to_json(const UpdateMetrics& m) {
  return {m.critic_loss, m.actor_loss, m.alpha_loss, m.alpha, m.entropy, m.q};
}
void from_json(const Json& json, UpdateMetrics& m) {
  m = {json.at(0), json.at(1), json.at(2), json.at(3), json.at(4), json.at(5)};
}

Json to_json(const TrainState& s) {
  return {{"step", s.step},
          {"episodes", s.episodes},
          {"updates", s.updates},
          {"episode_return", s.episode_return},
          {"episode_length", s.episode_length},
          {"episode_updates", s.episode_updates},
          {"metric_sums", to_json(s.metric_sums)},
          {"in_episode", s.in_episode},
          {"env_state", s.env_state},
          {"env_rng", to_json(s.env_rng)},
          {"action_rng", to_json(s.action_rng)},
          {"sample_rng", to_json(s.sample_rng)},
          {"noise_rng", to_json(s.noise_rng)}};
}

void from_json(const Json& json, TrainState& s) {
  s.step = json.at("step");
  s.episodes = json.at("episodes");
  s.updates = json.at("updates");
  s.episode_return = json.at("episode_return");
  s.episode_length = json.at("episode_length");
  s.episode_updates = json.at("episode_updates");
  from_json(json.at("metric_sums"), s.metric_sums);
  s.in_episode = json.at("in_episode");
  s.env_state = json.at("env_state").get<std::vector<double>>();
  from_json(json.at("env_rng"), s.env_rng);
  from_json(json.at("action_rng"), s.action_rng);
  from_json(json.at("sample_rng"), s.sample_rng);
  from_json(json.at("noise_rng"), s.noise_rng);
}

void sync(const fs::path& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool synced = file >= 0 && ::fsync(file) == 0;
  if (file >= 0) ::close(file);
  if (!synced) throw FormatError(fmt::format("{}: cannot be written to disk", path.string()));
}

void write_json(const fs::path& path, const Json& json) {
  std::ofstream file(path);
  file << json.dump(1) << '\n';
  file.close();
  if (!file) throw FormatError(fmt::format("{}: cannot be written", path.string()));
  sync(path);
}

// A crash between the two renames below leaves the old checkpoint under this name.
fs::path old_name(const std::string& path) { return path + ".old"; }

std::string existing(const std::string& path) {
  if (fs::exists(path)) return path;
  if (fs::exists(old_name(path))) return old_name(path);
  throw FormatError(fmt::format("{}: there is no checkpoint", path));
}

}  // namespace

void save_checkpoint(const std::string& path, const Sac& agent, const ReplayBuffer& buffer,
                     const TrainState& state, const Json& extra) {
  const fs::path fresh = path + ".new";
  try {
    fs::remove_all(fresh);
    fs::create_directories(fresh);
    nn::safetensors::save(fresh / "weights.safetensors", agent.named_weights());
    nn::safetensors::save(fresh / "optimizer.safetensors", agent.named_optimizer_state());
    nn::safetensors::save(fresh / "replay.safetensors", buffer.named_state());
    write_json(fresh / "state.json", {{"format", kFormat}, {"train", to_json(state)}, {"extra", extra}});
    sync(fresh);
    fs::remove_all(old_name(path));
    if (fs::exists(path)) fs::rename(path, old_name(path));
    fs::rename(fresh, path);
    sync(fs::absolute(path).parent_path());
    fs::remove_all(old_name(path));
  } catch (const fs::filesystem_error& error) {
    throw FormatError(fmt::format("{}: the checkpoint cannot be written: {}", path, error.what()));
  }
}

Json load_checkpoint(const std::string& path_given, Sac& agent, ReplayBuffer& buffer, TrainState& state) {
  const fs::path path = existing(path_given);
  const fs::path state_path = path / "state.json";
  std::ifstream file(state_path);
  if (!file) throw FormatError(fmt::format("{}: cannot be read", state_path.string()));
  TrainState loaded = state;
  Json extra;
  try {
    const Json json = Json::parse(file);
    if (json.at("format") != kFormat) {
      throw FormatError(fmt::format("{}: format {} found, expected {}", state_path.string(),
                                    json.at("format").dump(), kFormat));
    }
    from_json(json.at("train"), loaded);
    extra = json.at("extra");
  } catch (const Json::exception& error) {
    throw FormatError(fmt::format("{}: is damaged: {}", state_path.string(), error.what()));
  }
  const nn::NamedTensors weights = nn::safetensors::load(path / "weights.safetensors").tensors;
  const nn::NamedTensors optimizer = nn::safetensors::load(path / "optimizer.safetensors").tensors;
  const nn::NamedTensors replay = nn::safetensors::load(path / "replay.safetensors").tensors;
  try {
    agent.load(weights, optimizer);
    buffer.load_state(replay);
  } catch (const Error& error) {
    throw FormatError(fmt::format("{}: does not fit this run: {}", path.string(), error.what()));
  }
  state = loaded;
  return extra;
}

void load_weights(const std::string& path_given, Sac& agent) {
  const fs::path path = fs::path(existing(path_given)) / "weights.safetensors";
  const nn::NamedTensors weights = nn::safetensors::load(path).tensors;
  try {
    nn::copy_by_name("weights", weights, agent.named_weights());
  } catch (const Error& error) {
    throw FormatError(fmt::format("{}: does not fit this run: {}", path.string(), error.what()));
  }
}

}  // namespace saccade::rl
