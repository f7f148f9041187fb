#include "envs/task_file/task_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/base64.h"
#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"

namespace saccade::envs {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::int64_t kMostBytes = std::int64_t{128} << 20;  // the files of a model, as base64
constexpr std::size_t kLongestName = 60;

[[noreturn]] void fail(const std::string& source, const std::string& what) {
  throw FormatError(fmt::format("{}: {}", source, what));
}

// The file's name without its ending, as an id may have it.
std::string name_of_task(const std::string& path) {
  std::string name = fs::path(path).stem().string().substr(0, kLongestName);
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '_' && c != '.') c = '-';
  }
  return name;
}

bool is_utf8(const std::string& text) {
  try {
    Json(text).dump();
    return true;
  } catch (const Json::type_error&) {
    return false;
  }
}

Json packed_files(const ModelFiles& model) {
  Json files = Json::object();
  for (const auto& [path, contents] : model.files) {
    const bool is_text = ModelFiles::is_xml(path) && is_utf8(contents);
    files[path] = is_text ? Json{{"text", contents}} : Json{{"base64", to_base64(contents)}};
  }
  return files;
}

std::string unpacked(const Json& file, const std::string& source, const std::string& path) {
  if (file.is_object() && file.size() == 1 && file.begin()->is_string()) {
    const auto value = file.begin()->get<std::string>();
    if (file.contains("text")) return value;
    const auto bytes = from_base64(value);
    if (file.contains("base64") && bytes) return *bytes;
  }
  fail(source, fmt::format("files.{} is {}; expected {{\"text\": ...}} or {{\"base64\": ...}}",
                           printable(path), shown(file)));
}

ModelFiles unpacked_files(const Json& json, const std::string& source) {
  if (!json.at("model").is_string())
    fail(source, fmt::format("model is {}; expected a path", shown(json.at("model"))));
  if (!json.at("files").is_object())
    fail(source, fmt::format("files is {}; expected an object", shown(json.at("files"))));
  ModelFiles model = {.main = json.at("model").get<std::string>(), .files = {}};
  for (const auto& [path, file] : json.at("files").items()) {
    model.files.emplace(path, unpacked(file, source, path));
  }
  check_model_files(model, source);
  return model;
}

std::string unpacked_name(const Json& name, const std::string& source) {
  if (!name.is_string() || name_of_task(name.get<std::string>() + ".json") != name.get<std::string>() ||
      name.get<std::string>().empty()) {
    fail(source, fmt::format("name is {}; expected one of letters, digits, dots and dashes", shown(name)));
  }
  return name.get<std::string>();
}

// The copy that a run keeps, not what a user writes.
bool is_packed(const Json& json) {
  return json.is_object() && json.size() == 4 && json.contains("name") && json.contains("task") &&
         json.contains("model") && json.contains("files");
}

// Comments and white space apart.
std::uint64_t hash_of(const Json& task, const ModelFiles& model) {
  std::uint64_t hash = fnv1a(dumped(task));
  const auto add = [&](const std::string& text) {
    hash = fnv1a(text, fnv1a(fmt::format("\n{}\n", text.size()), hash));
  };
  add(model.main);
  for (const auto& [path, contents] : model.files) {
    add(path);
    add(contents);
  }
  return hash;
}

struct Table {
  std::mutex mutex;
  std::map<std::string, std::shared_ptr<const TaskFile>, std::less<>> tasks;
};

Table& table() {
  static Table all;
  return all;
}

}  // namespace

TaskFile read_task_file(std::string_view text, const std::string& source) {
  const Json json = parse_json(text, source, {.max_bytes = kMostBytes, .comments = true});
  TaskFile file;
  file.source = source;
  std::string name = name_of_task(source);
  const bool packed = is_packed(json);
  const Json& task = packed ? json.at("task") : json;
  file.task = read_task(task, packed ? source + ": task" : source);
  if (packed) {
    name = unpacked_name(json.at("name"), source);
    file.model = unpacked_files(json, source);
  } else {
    const fs::path model = fs::path(source).parent_path() / file.task.model;
    std::error_code ignored;
    if (!fs::is_regular_file(model, ignored)) {
      fail(source, fmt::format("model is \"{}\", but there is no file {}", file.task.model, model.string()));
    }
    file.model = read_model_files(model.string());
  }
  const std::string hash = fmt::format("{:016x}", hash_of(task, file.model));
  file.id = fmt::format("{}-{}", name, hash.substr(0, 8));
  file.fingerprint = fmt::format("{}.json {}", name, hash);
  file.packed =
      dumped(
          {{"name", name}, {"task", task}, {"model", file.model.main}, {"files", packed_files(file.model)}},
          2) +
      '\n';
  return file;
}

bool names_task_file(std::string_view name) { return name.ends_with(".json"); }

std::string remember_task_file(const std::string& path) {
  auto file = std::make_shared<const TaskFile>(read_task_file(read_file(path, kMostBytes), path));
  const std::lock_guard lock(table().mutex);
  const auto known = table().tasks.emplace(file->id, file).first->second;
  if (known->fingerprint != file->fingerprint) {
    fail(path, fmt::format("is another task than {}, but happens to have the same id, {}; rename one of them",
                           known->source, file->id));
  }
  return file->id;
}

std::shared_ptr<const TaskFile> find_task_file(std::string_view id) {
  const std::lock_guard lock(table().mutex);
  const auto found = table().tasks.find(id);
  return found == table().tasks.end() ? nullptr : found->second;
}

}  // namespace saccade::envs
