#include "envs/trajectory.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <span>

#include "base/error.h"
#include "base/json.h"
#include "envs/env.h"
#include "envs/mujoco/tasks.h"
#include "envs/registry.h"
#include "envs/task_file/task_file.h"

namespace saccade::envs {

namespace {

using Json = nlohmann::ordered_json;

Json read_file_of_trajectories(const std::string& path) {
  return read_json(path, {.max_bytes = std::int64_t{1} << 30});
}

// An object's value under a key. Messages say `where` the object is.
const Json& member(const Json& object, const char* key, const std::string& where) {
  if (!object.is_object()) {
    throw FormatError(fmt::format("{}: {} was given, but an object is expected", where, shown(object)));
  }
  const auto found = object.find(key);
  if (found == object.end()) throw FormatError(fmt::format("{}: \"{}\" is missing", where, key));
  return *found;
}

std::string text(const Json& object, const char* key, const std::string& where) {
  const Json& value = member(object, key, where);
  if (value.is_string()) return value;
  throw FormatError(fmt::format("{}: \"{}\" is {}, but a text is expected", where, key, shown(value)));
}

std::optional<bool> flag(const Json& json) {
  return json.is_boolean() ? std::optional(json.get<bool>()) : std::nullopt;
}

// JSON has no numbers that are not finite: texts stand for them.
std::optional<double> number(const Json& json) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (json.is_number()) return json.get<double>();
  if (json == "Infinity" || json == "inf") return infinity;
  if (json == "-Infinity" || json == "-inf") return -infinity;
  if (json == "NaN") return std::numeric_limits<double>::quiet_NaN();
  return std::nullopt;
}

// One number stands for a row of one: a discrete action.
std::optional<std::vector<double>> row(const Json& json) {
  if (!json.is_array()) return row(Json::array({json}));
  std::vector<double> numbers;
  for (const Json& entry : json) {
    const std::optional<double> value = number(entry);
    if (!value) return std::nullopt;
    numbers.push_back(*value);
  }
  return numbers;
}

// Every entry of an array, as `read` makes it.
template <class T>
std::vector<T> list(const Json& object, const char* key, const std::string& where,
                    std::optional<T> (*read)(const Json&), const char* expected) {
  const Json& array = member(object, key, where);
  if (!array.is_array()) {
    throw FormatError(fmt::format("{}: \"{}\" is {}, but an array is expected", where, key, shown(array)));
  }
  std::vector<T> all;
  for (const Json& entry : array) {
    const std::optional<T> value = read(entry);
    if (!value) {
      throw FormatError(fmt::format("{}: {}[{}] is {}, but {} is expected", where, key, all.size(),
                                    shown(entry), expected));
    }
    all.push_back(*value);
  }
  return all;
}

std::vector<bool> flags(const Json& object, const char* key, const std::string& where) {
  return list(object, key, where, flag, "true or false");
}

std::vector<double> numbers(const Json& object, const char* key, const std::string& where) {
  return list(object, key, where, number, "a number");
}

std::vector<std::vector<double>> rows(const Json& object, const char* key, const std::string& where) {
  return list(object, key, where, row, "an array of numbers");
}

void check_length(const char* what, std::size_t length, std::size_t actions, const std::string& where) {
  if (length == actions) return;
  throw FormatError(fmt::format("{}: the number of {} is {}, but {} is expected, that of actions", where,
                                what, length, actions));
}

std::string where(const std::string& file, const std::string& name) {
  return fmt::format("{}, trajectory \"{}\"", file, name);
}

bool is_file(const std::string& id) { return envs::find_task_file(id) != nullptr; }

bool is_mujoco(const std::string& id) {
  if (is_file(id)) return true;
  const std::vector<std::string> ids = envs::mujoco_ids();
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

void read_common(const Json& json, const std::string& path, Trajectory& t) {
  t.file = path;
  t.observations = rows(json, "obs", where(path, t.name));
  t.terminated = flags(json, "terminated", where(path, t.name));
  t.truncated = flags(json, "truncated", where(path, t.name));
}

Trajectory classic(const Json& json, const std::string& path, const std::string& entry) {
  Trajectory t;
  t.name = text(json, "name", entry);
  read_common(json, path, t);
  const std::string at = where(path, t.name);
  t.first_state = numbers(json, "init_state", at);
  t.first_observation = numbers(json, "init_obs", at);
  t.actions = rows(json, "actions", at);
  t.states = rows(json, "states", at);
  t.rewards = numbers(json, "rewards", at);
  return t;
}

// The trajectory in another file that this one takes its actions from: "same as trajectory 0 of ant.json"
// means the one of the same kind.
struct Original {
  Json json;
  std::string where;  // for messages
};

Original original_of(const Json& json, const std::string& kind, const std::string& path) {
  const std::string reference = json.at("actions");
  const std::string name = reference.substr(reference.find_last_of(' ') + 1);
  const std::string other = (std::filesystem::path(path).parent_path() / name).string();
  try {
    const Json file = read_file_of_trajectories(other);
    for (const Json& candidate : member(file, "trajectories", other)) {
      if (text(candidate, "kind", other) == kind) return {candidate, where(other, kind)};
    }
    throw FormatError(fmt::format("{}: it has no trajectory of this kind", other));
  } catch (const FormatError& error) {
    throw FormatError(
        fmt::format("{}: its actions are in another file: {}", where(path, kind), error.what()));
  }
}

void append(std::vector<double>& front, const std::vector<double>& back) {
  front.insert(front.end(), back.begin(), back.end());
}

Trajectory mujoco(const Json& json, const std::string& path, const std::string& entry) {
  Trajectory t;
  t.name = text(json, "kind", entry);
  read_common(json, path, t);
  const std::string at = where(path, t.name);
  const bool refers = member(json, "actions", at).is_string();
  const auto [original, source] = refers ? original_of(json, t.name, path) : Original{json, at};
  t.actions = rows(original, "actions", source);
  const Json& dynamics = json.contains("qpos") ? json : original;
  t.first_state = numbers(json, "init_qpos", at);
  append(t.first_state, numbers(json, "init_qvel", at));
  const std::string& whose = json.contains("qpos") ? at : source;
  t.states = rows(dynamics, "qpos", whose);
  const std::vector<std::vector<double>> velocities = rows(dynamics, "qvel", whose);
  check_length("qpos", t.states.size(), t.actions.size(), at);
  check_length("qvel", velocities.size(), t.actions.size(), at);
  for (std::size_t i = 0; i < velocities.size(); ++i) append(t.states[i], velocities[i]);
  t.first_observation = numbers(json, "reset_obs", at);
  t.rewards = numbers(json, "reward", at);
  t.state_offset = 1;
  return t;
}

void check_lengths(const Trajectory& t) {
  const std::string at = where(t.file, t.name);
  if (t.actions.empty()) throw FormatError(fmt::format("{}: it has no steps", at));
  check_length("states", t.states.size(), t.actions.size(), at);
  check_length("observations", t.observations.size(), t.actions.size(), at);
  check_length("rewards", t.rewards.size(), t.actions.size(), at);
  check_length("flags \"terminated\"", t.terminated.size(), t.actions.size(), at);
  check_length("flags \"truncated\"", t.truncated.size(), t.actions.size(), at);
}

std::string where(const Trajectory& t, std::size_t step) {
  return fmt::format("{}, step {}", where(t.file, t.name), step);
}

// How much of Env::state() is recorded, but for the steps left: all of it, or of MuJoCo's tasks as little as
// set_state() takes, the time, qpos and qvel, which make the rest.
std::size_t state_size(envs::Env& env, bool has_limit) {
  const std::vector<double> whole = env.state();
  const std::size_t size = whole.size() - has_limit;
  if (!is_mujoco(env.spec().id)) return size;
  for (std::size_t fewer = 1; fewer < size; ++fewer) {
    std::vector<double> state(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(fewer));
    if (has_limit) state.push_back(1);
    try {
      env.set_state(state);
      return fewer;
    } catch (const ShapeError&) {
    }
  }
  return size;
}

void check_size(const Trajectory& t, std::size_t step, const char* what, std::size_t given,
                std::size_t expected) {
  if (given == expected) return;
  throw ShapeError(fmt::format("{}: {} of size {} was given, but size {} is expected", where(t, step), what,
                               given, expected));
}

void check_sizes(const Trajectory& t, const envs::Spec& spec, std::size_t state) {
  const std::size_t observation = size_of(spec.observation_space), action = size_of(spec.action_space);
  check_size(t, 0, "a state", t.first_state.size(), state);
  check_size(t, 0, "an observation", t.first_observation.size(), observation);
  for (std::size_t i = 0; i < t.actions.size(); ++i) {
    check_size(t, i + 1, "an action", t.actions[i].size(), action);
    check_size(t, i + 1, "a state", t.states[i].size(), state);
    check_size(t, i + 1, "an observation", t.observations[i].size(), observation);
  }
}

// Calls f, and names the step in its errors.
template <class F>
auto at_step(const Trajectory& t, std::size_t step, F f) {
  try {
    return f();
  } catch (const Error& error) {
    throw Error(fmt::format("{}: {}", where(t, step), error.what()));
  }
}

}  // namespace

std::vector<Trajectory> read_trajectories(const std::string& path, const std::string& id) {
  const Json file = read_file_of_trajectories(path);
  if (!file.is_object() || !file.contains("trajectories") || !file["trajectories"].is_array()) {
    throw FormatError(fmt::format(
        "{}: is no file of trajectories: an object with an array \"trajectories\" is expected", path));
  }
  const bool has_facts = file.contains("facts");
  if (has_facts) {
    const std::string recorded = text(file["facts"], "id", path + ", facts");
    if (recorded != id && !is_file(id)) {  // a file may write down what others know by a name
      throw FormatError(
          fmt::format("{}: its trajectories are {}'s, but {}'s were asked for", path, recorded, id));
    }
    if (!is_mujoco(id)) {
      throw FormatError(
          fmt::format("{}: has \"facts\", as files of MuJoCo's tasks do, but {} is none of them", path, id));
    }
  }
  std::vector<Trajectory> trajectories;
  std::set<std::string> others;
  std::size_t index = 0;
  for (const Json& json : file["trajectories"]) {
    const std::string entry = fmt::format("{}, trajectories[{}]", path, index++);
    if (has_facts) {
      trajectories.push_back(mujoco(json, path, entry));
    } else if (const std::string recorded = text(json, "env_id", entry); recorded == id) {
      trajectories.push_back(classic(json, path, entry));
    } else {
      others.insert(recorded);
    }
  }
  if (trajectories.empty()) {
    throw FormatError(fmt::format("{}: it has no trajectory of {}{}{}", path, id,
                                  others.empty() ? "" : ", only of ", fmt::join(others, ", ")));
  }
  for (const Trajectory& trajectory : trajectories) check_lengths(trajectory);
  return trajectories;
}

void replay(const std::string& id, const Trajectory& t, const std::function<void(const Compared&)>& compare) {
  const std::unique_ptr<envs::Env> env = envs::make(id);
  const envs::Spec& spec = env->spec();
  const bool has_limit = spec.max_episode_steps > 0;
  check_sizes(t, spec, state_size(*env, has_limit) - t.state_offset);
  std::vector<double> observation(size_of(spec.observation_space));
  const auto compare_rows = [&](std::string_view quantity, std::size_t step, std::span<const double> ours,
                                const std::vector<double>& theirs) {
    for (std::size_t i = 0; i < ours.size(); ++i) compare({quantity, step, i, ours[i], theirs[i]});
  };
  // A recording may go on past the end of its episode: there is always a step left.
  const auto steps_left = [&](std::size_t taken) {
    return static_cast<double>(
        std::max<std::int64_t>(1, spec.max_episode_steps - static_cast<std::int64_t>(taken)));
  };

  // The time, then what was recorded; MuJoCo makes the rest of its state from that.
  std::vector<double> first(t.state_offset);
  append(first, t.first_state);
  if (has_limit) first.push_back(steps_left(0));
  at_step(t, 0, [&] { env->set_state(first); });
  env->observe(observation);
  compare_rows("observation", 0, observation, t.first_observation);

  for (std::size_t i = 0; i < t.actions.size(); ++i) {
    if (i > 0) {
      // The rest that MuJoCo carries over (its solver's warm start, the positions that v4 pays for) stays
      // ours.
      std::vector<double> state = env->state();
      std::copy(t.states[i - 1].begin(), t.states[i - 1].end(),
                state.begin() + static_cast<std::ptrdiff_t>(t.state_offset));
      if (has_limit) state.back() = steps_left(i);
      at_step(t, i, [&] { env->set_state(state); });
    }
    const std::size_t step = i + 1;
    const envs::StepResult result = at_step(t, step, [&] { return env->step(t.actions[i], observation); });
    const std::vector<double> state = env->state();
    compare_rows("state", step, std::span(state).subspan(t.state_offset, t.first_state.size()), t.states[i]);
    compare_rows("observation", step, observation, t.observations[i]);
    compare({"reward", step, 0, result.reward, t.rewards[i]});
    compare({"terminated", step, 0, double(result.terminated), double(t.terminated[i])});
    compare({"truncated", step, 0, double(result.truncated), double(t.truncated[i])});
  }
}

double error_of(const Compared& c) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (c.ours == c.theirs || (std::isnan(c.ours) && std::isnan(c.theirs))) return 0;
  if (c.quantity == "terminated" || c.quantity == "truncated") return infinity;
  const double error = std::abs(c.ours - c.theirs) / std::max(1.0, std::abs(c.theirs));
  return std::isfinite(error) ? error : infinity;
}

}  // namespace saccade::envs
