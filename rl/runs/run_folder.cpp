#include "rl/runs/run_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "rl/runs/build_info.h"

namespace saccade::rl {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

namespace {

// "; did you mean 'runs/pendulum-1'?", if there is such a folder beside this one.
std::string suggestion(const fs::path& run) {
  std::vector<std::string> names;
  std::error_code error;
  const fs::path parent = run.has_parent_path() ? run.parent_path() : fs::path(".");
  for (const fs::directory_entry& entry : fs::directory_iterator(parent, error)) {
    if (fs::exists(entry.path() / "config.json", error)) names.push_back(entry.path().filename().string());
  }
  const std::string near = nearest(run.filename().string(), names);
  return near.empty() ? "" : fmt::format("; did you mean '{}'?", (run.parent_path() / near).string());
}

void refuse_existing(const std::string& path) {
  if (fs::exists(run_file(path, "config.json"))) {
    throw ConfigError(
        fmt::format("--run: '{}' holds a run already; choose another folder, or go on with it: {} "
                    "train --resume {}",
                    path, program(), shell_word(path)));
  }
  if (fs::exists(path) && !(fs::is_directory(path) && fs::is_empty(path))) {
    throw ConfigError(fmt::format("--run: '{}' exists and is not an empty folder", path));
  }
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
  const std::string path = run_file(run, "config.json");
  if (!fs::exists(path)) throw FormatError(fmt::format("{}: is not a run: it has no config.json", run));
  const Json json = read_json(path);
  RunInfo info;
  try {
    update_from_json(info.config, json.at("config"), path);
    info.preset = json.at("preset").is_null() ? "" : json.at("preset").get<std::string>();
    info.instruction_set = json.at("instruction_set");
    info.fingerprint = json.value("fingerprint", "");
  } catch (const Json::exception& error) {
    throw FormatError(fmt::format("{}: is damaged: {}", path, error.what()));
  }
  return info;
}

void write_run_info(const std::string& run, const RunInfo& info) {
  Json json = build_info();
  json["instruction_set"] = info.instruction_set;
  json["fingerprint"] = info.fingerprint;
  json["preset"] = info.preset.empty() ? Json(nullptr) : Json(info.preset);
  json["config"] = to_json(info.config);
  write_json(run_file(run, "config.json"), json);
}

std::string create_run_folder(const std::string& path, const RunInfo& info) {
  if (!path.empty()) {
    refuse_existing(path);
    make_folder(path);
    return path;
  }
  make_folder("runs");
  const std::string& algorithm = info.config.algorithm().name;
  const std::string first = algorithm == Config().algorithm().name
                                ? fmt::format("runs/{}-{}", info.name(), info.config.run.seed)
                                : fmt::format("runs/{}-{}-{}", info.name(), algorithm, info.config.run.seed);
  std::string name = first;
  std::error_code error;
  // Making it is what tells whether it is free, so that two programs cannot choose the same.
  for (int n = 2; !fs::create_directory(name, error); ++n) {
    if (error) throw FormatError(fmt::format("{}: the folder cannot be made: {}", name, error.message()));
    name = fmt::format("{}-{}", first, n);
  }
  return name;
}

void write_json(const std::string& path, const Json& json) {
  write_file(path, dumped(json, 2) + '\n');
}

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

}  // namespace saccade::rl
