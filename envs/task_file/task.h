// A task written down as JSON: what of a MuJoCo model is observed, what is paid for, when an episode ends and
// how it starts. Names of bodies, joints and so on are only looked up when there is a model.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "envs/spaces.h"

namespace saccade::envs {

/// One of mjData's arrays of numbers, by MuJoCo's name, and what its numbers belong to.
struct Source {
  enum class Of { joint, actuator, sensor, body, site };
  const char* name;
  Of of;
  std::size_t width;  // numbers of each; 0 where that depends on its kind
};
const std::vector<Source>& sources();
const char* name_of(Source::Of of);  // "joint"

enum class Apply { none, abs, square, sin, cos, norm };

/// Some numbers of a simulation:
///
///     numbers = apply(clip(source - minus)), or, for the rate, apply(clip(d(source - minus) / dt))
///
/// elementwise, but for the norm, which makes one number of all. dt is a step of the task.
struct Quantity {
  std::string path;                // in the file: "reward.forward"
  std::string text;                // as JSON
  const Source* source = nullptr;  // null for the number 1
  std::vector<std::string> names;  // whose numbers; empty for the whole array
  std::size_t skip = 0;            // leave out so many of these first
  std::optional<std::size_t> take = {};
  std::string axes = {};  // of points: which of "xyz"; empty for all
  std::optional<std::string> minus_name = {};
  double minus = 0;
  Range clip = {};
  Apply apply = Apply::none;
  bool rate = false;
};

/// weight x (the sum of the quantity's numbers), or 0 where `when` is not so.
struct PaidTerm {
  enum class When { always, healthy, terminated };
  std::string name;
  Quantity quantity;
  double weight = 1;
  When when = When::always;
};

/// Healthy while all of its numbers lie in the range, ends included.
struct HealthyRange {
  Quantity quantity;
  Range range;
};

/// Added to coordinates at the start of an episode: uniform on [low, high), or normal with a deviation.
struct StartNoise {
  Quantity quantity;  // of qpos or qvel
  bool normal = false;
  double low = 0, high = 0;
  double deviation = 0;
};

struct WrittenTask {
  std::string model;  // path of the MJCF file, from the folder of the JSON file
  std::int64_t frame_skip = 1;
  std::int64_t max_episode_steps = 1000;
  std::optional<double> reward_threshold;
  std::vector<Quantity> observation;
  std::vector<PaidTerm> reward;
  std::vector<HealthyRange> termination;
  std::string keyframe;  // "" for the model's initial position
  std::vector<StartNoise> noise;
};

/// Throws FormatError, naming `source` and the place in it, what was given and what was expected.
WrittenTask read_task(const nlohmann::ordered_json& json, const std::string& source);

/// "torso, head, ... (12 in all)", and a guess at what a misspelt word was meant to be: the end of an error.
std::string expected_names(std::string_view word, const std::vector<std::string>& names);

}  // namespace saccade::envs
