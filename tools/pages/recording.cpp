#include "tools/pages/recording.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "rl/runs/build_info.h"
#include "tools/pages/assemble.h"

namespace saccade::pages {

namespace {

using Json = nlohmann::ordered_json;
using envs::Geom;
using envs::Scene;

constexpr std::size_t kMaxCurves = 24;  // of observations

const char* name_of(envs::GeomKind kind) {
  static constexpr std::array<const char*, 6> names = {"plane",    "sphere",    "capsule",
                                                       "cylinder", "ellipsoid", "box"};
  return names.at(static_cast<std::size_t>(kind));
}

// Positions, in metres or so, and rotations.
double rounded(double x) { return std::round(x * 1e4) / 1e4 + 0.0; }  // + 0.0: no negative zeros

Json shortened(std::span<const double> row) {
  Json json = Json::array();
  for (const double x : row) json.push_back(pages::shortened(x));
  return json;
}

Json shortened(const std::vector<std::vector<double>>& rows) {
  Json json = Json::array();
  for (const std::vector<double>& row : rows) json.push_back(shortened(row));
  return json;
}

void add_pose(Json& row, const Geom& geom) {
  for (const double x : geom.position) row.push_back(rounded(x));
  for (const double x : geom.rotation) row.push_back(rounded(x));
}

bool same_pose(const Geom& a, const Geom& b) { return a.position == b.position && a.rotation == b.rotation; }

void check_same_geoms(const envs::Spec& spec, const Scene& first, const Scene& scene) {
  // A capsule between two points has a length that is rounded otherwise in every frame.
  const auto same_size = [](double a, double b) { return std::abs(a - b) < 1e-6; };
  const auto same = [&](const Geom& a, const Geom& b) {
    return a.kind == b.kind && a.colour == b.colour &&
           std::equal(a.size.begin(), a.size.end(), b.size.begin(), same_size);
  };
  if (std::equal(first.geoms.begin(), first.geoms.end(), scene.geoms.begin(), scene.geoms.end(), same)) {
    return;
  }
  throw Error(
      fmt::format("{}: scene() gave {} geoms at the start and then {}, or others; expected the same "
                  "ones in the same order, with other positions and rotations",
                  spec.id, first.geoms.size(), scene.geoms.size()));
}

// Which geoms have more than one pose in all of the recording.
std::vector<bool> moving_geoms(const Recording& recording, const Scene& first) {
  std::vector<bool> moves(first.geoms.size());
  for (const Recording::Episode& episode : recording.episodes) {
    for (const Scene& scene : episode.scenes) {
      check_same_geoms(recording.spec, first, scene);
      for (std::size_t i = 0; i < moves.size(); ++i) {
        if (!same_pose(first.geoms[i], scene.geoms[i])) moves[i] = true;
      }
    }
  }
  return moves;
}

const char* end_of(const envs::StepResult& last) {
  return last.diverged ? "diverged" : last.terminated ? "terminated" : "truncated";
}

Json geoms_json(const Scene& first, const std::vector<bool>& moves) {
  Json geoms = Json::array();
  for (std::size_t i = 0; i < moves.size(); ++i) {
    const Geom& geom = first.geoms[i];
    Json json = {{"kind", name_of(geom.kind)}, {"size", shortened(geom.size)}, {"colour", geom.colour}};
    if (!moves[i]) add_pose(json["pose"] = Json::array(), geom);
    geoms.push_back(std::move(json));
  }
  return geoms;
}

void add_scenes(Json& json, const Recording::Episode& episode, const std::vector<bool>& moves) {
  Json poses = Json::array(), targets = Json::array();
  for (const Scene& scene : episode.scenes) {
    Json row = Json::array(), target = Json::array();
    for (std::size_t i = 0; i < moves.size(); ++i) {
      if (moves[i]) add_pose(row, scene.geoms[i]);
    }
    for (const double x : scene.target) target.push_back(rounded(x));
    poses.push_back(std::move(row));
    targets.push_back(std::move(target));
  }
  json["poses"] = std::move(poses);
  json["targets"] = std::move(targets);
}

template <class F>
Json of_each_step(const Recording::Episode& episode, const F& value) {
  Json json = Json::array();
  for (const envs::StepResult& result : episode.results) json.push_back(pages::shortened(value(result)));
  return json;
}

// A term that is left out of some step, as of one that diverged, was 0 there.
Json terms_of(const Recording::Episode& episode) {
  Json terms = Json::object();
  if (episode.results.empty()) return terms;
  for (const envs::RewardTerm& term : episode.results[0].terms) {
    if (term.name == nullptr) continue;
    terms[term.name] = of_each_step(episode, [&](const envs::StepResult& result) {
      for (const auto& [name, value] : result.terms) {
        if (name != nullptr && std::string_view(name) == term.name) return value;
      }
      return 0.0;
    });
  }
  return terms;
}

void add_observations(Json& json, const Recording::Episode& episode) {
  Json rows = Json::array();
  for (const std::vector<double>& row : episode.observations) {
    rows.push_back(shortened(std::span(row).first(std::min(row.size(), kMaxCurves))));
  }
  json["observations"] = std::move(rows);
}

}  // namespace

RecordingEnv::RecordingEnv(std::unique_ptr<envs::Env> env, Recording& recording)
    : env_(std::move(env)), recording_(recording) {
  recording_.spec = spec();
}

void RecordingEnv::add_frame(std::span<const double> observation) {
  Recording::Episode& episode = recording_.episodes.back();
  episode.scenes.push_back(scene());
  episode.observations.emplace_back(observation.begin(), observation.end());
}

void RecordingEnv::reset(Rng& rng, std::span<double> observation) {
  env_->reset(rng, observation);
  is_recording_ = static_cast<std::int64_t>(recording_.episodes.size()) < recording_.max_episodes;
  if (!is_recording_) return;
  recording_.episodes.emplace_back();
  add_frame(observation);
}

envs::StepResult RecordingEnv::step(std::span<const double> action, std::span<double> observation) {
  const envs::StepResult result = env_->step(action, observation);
  if (!is_recording_) return result;
  add_frame(observation);
  Recording::Episode& episode = recording_.episodes.back();
  episode.actions.emplace_back(action.begin(), action.end());
  episode.results.push_back(result);
  return result;
}

void add_outlook(Recording& recording, const rl::Agent& agent) {
  for (Recording::Episode& episode : recording.episodes) {
    std::vector<double> obs;
    for (const std::vector<double>& row : episode.observations) obs.insert(obs.end(), row.begin(), row.end());
    episode.outlook = rl::outlook(agent, obs, episode.observations.at(0).size());
  }
}

Json to_json(const Recording& recording) {
  const Scene first = recording.episodes.empty() ? Scene{} : recording.episodes[0].scenes.at(0);
  const std::vector<bool> moves = moving_geoms(recording, first);
  const envs::Spec& spec = recording.spec;
  const envs::Box bounds = envs::bounds_of(spec.action_space);
  const auto* choices = std::get_if<envs::Discrete>(&spec.action_space);
  Json json = {
      {"env", spec.id},
      {"action",
       {{"low", bounds.low}, {"high", bounds.high}, {"choices", choices == nullptr ? 0 : choices->n}}},
      {"observation_size", envs::size_of(spec.observation_space)},
      {"step_seconds", first.step_seconds},
      {"radius", first.radius},
      {"elevation", first.elevation},
      {"flat", first.flat},
      {"shapes", geoms_json(first, moves)}};
  Json episodes = Json::array();
  for (const Recording::Episode& episode : recording.episodes) {
    Json one = {{"ends", end_of(episode.results.empty() ? envs::StepResult{} : episode.results.back())},
                {"rewards", of_each_step(episode, [](const envs::StepResult& r) { return r.reward; })},
                {"actions", shortened(episode.actions)},
                {"terms", terms_of(episode)}};
    if (!episode.outlook.q.empty()) one["q"] = shortened(episode.outlook.q);
    if (!episode.outlook.entropy.empty()) one["entropy"] = shortened(episode.outlook.entropy);
    moves.empty() ? add_observations(one, episode) : add_scenes(one, episode, moves);
    episodes.push_back(std::move(one));
  }
  json["episodes"] = std::move(episodes);
  return json;
}

void write_recording(const std::string& path, const Recording& recording, const RecordingInfo& info) {
  const rl::Evaluation& e = info.evaluation;
  Json data = {{"title", info.title},
               {"policy", info.policy},
               {"evaluation",
                {{"episodes", e.returns.size()},
                 {"mean", e.mean()},
                 {"std", e.std()},
                 {"min", e.min()},
                 {"max", e.max()}}},
               {"date", utc_now()},
               {"build", rl::build_info()}};
  data.update(to_json(recording));
  write_file(path, assemble("recording", data));
}

}  // namespace saccade::pages
