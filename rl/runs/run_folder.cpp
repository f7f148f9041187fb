#include "rl/runs/run_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "envs/guest.h"
#include "envs/registry.h"
#include "envs/task_file/task_file.h"
#include "rl/runs/build_info.h"
#include "rl/runs/guest.h"

namespace saccade::rl {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

namespace {

bool is_run(const fs::path& path) {
  std::error_code error;
  return fs::exists(path / "config.json", error);
}

// The runs in a folder that are called so, or begin so ("pendulum-1" for "pendulum"), or nearly so.
std::string near_in(const fs::path& folder, const std::string& name) {
  std::vector<std::string> names;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder.empty() ? "." : folder, error)) {
    if (is_run(entry.path())) names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  const auto begins =
      std::find_if(names.begin(), names.end(), [&](const std::string& n) { return n.starts_with(name); });
  const std::string near = begins != names.end() ? *begins : nearest(name, names);
  return near.empty() ? "" : (folder / near).string();
}

// "; did you mean 'runs/pendulum-1'?": the run that the path lies in, or one beside it, or in runs/.
std::string suggestion(const fs::path& path) {
  std::string near;
  for (fs::path parent = path.parent_path(); near.empty() && !parent.empty() && parent != parent.root_path();
       parent = parent.parent_path()) {
    if (is_run(parent)) near = parent.string();
  }
  if (near.empty() && path.has_filename()) near = near_in(path.parent_path(), path.filename().string());
  if (near.empty() && !path.has_parent_path()) near = near_in("runs", path.string());
  return near.empty() ? "" : fmt::format("; did you mean '{}'?", near);
}

constexpr const char* kCheckpoint = "checkpoint";
constexpr const char* kOwnFiles[] = {"config.json",
                                     kTaskFile,
                                     "progress.csv",
                                     "eval.csv",
                                     "diagnostics.jsonl",
                                     "summary.json",
                                     kTensorBoardFolder,
                                     kTensorBoardFile,
                                     "checkpoint",
                                     "checkpoint.new",
                                     "checkpoint.old",
                                     "checkpoint/state.json",
                                     "checkpoint/weights.safetensors",
                                     "checkpoint/optimizer.safetensors",
                                     "checkpoint/replay.safetensors",
                                     "checkpoint.old/state.json",
                                     "checkpoint.old/weights.safetensors",
                                     "checkpoint.old/optimizer.safetensors",
                                     "checkpoint.old/replay.safetensors"};
// There from a run's first moment to its first checkpoint: what it left if it was killed between is nobody's.
constexpr const char* kUnborn = ".saccade-unborn";

// Whether nothing is there, or what a run leaves that is killed before its first checkpoint; within the
// writing of kUnborn, that is a temporary file alone.
bool is_unborn(const std::string& path) {
  const bool marked = fs::is_regular_file(fs::symlink_status(run_file(path, kUnborn)));
  const auto is_own = [&](const std::string& name) {
    if (name.starts_with(".saccade-")) return true;
    return marked &&
           (name == "config.json" || name == kTaskFile || name == "progress.csv" || name == "eval.csv" ||
            name == "diagnostics.jsonl" || name == kTensorBoardFolder || name == "checkpoint.new");
  };
  for (const fs::directory_entry& entry : fs::directory_iterator(path)) {
    if (!is_own(entry.path().filename().string()) || entry.is_symlink()) return false;
  }
  return true;
}

// All but kUnborn, without which what is left after a kill would be nobody's to remove.
void remove_contents(const std::string& path, std::error_code& error) {
  for (const fs::directory_entry& entry : fs::directory_iterator(path, error)) {
    if (entry.path().filename() != kUnborn) fs::remove_all(entry, error);
    if (error) return;
  }
}

void refuse_occupied(const std::string& path) {
  if (fs::exists(path) && !fs::is_directory(path)) {
    throw ConfigError(fmt::format("--run: '{}' exists and is not an empty folder", path));
  }
  if (!fs::exists(path) || is_unborn(path)) return;
  if (fs::exists(run_file(path, "config.json")) && fs::exists(run_file(path, kCheckpoint))) {
    throw ConfigError(
        fmt::format("--run: '{}' holds a run already; choose another folder, or go on with it: {} "
                    "train --resume {}",
                    path, program(), shell_word(path)));
  }
  throw ConfigError(fmt::format("--run: '{}' exists and is not an empty folder", path));
}

// The name as part of a path: an environment may be called "mylab/Integrator-v0".
std::string as_file_name(std::string_view name) {
  if (envs::is_guest(name)) name.remove_prefix(envs::kGuestPrefix.size());
  std::string file_name;
  for (const char c : name) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.';
    file_name += plain ? c : '-';
  }
  return file_name.find_first_not_of('.') == std::string::npos ? "run" : file_name;
}

// The environment that a configuration names; "" if it names none.
std::string env_in(const Json& config) {
  return config.contains("env") && config.at("env").is_string() ? config.at("env").get<std::string>() : "";
}

void make_folder(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) throw FormatError(fmt::format("{}: the folder cannot be made: {}", path, error.message()));
}

}  // namespace

std::string run_file(const std::string& run, const std::string& name) {
  return (fs::path(run) / name).string();
}

