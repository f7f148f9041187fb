#include "rl/training/checkpoint.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/json.h"
#include "nn/formats/safetensors.h"

namespace saccade::rl {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

namespace {

constexpr int kFormat = 3;
constexpr std::int64_t kLargestState = std::int64_t{1} << 28;  // thousands of copies, each with its state

Json to_json(const Rng& rng) { return {rng.state().key, rng.state().counter}; }
void from_json(const Json& json, Rng& rng) { rng.set_state({json.at(0), json.at(1)}); }

// {"critic_loss": [sum, count], ...}
Json to_json(const MetricMeans& metrics) {
  Json json = Json::object();
  for (const MetricMeans::Entry& entry : metrics.entries()) json[entry.name] = {entry.sum, entry.count};
  return json;
}
void from_json(const Json& json, MetricMeans& metrics) {
  std::vector<MetricMeans::Entry> entries;
  for (const auto& [name, value] : json.items()) entries.push_back({name, value.at(0), value.at(1)});
  metrics.set_entries(std::move(entries));
}

Json to_json(const EnvCopy& c) {
  return {{"rng", to_json(c.rng)},
          {"state", c.state},
          {"in_episode", c.in_episode},
          {"episode_return", c.episode_return},
          {"episode_length", c.episode_length},
          {"episode_updates", c.episode_updates},
          {"metrics", to_json(c.metrics)}};
}

Json to_json(const TrainState& s) {
  Json copies = Json::array();
  for (const EnvCopy& copy : s.copies) copies.push_back(to_json(copy));
  return {{"step", s.step},
          {"episodes", s.episodes},
          {"updates", s.updates},
          {"divergences", s.divergences},
          {"evaluation_due", s.evaluation_due},
          {"copies", copies},
          {"action_rng", to_json(s.action_rng)},
          {"sample_rng", to_json(s.sample_rng)},
          {"noise_rng", to_json(s.noise_rng)},
          {"exploration", s.exploration},
          {"n_step", s.n_step}};
}

std::int64_t count(const Json& json, const char* key) { return count_of(json, key, "state.json"); }

void from_json(const Json& json, EnvCopy& c) {
  from_json(json.at("rng"), c.rng);
  c.state = json.at("state").get<std::vector<double>>();
  c.in_episode = json.at("in_episode");
  c.episode_return = json.at("episode_return");
  c.episode_length = count(json, "episode_length");
  c.episode_updates = count(json, "episode_updates");
  from_json(json.at("metrics"), c.metrics);
}

void from_json(const Json& json, TrainState& s) {
  s.step = count(json, "step");
  s.episodes = count(json, "episodes");
  s.updates = count(json, "updates");
  s.divergences = count(json, "divergences");
  s.evaluation_due = json.at("evaluation_due");
  s.copies.clear();
  for (const Json& copy : json.at("copies")) from_json(copy, s.copies.emplace_back());
  from_json(json.at("action_rng"), s.action_rng);
  from_json(json.at("sample_rng"), s.sample_rng);
  from_json(json.at("noise_rng"), s.noise_rng);
  s.exploration = json.at("exploration").get<std::vector<double>>();
  s.n_step = json.value("n_step", std::vector<double>());  // older checkpoints have none
}

constexpr const char* kTensorFiles[] = {"weights.safetensors", "optimizer.safetensors", "replay.safetensors"};

// So that a flipped bit is noticed. Of a file that cannot be read to its end there is none.
std::string digest(const fs::path& path) {
  std::error_code gone;
  const std::uintmax_t size = fs::file_size(path, gone);  // an error for a pipe, which would not end
  std::ifstream file;
  if (!gone) file.open(path, std::ios::binary);
  std::uint64_t hash = kFnv1aStart, bytes = 0;
  std::vector<char> block(1 << 16);
  while (file.read(block.data(), static_cast<std::streamsize>(block.size())), file.gcount() > 0) {
    hash = fnv1a({block.data(), static_cast<std::size_t>(file.gcount())}, hash);
    bytes += static_cast<std::uint64_t>(file.gcount());
  }
  if (gone || bytes != size) {
    throw FormatError(fmt::format("{}: cannot be read back", path.string()));
  }
  return fmt::format("{:016x}", hash);
}

// JSON has no numbers that are not finite: such a state could not be read back.
void check_finite(const TrainState& state) {
  for (std::size_t copy = 0; copy < state.copies.size(); ++copy) {
    const std::vector<double>& numbers = state.copies[copy].state;
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      if (std::isfinite(numbers[i])) continue;
      throw FormatError(
          fmt::format("the checkpoint cannot be written: state()[{}] of copy {} of the environment is {}, "
                      "expected a finite "
                      "number; the checkpoint before it stays",
                      i, copy, numbers[i]));
    }
  }
}

Json read_object(const fs::path& path) {
  const Json json = read_json(path.string(), {.max_bytes = kLargestState});
  if (!json.is_object())
    throw FormatError(fmt::format("{}: is damaged: it is not a JSON object", path.string()));
  return json;
}

// The tensors of one of the checkpoint's files, which must be the file that was saved.
nn::NamedTensors load_tensors(const fs::path& folder, const char* name, const Json& state,
                              std::int64_t max_bytes) {
  const fs::path path = folder / name;
  nn::NamedTensors tensors = nn::safetensors::load(path, max_bytes).tensors;
  const std::string found = digest(path), expected = state.at("digests").at(name);
  if (found != expected) {
    throw FormatError(
        fmt::format("{}: is damaged: its digest is {}, expected {}", path.string(), found, expected));
  }
  return tensors;
}

// Some file systems cannot exchange two names at once. There, a crash between the two renames leaves the old
// checkpoint under this name.
fs::path old_name(const std::string& path) { return path + ".old"; }

std::string existing(const std::string& path) {
  if (fs::exists(path)) return path;
  if (fs::exists(old_name(path))) return old_name(path);
  throw FormatError(fmt::format("{}: there is no checkpoint", path));
}

// Puts `fresh` in the place of `path`, at once where the system can; the one before goes.
void exchange(const fs::path& fresh, const std::string& path) {
  fs::remove_all(old_name(path));
  if (!fs::exists(path)) {
    fs::rename(fresh, path);
  } else if (::renameat2(AT_FDCWD, fresh.c_str(), AT_FDCWD, path.c_str(), RENAME_EXCHANGE) == 0) {
    sync_path(fs::absolute(path).parent_path());
    fs::remove_all(fresh);
  } else {
    fs::rename(path, old_name(path));
    fs::rename(fresh, path);
  }
  sync_path(fs::absolute(path).parent_path());
  fs::remove_all(old_name(path));
}

// The folder that stands under a name now, held open: while it is, no new folder can get its inode, so two
// that are held are the same folder if and only if their inodes are.
class HeldFolder {
 public:
  explicit HeldFolder(const std::string& path)
      : descriptor_(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)) {
    struct stat status = {};
    if (descriptor_ >= 0 && ::fstat(descriptor_, &status) == 0) inode_ = status.st_ino;
  }
  ~HeldFolder() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  HeldFolder(const HeldFolder&) = delete;
  HeldFolder& operator=(const HeldFolder&) = delete;
  bool operator==(const HeldFolder& other) const { return inode_ == other.inode_; }

