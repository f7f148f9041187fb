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
#include "rl/training/state_json.h"

namespace saccade::rl {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

namespace {

constexpr int kFormat = 3;
constexpr int kTeamFormat = 4;  // with the shares of others, which an older program would leave out
constexpr std::int64_t kLargestState = std::int64_t{1} << 28;  // thousands of copies, each with its state

std::int64_t count(const Json& json, const char* key) { return count_of(json, key, "state.json"); }

constexpr const char* kTensorFiles[] = {"weights.safetensors", "optimizer.safetensors", "replay.safetensors"};

std::string replay_file(int member) {
  return member == 0 ? kTensorFiles[2] : fmt::format("replay-{}.safetensors", member);
}

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
nn::NamedTensors load_tensors(const fs::path& folder, const std::string& name, const Json& state,
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
                     const nn::safetensors::Metadata& about_weights, const OtherShares& others) {
  check_finite(state);
  const fs::path fresh = path + ".new";
  try {
    fs::remove_all(fresh);
    fs::create_directories(fresh);
    nn::safetensors::save(fresh / "weights.safetensors", agent.named_weights(), about_weights);
    nn::safetensors::save(fresh / "optimizer.safetensors", agent.named_optimizer_state());
    nn::safetensors::save(fresh / "replay.safetensors", buffer.named_state());
    Json digests, other_states = Json::array();
    for (const char* name : kTensorFiles) digests[name] = digest(fresh / name);
    for (int member = 1; member <= others.count; ++member) {
      const Share share = others.get(member);
      check_finite(share.state);
      const std::string name = replay_file(member);
      nn::safetensors::save(fresh / name, share.replay);
      digests[name] = digest(fresh / name);
      other_states.push_back(state_json(share.state));
    }
    Json json = {{"format", others.count > 0 ? kTeamFormat : kFormat},
                 {"train", state_json(state)},
                 {"digests", digests},
                 {"extra", extra}};
    if (others.count > 0) json["others"] = other_states;
    write_file(fresh / "state.json", dumped(json, 1) + '\n');
    sync_path(fresh);
    exchange(fresh, path);
  } catch (const fs::filesystem_error& error) {
    throw FormatError(fmt::format("{}: the checkpoint cannot be written: {}", path, error.what()));
  }
}

namespace {

// state.json of a folder, which must be a checkpoint's.
Json read_state_file(const fs::path& folder) {
  const fs::path path = folder / "state.json";
  Json json = read_object(path);
  if (json.at("format") != kFormat && json.at("format") != kTeamFormat) {
    throw FormatError(
        fmt::format("{}: format {} found, expected {}", path.string(), shown(json.at("format")), kFormat));
  }
  return json;
}

std::size_t members_of(const Json& state) {
  constexpr std::size_t kMost = 4096;
  const std::size_t members = 1 + (state.contains("others") ? state.at("others").size() : 0);
  if (members > kMost)
    throw FormatError(fmt::format("a checkpoint of {} processes, expected at most {}", members, kMost));
  return members;
}

// Calls read(folder, its state.json) as read_whole() does.
template <class F>
void read_parts(const std::string& path, const F& read) {
  read_whole(path, [&](const fs::path& folder) {
    try {
      read(folder, read_state_file(folder));
    } catch (const Json::exception& error) {
      throw FormatError(fmt::format("{}: is damaged: {}", (folder / "state.json").string(), error.what()));
    }
  });
}

void load_agent(const std::string& path, Agent& agent, const nn::NamedTensors& weights,
                const nn::NamedTensors& optimizer) {
  try {
    agent.load(weights, optimizer);
  } catch (const Error& error) {
    throw FormatError(fmt::format("{}: does not fit this run: {}", path, error.what()));
  }
}

}  // namespace

Json load_checkpoint(const std::string& path, Agent& agent, ReplayBuffer& buffer, TrainState& state) {
  Json extra;
  TrainState loaded = state;
  nn::NamedTensors weights, optimizer, replay;
  read_parts(path, [&](const fs::path& folder, const Json& json) {
    if (const std::size_t members = members_of(json); members > 1) {
      throw FormatError(fmt::format("{}: is of {} processes, expected one", path, members));
    }
    read_state(json.at("train"), loaded);
    weights = load_tensors(folder, kTensorFiles[0], json, bytes_for(agent.named_weights()));
    optimizer = load_tensors(folder, kTensorFiles[1], json, bytes_for(agent.named_optimizer_state()));
    replay = load_tensors(folder, kTensorFiles[2], json, buffer.max_state_bytes());
    extra = json.at("extra");
  });
  try {
    buffer.check_state(replay, buffer.capacity());
  } catch (const Error& error) {
    throw FormatError(fmt::format("{}: does not fit this run: {}", path, error.what()));
  }
  load_agent(path, agent, weights, optimizer);
  buffer.load_state(std::move(replay));
  state = loaded;
  return extra;
}

Json load_checkpoint(const std::string& path, Agent& agent, std::vector<Share>& shares,
                     std::int64_t max_replay_bytes) {
  Json extra;
  std::vector<Share> loaded;
  nn::NamedTensors weights, optimizer;
  read_parts(path, [&](const fs::path& folder, const Json& json) {
    loaded.clear();
    std::int64_t bytes_left = max_replay_bytes;
    for (std::size_t i = 0; i < members_of(json); ++i) {
      Share& share = loaded.emplace_back(Share{TrainState(Rng(0)), {}});
      read_state(i == 0 ? json.at("train") : json.at("others").at(i - 1), share.state);
      const TrainState &first = loaded[0].state, &state = share.state;
      if (state.step != first.step || state.episodes != first.episodes || state.updates != first.updates ||
          state.divergences != first.divergences) {
        throw FormatError(fmt::format("{}: the state of rank {} is at step {}, that of rank 0 at {}",
                                      (folder / "state.json").string(), i, state.step, first.step));
      }
      const std::string file = replay_file(static_cast<int>(i));
      share.replay = load_tensors(folder, file, json, bytes_left);
      bytes_left -= static_cast<std::int64_t>(fs::file_size(folder / file));
    }
    weights = load_tensors(folder, kTensorFiles[0], json, bytes_for(agent.named_weights()));
    optimizer = load_tensors(folder, kTensorFiles[1], json, bytes_for(agent.named_optimizer_state()));
    extra = json.at("extra");
  });
  load_agent(path, agent, weights, optimizer);
  shares = std::move(loaded);
  return extra;
}

int checkpoint_members(const std::string& path) {
  std::size_t members = 0;
  read_parts(path, [&](const fs::path&, const Json& json) { members = members_of(json); });
  return static_cast<int>(members);
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
