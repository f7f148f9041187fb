#include "rl/runs/guest.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "rl/components/action_scale.h"

namespace saccade::rl {

namespace {

using Json = nlohmann::ordered_json;
constexpr std::size_t kMostNumbers = 1 << 20, kMostDimensions = 32;

Json bounds_to_json(const std::vector<double>& bounds) {
  Json json = Json::array();
  for (const double x : bounds) json.push_back(std::isfinite(x) ? Json(x) : Json(nullptr));
  return json;
}

Json space_to_json(const envs::Space& space) {
  if (const auto* discrete = std::get_if<envs::Discrete>(&space)) {
    return {{"n", discrete->n}, {"start", discrete->start}};
  }
  const auto& box = std::get<envs::Box>(space);
  Json json = {{"low", bounds_to_json(box.low)}, {"high", bounds_to_json(box.high)}};
  if (!box.shape.empty()) json["shape"] = box.shape;
  return json;
}

std::vector<double> bounds_from_json(const Json& json, double infinite) {
  std::vector<double> bounds;
  for (const Json& x : json) bounds.push_back(x.is_null() ? infinite : x.get<double>());
  return bounds;
}

envs::Space space_from_json(const Json& json, const std::string& where) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (json.contains("n")) {
    const auto n = count_of(json, "n", where);
    if (n < 1) throw FormatError(fmt::format("{}: n is {}, expected at least 1", where, n));
    return envs::Discrete{n, whole_number(json.at("start"), where + ": start")};
  }
  const Json &low = json.at("low"), &high = json.at("high");
  if (!low.is_array() || !high.is_array() || low.empty() || low.size() != high.size() ||
      low.size() > kMostNumbers) {
    throw FormatError(
        fmt::format("{}: low and high are {} and {}, expected two lists of as many numbers, 1 to {}", where,
                    shown(low), shown(high), kMostNumbers));
  }
  envs::Box box{bounds_from_json(low, -kInfinity), bounds_from_json(high, kInfinity)};
  for (std::size_t i = 0; i < box.low.size(); ++i) {
    if (box.low[i] <= box.high[i]) continue;
    throw FormatError(fmt::format("{}: low[{}] is {} and high[{}] {}", where, i, box.low[i], i, box.high[i]));
  }
  if (json.contains("shape")) {
    for (const Json& size : json.at("shape")) box.shape.push_back(whole_number(size, where + ": shape"));
    double numbers = 1;
    for (const std::int64_t size : box.shape) numbers *= static_cast<double>(size);
    if (box.shape.size() > kMostDimensions || numbers != static_cast<double>(box.low.size())) {
      throw FormatError(fmt::format("{}: shape is {}, expected one of {} numbers", where,
                                    shown(json.at("shape")), box.low.size()));
    }
  }
  return box;
}

}  // namespace

Json guest_to_json(const envs::Spec& spec) {
  return {{"observation_space", space_to_json(spec.observation_space)},
          {"action_space", space_to_json(spec.action_space)},
          {"max_episode_steps", spec.max_episode_steps},
          {"reward_threshold", spec.reward_threshold ? Json(*spec.reward_threshold) : Json(nullptr)}};
}

envs::Spec guest_from_json(const Json& json, const std::string& id, const std::string& path) {
  const std::string where = path + ": environment";
  try {
    envs::Spec spec;
    spec.id = id;
    spec.observation_space = space_from_json(json.at("observation_space"), where + ": observation_space");
    spec.action_space = space_from_json(json.at("action_space"), where + ": action_space");
    spec.max_episode_steps = count_of(json, "max_episode_steps", where);
    const Json& threshold = json.at("reward_threshold");
    if (!threshold.is_null()) spec.reward_threshold = threshold.get<double>();
    const ActionScale scale(spec);  // throws for actions without bounds
    return spec;
  } catch (const Json::exception& error) {
    throw FormatError(fmt::format("{} is damaged: {}", where, error.what()));
  } catch (const ConfigError& error) {
    throw FormatError(fmt::format("{}: {}", where, error.what()));
  }
}

}  // namespace saccade::rl