RunInfo read_run_info(const std::string& run) {
  if (!fs::is_directory(run)) {
    throw FormatError(fmt::format("{}: there is no such run{}", run, suggestion(run)));
  }
  refuse_links(run);
  const std::string path = run_file(run, "config.json");
  if (!fs::exists(path))
    throw FormatError(fmt::format("{}: is not a run: it has no config.json{}", run, suggestion(run)));
  const Json json = read_json(path);
  RunInfo info;
  try {
    const Json& config = json.at("config");
    remember_task_of(run, config);
    if (const std::string env = env_in(config); envs::is_guest(env)) {
      if (!json.contains("environment"))
        throw FormatError(fmt::format("{}: \"environment\" is missing", path));
      envs::remember_guest(guest_from_json(json.at("environment"), env, path));
    }
    update_from_json(info.config, config, path);
    info.preset = json.at("preset").is_null() ? "" : json.at("preset").get<std::string>();
    info.instruction_set = json.at("instruction_set");
    info.fingerprint = json.value("fingerprint", "");
  } catch (const Json::exception& error) {
    throw FormatError(fmt::format("{}: is damaged: {}", path, error.what()));
  }
  return info;
}

void write_run_info(const std::string& run, const RunInfo& info) {
  // First: without it the other says nothing.
  if (const auto task = envs::find_task_file(info.config.run.env)) {
    write_file(run_file(run, kTaskFile), task->packed);
  }
  Json json = build_info();
  json["instruction_set"] = info.instruction_set;
  json["fingerprint"] = info.fingerprint;
  json["preset"] = info.preset.empty() ? Json(nullptr) : Json(info.preset);
  json["config"] = to_json(info.config);
  if (const std::string& env = info.config.run.env; envs::is_guest(env)) {
    json["environment"] = guest_to_json(envs::make(env)->spec());
  }
  write_json(run_file(run, "config.json"), json);
}

void remember_task_of(const std::string& run, const Json& config) {
  const std::string env = env_in(config);
  if (envs::names_task_file(env)) {
    throw FormatError(fmt::format("{}: env is {}, a file; expected an id, whose task the run keeps itself",
                                  run, shown(config.at("env"))));
  }
  const std::string path = run_file(run, kTaskFile);
  if (envs::find_task_file(env) != nullptr || !fs::exists(path)) return;
  const std::string id = envs::remember_task_file(path);
  if (env == id) return;
  throw FormatError(
      fmt::format("{}: holds {}, but the run is one of {}; put that back", path, id, printable(env)));
}

void refuse_links(const std::string& run) {
  for (const char* name : kOwnFiles) {
    std::error_code ignored;
    if (!fs::is_symlink(run_file(run, name), ignored)) continue;
    throw FormatError(fmt::format("{}: is a link, expected a file of the run's own", run_file(run, name)));
  }
  for (const char* folder : {"checkpoint", "checkpoint.old"}) {  // with the parts of several processes
    std::error_code none;
    for (const fs::directory_entry& entry : fs::directory_iterator(run_file(run, folder), none)) {
      if (!entry.is_symlink()) continue;
      throw FormatError(
          fmt::format("{}: is a link, expected a file of the run's own", entry.path().string()));
    }
  }
}

void write_json(const std::string& path, const Json& json) { write_file(path, dumped(json, 2) + '\n'); }

RunLock::RunLock(const std::string& run) {
  descriptor_ = ::open(run.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  // Where the file system has no locks, there is none.
  if (descriptor_ >= 0 && ::flock(descriptor_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    ::close(descriptor_);
    throw ConfigError(fmt::format("{}: another program is training this run", run));
  }
}

RunLock::~RunLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

NewRunFolder::NewRunFolder(const std::string& path, const RunInfo& info) {
  if (!path.empty()) {
    refuse_occupied(path);
    std::error_code error;
    made_ = fs::create_directories(path, error);
    if (error) throw FormatError(fmt::format("{}: the folder cannot be made: {}", path, error.message()));
    take(path);
    return;
  }
  make_folder("runs");
  const std::string& algorithm = info.config.algorithm().name;
  const std::string kind = algorithm == Config().algorithm().name ? "" : algorithm + "-";
  const std::string first =
      fmt::format("runs/{}-{}{}", as_file_name(info.name()), kind, info.config.run.seed);
  std::string name = first;
  std::error_code error;
  // Making it is what tells whether it is free, so that two programs cannot choose the same.
  for (int n = 2; !fs::create_directory(name, error); ++n) {
    if (error) throw FormatError(fmt::format("{}: the folder cannot be made: {}", name, error.message()));
    name = fmt::format("{}-{}", first, n);
  }
  made_ = true;
  take(name);
}

void NewRunFolder::take(const std::string& path) {
  lock_ = std::make_unique<RunLock>(path);  // throws while another program has it, whose files it is then
  path_ = path;
  refuse_occupied(path);  // who had the lock before may have left a run
  write_file(run_file(path, kUnborn), "");
  std::error_code error;
  remove_contents(path, error);
  if (error) throw FormatError(fmt::format("{}: the folder cannot be emptied: {}", path, error.message()));
}

NewRunFolder::~NewRunFolder() {
  if (lock_ == nullptr || path_.empty()) return;
  std::error_code ignored;
  if (fs::exists(run_file(path_, kCheckpoint), ignored)) return;
  remove_contents(path_, ignored);
  fs::remove(run_file(path_, kUnborn), ignored);
  if (made_) fs::remove(path_, ignored);
}

std::unique_ptr<RunLock> NewRunFolder::keep() {
  fs::remove(run_file(path_, kUnborn));
  return std::move(lock_);
}

}  // namespace saccade::rl
