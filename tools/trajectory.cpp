#include "tools/trajectory.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/rng.h"
#include "envs/env.h"
#include "envs/registry.h"

namespace saccade::tools {

namespace {

using Json = nlohmann::json;

Json read_json(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw FormatError(fmt::format("{}: cannot be opened", path));
  try {
    return Json::parse(file);
  } catch (const Json::parse_error& error) {
    throw FormatError(fmt::format("{}: {}", path, error.what()));
  }
}

// Actions of a discrete space are single numbers.
std::vector<std::vector<double>> rows(const Json& array) {
  std::vector<std::vector<double>> all;
  for (const Json& row : array) {
    all.push_back(row.is_array() ? row.get<std::vector<double>>() : std::vector{row.get<double>()});
  }
  return all;
}

// qpos and qvel as one.
std::vector<double> joined(const Json& qpos, const Json& qvel) {
  std::vector<double> state = qpos;
  const std::vector<double> velocities = qvel;
  state.insert(state.end(), velocities.begin(), velocities.end());
  return state;
}

void read_common(const Json& json, Trajectory& trajectory) {
  trajectory.observations = rows(json.at("obs"));
  trajectory.terminated = json.at("terminated").get<std::vector<bool>>();
  trajectory.truncated = json.at("truncated").get<std::vector<bool>>();
}

Trajectory classic(const Json& json) {
  Trajectory t;
  read_common(json, t);
  t.name = json.at("name");
  t.first_state = json.at("init_state").get<std::vector<double>>();
  t.first_observation = json.at("init_obs").get<std::vector<double>>();
  t.actions = rows(json.at("actions"));
  t.states = rows(json.at("states"));
  t.rewards = json.at("rewards").get<std::vector<double>>();
  return t;
}

// The trajectory in another file that this one takes its actions from: "same as trajectory 0 of ant.json"
// means the one of the same kind.
Json original_of(const Json& json, const std::string& path) {
  const std::string reference = json.at("actions");
  const std::string name = reference.substr(reference.find_last_of(' ') + 1);
  const std::string other = (std::filesystem::path(path).parent_path() / name).string();
  const Json file = read_json(other);
  for (const Json& candidate : file.at("trajectories")) {
    if (candidate.at("kind") == json.at("kind")) return candidate;
  }
  throw FormatError(fmt::format("{}: it has no trajectory of the kind \"{}\", which {} refers to", other,
                                json.at("kind").get<std::string>(), path));
}

Trajectory mujoco(const Json& json, const std::string& path) {
  Trajectory t;
  read_common(json, t);
  const Json original = json.at("actions").is_string() ? original_of(json, path) : json;
  const Json& dynamics = json.contains("qpos") ? json : original;
  t.name = json.at("kind");
  t.first_state = joined(json.at("init_qpos"), json.at("init_qvel"));
  t.first_observation = json.at("reset_obs").get<std::vector<double>>();
  t.actions = rows(original.at("actions"));
  for (std::size_t i = 0; i < dynamics.at("qpos").size(); ++i) {
    t.states.push_back(joined(dynamics.at("qpos")[i], dynamics.at("qvel")[i]));
  }
  t.rewards = json.at("reward").get<std::vector<double>>();
  t.state_offset = 1;
  return t;
}

void check_sizes(const std::string& path, const Trajectory& t) {
  for (const std::size_t length :
       {t.states.size(), t.observations.size(), t.rewards.size(), t.terminated.size(), t.truncated.size()}) {
    if (length == t.actions.size()) continue;
    throw FormatError(
        fmt::format("{}, \"{}\": {} entries were given for {} actions; one for each is expected", path,
                    t.name, length, t.actions.size()));
  }
  for (const std::vector<double>& state : t.states) {
    if (state.size() == t.first_state.size()) continue;
    throw FormatError(fmt::format("{}, \"{}\": a state of size {} was given, but size {} is expected", path,
                                  t.name, state.size(), t.first_state.size()));
  }
}

}  // namespace

std::vector<Trajectory> read_trajectories(const std::string& path, const std::string& id) {
  const Json file = read_json(path);
  std::vector<Trajectory> trajectories;
  try {
    const bool is_mujoco = file.contains("facts");
    if (is_mujoco && file.at("facts").at("id") != id) {
      throw FormatError(fmt::format("{}: its trajectories are {}'s, but {}'s were asked for", path,
                                    file.at("facts").at("id").get<std::string>(), id));
    }
    for (const Json& json : file.at("trajectories")) {
      if (is_mujoco) {
        trajectories.push_back(mujoco(json, path));
      } else if (json.at("env_id") == id) {
        trajectories.push_back(classic(json));
      }
    }
  } catch (const Json::exception& error) {
    throw FormatError(fmt::format("{}: is no file of trajectories: {}", path, error.what()));
  }
  if (trajectories.empty()) throw FormatError(fmt::format("{}: it has no trajectory of {}", path, id));
  for (const Trajectory& trajectory : trajectories) check_sizes(path, trajectory);
  return trajectories;
}

void replay(const std::string& id, const Trajectory& t, const std::function<void(const Compared&)>& compare) {
  const std::unique_ptr<envs::Env> env = envs::make(id);
  const bool has_limit = env->spec().max_episode_steps > 0;
  std::vector<double> observation(static_cast<std::size_t>(env->spec().observation.size()));
  const auto compare_rows = [&](std::string_view quantity, std::size_t step, std::span<const double> ours,
                                const std::vector<double>& theirs) {
    if (ours.size() != theirs.size()) {
      throw ShapeError(fmt::format("{}: {} of size {} was recorded, but size {} is expected", id, quantity,
                                   theirs.size(), ours.size()));
    }
    for (std::size_t i = 0; i < ours.size(); ++i) compare({quantity, step, i, ours[i], theirs[i]});
  };
  // A recording may go on past the end of its episode: there is always a step left.
  const auto steps_left = [&](std::size_t taken) {
    return static_cast<double>(
        std::max<std::int64_t>(1, env->spec().max_episode_steps - static_cast<std::int64_t>(taken)));
  };

  // The time, then what was recorded; MuJoCo makes the rest of its state from that.
  std::vector<double> first(t.state_offset);
  first.insert(first.end(), t.first_state.begin(), t.first_state.end());
  if (has_limit) first.push_back(steps_left(0));
  env->set_state(first);
  env->observe(observation);
  compare_rows("observation", 0, observation, t.first_observation);

  for (std::size_t i = 0; i < t.actions.size(); ++i) {
    if (i > 0) {
      // What MuJoCo carries over besides (its solver's warm start, the positions that v4 pays for) stays
      // ours.
      std::vector<double> state = env->state();
      std::copy(t.states[i - 1].begin(), t.states[i - 1].end(),
                state.begin() + static_cast<std::ptrdiff_t>(t.state_offset));
      if (has_limit) state.back() = steps_left(i);
      env->set_state(state);
    }
    const envs::Transition transition = env->step(t.actions[i], observation);
    const std::size_t step = i + 1;
    const std::vector<double> state = env->state();
    compare_rows("state", step, std::span(state).subspan(t.state_offset, t.first_state.size()), t.states[i]);
    compare_rows("observation", step, observation, t.observations[i]);
    compare({"reward", step, 0, transition.reward, t.rewards[i]});
    compare({"terminated", step, 0, double(transition.terminated), double(t.terminated[i])});
    compare({"truncated", step, 0, double(transition.truncated), double(t.truncated[i])});
  }
}

double error_of(const Compared& c) {
  if (c.ours == c.theirs) return 0;
  const double error = std::abs(c.ours - c.theirs) / std::max(1.0, std::abs(c.theirs));
  return std::isfinite(error) ? error : std::numeric_limits<double>::infinity();
}

}  // namespace saccade::tools