 private:
  int descriptor_;
  std::optional<ino_t> inode_;  // nothing: no folder stands there
};

// Calls read(folder). If another program has exchanged the folder meanwhile, it may have read parts of two
// checkpoints, and reads again.
template <class F>
void read_whole(const std::string& path, const F& read) {
  constexpr int kTries = 100;
  for (int i = 0; i < kTries; ++i) {
    const HeldFolder before(path);
    try {
      read(fs::path(existing(path)));
      if (HeldFolder(path) == before) return;
    } catch (const Error&) {
      if (HeldFolder(path) == before) throw;
    }
  }
  throw FormatError(fmt::format("{}: another program keeps replacing it", path));
}

// Room for so many elements in f64 and their names: more is not read.
std::int64_t bytes_for(const nn::NamedTensors& tensors) {
  std::int64_t bytes = 1 << 20;
  for (const auto& [name, tensor] : tensors) {
    bytes += 8 * tensor.numel() + 1024 + static_cast<std::int64_t>(name.size());
  }
  return bytes;
}

}  // namespace

void save_checkpoint(const std::string& path, const Agent& agent, const ReplayBuffer& buffer,
                     const TrainState& state, const Json& extra,
                     const nn::safetensors::Metadata& about_weights) {
  check_finite(state);
  const fs::path fresh = path + ".new";
  try {
    fs::remove_all(fresh);
    fs::create_directories(fresh);
    nn::safetensors::save(fresh / "weights.safetensors", agent.named_weights(), about_weights);
    nn::safetensors::save(fresh / "optimizer.safetensors", agent.named_optimizer_state());
    nn::safetensors::save(fresh / "replay.safetensors", buffer.named_state());
    Json digests;
    for (const char* name : kTensorFiles) digests[name] = digest(fresh / name);
    const Json json = {
        {"format", kFormat}, {"train", to_json(state)}, {"digests", digests}, {"extra", extra}};
    write_file(fresh / "state.json", dumped(json, 1) + '\n');
    sync_path(fresh);
    exchange(fresh, path);
  } catch (const fs::filesystem_error& error) {
    throw FormatError(fmt::format("{}: the checkpoint cannot be written: {}", path, error.what()));
  }
}

