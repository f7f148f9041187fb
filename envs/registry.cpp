#include "envs/registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "envs/entries.h"
#include "envs/guest.h"
#include "envs/mujoco/file_task.h"
#include "envs/mujoco/tasks.h"
#include "envs/time_limit.h"

namespace saccade::envs {

namespace {

std::map<std::string, Factory>& registry() {
  static std::map<std::string, Factory> factories = [] {
    std::map<std::string, Factory> all;
    for (Entry& entry : built_in_entries()) all.insert(std::move(entry));
    for (const std::string& id : mujoco_ids()) all.emplace(id, [id] { return make_mujoco(id); });
    return all;
  }();
  return factories;
}

std::string lower(std::string_view text) {
  std::string lowered(text);
  for (char& c : lowered) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lowered;
}

// "pendulum" for "Pendulum-v1"; the whole of an id that has no version.
std::string short_name(std::string_view id) {
  const std::string_view before_digits = id.substr(0, id.find_last_not_of("0123456789") + 1);
  if (before_digits.ends_with("-v")) id = before_digits.substr(0, before_digits.size() - 2);
  return lower(id);
}

bool is_available(const std::string& id) {
  const std::vector<std::string> missing = unavailable_ids();
  return std::find(missing.begin(), missing.end(), id) == missing.end();
}

// The id that is meant, or "" when there is none.
std::string find(std::string_view name) {
  std::string latest;
  for (const auto& [id, factory] : registry()) {
    if (lower(id) == lower(name)) return id;
    // A longer id of the same short name has a longer version number: v10 comes after v9.
    if (short_name(id) == lower(name) && id.size() >= latest.size()) latest = id;
  }
  return latest;
}

// Whether it might be the id of a task file: a name with eight digits of a hash.
bool is_of_a_file(std::string_view name) {
  return name.size() > 9 && name[name.size() - 9] == '-' &&
         name.substr(name.size() - 8).find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string unknown(std::string_view name) {
  if (is_of_a_file(name)) {
    return fmt::format(
        "no environment is called \"{}\"; a task of one's own is named by its file, such as {}.json", name,
        name.substr(0, name.size() - 9));
  }
  const std::string guess = nearest_id(name);
  return fmt::format("no environment is called \"{}\"{}", name,
                     guess.empty() ? ". Available: " + join(ids()) : "; did you mean " + guess + "?");
}

}  // namespace

std::unique_ptr<Env> make_untimed(std::string_view name) {
  if (is_guest(name)) return make_guest(name);
  const std::string id = canonical_id(name);
  const std::shared_ptr<const TaskFile> file = find_task_file(id);
  std::unique_ptr<Env> env = file != nullptr ? make_file_task(file) : registry().at(id)();
  if (!env) throw ConfigError(fmt::format("{}: its factory made no environment", id));
  return env;
}

std::unique_ptr<Env> make(std::string_view name) {
  std::unique_ptr<Env> env = make_untimed(name);
  if (env->spec().max_episode_steps == 0) return env;
  return std::make_unique<TimeLimit>(std::move(env));
}

std::string canonical_id(std::string_view name) {
  if (is_guest(name)) return make_guest(name)->spec().id;  // throws for one that nothing is known of
  if (find_task_file(name) != nullptr) return std::string(name);
  const std::string id = find(name);
  if (!id.empty()) return id;
  if (!names_task_file(name)) throw ConfigError(unknown(name));
  try {
    return remember_task_file(std::string(name));
  } catch (const FormatError& error) {
    throw ConfigError(error.what());
  }
}

std::string name_elsewhere(std::string_view id) {
  const std::shared_ptr<const TaskFile> file = find_task_file(id);
  return file == nullptr ? std::string(id) : file->source;
}

bool is_known(std::string_view name) {
  return is_guest(name) || find_task_file(name) != nullptr || !find(name).empty() || names_task_file(name);
}

std::string nearest_id(std::string_view name) {
  std::vector<std::string> known;
  for (const auto& [id, factory] : registry()) {
    known.push_back(lower(id));
    known.push_back(short_name(id));
  }
  return find(nearest(lower(name), known));
}

std::vector<std::string> ids() {
  std::vector<std::string> all;
  for (const auto& [id, factory] : registry()) {
    if (is_available(id)) all.push_back(id);
  }
  return all;
}

std::vector<std::string> unavailable_ids() {
  return mujoco_version().empty() ? mujoco_ids() : std::vector<std::string>{};
}

void add(std::string id, Factory factory) {
  if (id.empty()) throw ConfigError("an environment was added without an id");
  if (is_guest(id)) throw ConfigError(fmt::format("{}: ids that begin so are of environments elsewhere", id));
  if (!factory) throw ConfigError(fmt::format("{}: an environment was added without a factory", id));
  if (const std::string taken = find(id); !taken.empty()) {
    throw ConfigError(fmt::format("cannot add an environment called \"{}\": {} is already there", id, taken));
  }
  registry().emplace(std::move(id), std::move(factory));
}

}  // namespace saccade::envs