Json load_checkpoint(const std::string& path, Agent& agent, ReplayBuffer& buffer, TrainState& state) {
  Json json;
  TrainState loaded = state;
  nn::NamedTensors weights, optimizer, replay;
  read_whole(path, [&](const fs::path& folder) {
    const fs::path state_path = folder / "state.json";
    json = read_object(state_path);
    try {
      if (json.at("format") != kFormat) {
        throw FormatError(fmt::format("{}: format {} found, expected {}", state_path.string(),
                                      shown(json.at("format")), kFormat));
      }
      from_json(json.at("train"), loaded);
      weights = load_tensors(folder, kTensorFiles[0], json, bytes_for(agent.named_weights()));
      optimizer = load_tensors(folder, kTensorFiles[1], json, bytes_for(agent.named_optimizer_state()));
      replay = load_tensors(folder, kTensorFiles[2], json, buffer.max_state_bytes());
      static_cast<void>(json.at("extra"));
    } catch (const Json::exception& error) {
      throw FormatError(fmt::format("{}: is damaged: {}", state_path.string(), error.what()));
    }
  });
  try {
    buffer.check_state(replay);
    agent.load(weights, optimizer);
  } catch (const Error& error) {
    throw FormatError(fmt::format("{}: does not fit this run: {}", path, error.what()));
  }
  buffer.load_state(std::move(replay));
  state = loaded;
  return json.at("extra");
}

std::int64_t checkpoint_step(const std::string& path) {
  std::int64_t step = 0;
  read_whole(path, [&](const fs::path& folder) {
    try {
      step = count(read_object(folder / "state.json").at("train"), "step");
    } catch (const Json::exception& error) {
      throw FormatError(fmt::format("{}/state.json: is damaged: {}", folder.string(), error.what()));
    }
  });
  return step;
}

void load_weights(const std::string& path, Agent& agent) {
  nn::NamedTensors weights;
  read_whole(path, [&](const fs::path& folder) {
    try {
      const Json json = read_object(folder / "state.json");
      weights = load_tensors(folder, kTensorFiles[0], json, bytes_for(agent.named_weights()));
    } catch (const Json::exception& error) {
      throw FormatError(fmt::format("{}/state.json: is damaged: {}", folder.string(), error.what()));
    }
  });
  try {
    agent.load_weights(weights);
  } catch (const Error& error) {
    throw FormatError(fmt::format("{}: does not fit this run: {}", path, error.what()));
  }
}

}  // namespace saccade::rl
