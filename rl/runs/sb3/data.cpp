#include "rl/runs/sb3/data.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <variant>

#include "base/base64.h"
#include "base/text.h"
#include "envs/registry.h"
#include "nn/formats/pickle.h"

namespace saccade::rl::sb3 {

std::vector<double> numbers_in(const Json& value) {
  std::string text = value.is_string() ? value.get<std::string>() : dumped(value);
  for (char& c : text) {
    if (std::string_view("[](),").find(c) != std::string_view::npos) c = ' ';
  }
  std::vector<double> numbers;
  for (const char* at = text.c_str(); *at != '\0';) {
    char* end = nullptr;
    const double x = std::strtod(at, &end);
    if (end == at) break;
    numbers.push_back(std::abs(x) > 1e30 ? std::copysign(HUGE_VAL, x)
                                         : x);  // older versions have float's largest
    at = end;
  }
  return numbers;
}

Data::Data(std::string_view text, std::string source)
    : source_(std::move(source)), json_(parse_json(text, source_)) {
  if (!json_.is_object()) fail(source_, "is {}, expected an object", json_.type_name());
}

// TrainFreq(4, TrainFrequencyUnit("step")), which JSON cannot say; older files have a number or a pair.
Frequency train_frequency(const Data& data) {
  const Json& value = data["train_freq"];
  if (value.is_number_integer()) return {.steps = value.get<std::int64_t>()};
  if (value.is_array() && value.size() == 2 && value[0].is_number_integer() && value[1].is_string())
    return {.steps = value[0].get<std::int64_t>(), .of_episodes = value[1] == "episode"};
  const std::string source = data.source() + ": train_freq";
  const std::optional<std::string> bytes = from_base64(data.text("train_freq", ":serialized:"));
  if (!value.is_object() || !bytes) fail(source, "is {}, expected TrainFreq", shown(value));
  const std::string module = "stable_baselines3.common.type_aliases.";
  const nn::Pickle pickle(*bytes, source, {module + "TrainFreq", module + "TrainFrequencyUnit"});
  const auto is_call = [&](nn::Pickle::Id id, const char* name) {
    return pickle[id].kind == nn::Pickle::Kind::call && pickle[id].text == module + name;
  };
  const auto* pair = is_call(pickle.root(), "TrainFreq") ? pickle.tuple(pickle.root(), 2) : nullptr;
  const auto* unit =
      pair != nullptr && is_call((*pair)[1], "TrainFrequencyUnit") ? pickle.tuple((*pair)[1], 1) : nullptr;
  if (unit == nullptr || pickle[pair->front()].kind != nn::Pickle::Kind::integer)
    fail(source, "is no TrainFreq");
  return {.steps = pickle[pair->front()].integer, .of_episodes = pickle[unit->front()].text == "episode"};
}

namespace {

// ---- spaces, and the environment that has them ----

struct FileSpace {
  std::optional<std::int64_t> choices;  // of a Discrete
  std::size_t size = 1;                 // of a Box
  std::vector<double> low, high;        // empty where the file does not show them all
};

FileSpace space_of(const Data& data, const char* key) {
  const std::string type = data.text(key, ":type:");
  const auto first = [&](const char* member) {
    const std::vector<double> numbers = numbers_in(data.text(key, member));
    return numbers.empty() ? -1 : numbers[0];
  };
  FileSpace space;
  if (type.ends_with(".Discrete'>")) {
    if (first("start") > 0 || !(first("n") >= 1 && first("n") < 1e6))
      fail(data.source(), "{} does not count from 0 to n - 1", key);
    space.choices = static_cast<std::int64_t>(first("n"));
    return space;
  }
  if (!type.ends_with(".Box'>"))
    fail(data.source(), "{} is {}, expected a Box or Discrete", key, shown(type));
  const std::string shape = data.text(key, data.text(key, "_shape").empty() ? "shape" : "_shape");
  const std::vector<double> sizes = numbers_in(shape);
  if (sizes.size() != 1 || !(sizes[0] >= 1 && sizes[0] < 1e6))
    fail(data.source(), "{} is a Box of shape {}, expected one dimension", key,
         printable(shape.substr(0, 80)));
  space.size = static_cast<std::size_t>(sizes[0]);
  space.low = numbers_in(data.text(key, "low"));
  space.high = numbers_in(data.text(key, "high"));
  if (space.low.size() != space.size || space.high.size() != space.size)
    space.low.clear(), space.high.clear();
  return space;
}

// The file shows eight digits.
bool same_bounds(const std::vector<double>& a, const std::vector<double>& b) {
  return a.empty() || std::equal(a.begin(), a.end(), b.begin(), b.end(), [](double x, double y) {
           return x == y || std::abs(x - y) <= 1e-5 * std::max(std::abs(x), std::abs(y));
         });
}

bool fits(const FileSpace& space, const envs::Space& ours, bool with_bounds) {
  if (const auto* choices = std::get_if<envs::Discrete>(&ours)) return space.choices == choices->n;
  const auto& box = std::get<envs::Box>(ours);
  if (space.choices || space.size != box.low.size()) return false;
  return !with_bounds || (same_bounds(space.low, box.low) && same_bounds(space.high, box.high));
}

std::string described(const FileSpace& space) {
  if (space.choices) return fmt::format("{} choices", *space.choices);
  std::string text = fmt::format("{} number{}", space.size, space.size == 1 ? "" : "s");
  if (space.low.empty() || space.size > 4) return text;
  return text + fmt::format(" from [{}] to [{}]", fmt::join(space.low, ", "), fmt::join(space.high, ", "));
}

std::string described(const envs::Space& space) {
  if (const auto* choices = std::get_if<envs::Discrete>(&space))
    return described(FileSpace{choices->n, 1, {}, {}});
  const auto& box = std::get<envs::Box>(space);
  return described(FileSpace{{}, box.low.size(), box.low, box.high});
}

}  // namespace

std::string environment(const Data& data, const std::string& path, const std::string& asked) {
  const FileSpace obs = space_of(data, "observation_space"), action = space_of(data, "action_space");
  if (!asked.empty()) {
    const std::string id = envs::canonical_id(asked);
    const envs::Spec spec = envs::make(id)->spec();
    if (!fits(obs, spec.observation_space, false)) {
      throw ConfigError(fmt::format("--env: {} observes {}, but the agent in {} observes {}", id,
                                    described(spec.observation_space), path, described(obs)));
    }
    if (!fits(action, spec.action_space, true)) {
      throw ConfigError(fmt::format("--env: {} takes {} for an action, but the agent in {} gives {}", id,
                                    described(spec.action_space), path, described(action)));
    }
    return id;
  }
  std::vector<std::string> found;
  for (const std::string& id : envs::ids()) {
    try {
      const envs::Spec spec = envs::make(id)->spec();
      if (fits(obs, spec.observation_space, true) && fits(action, spec.action_space, true))
        found.push_back(id);
    } catch (const FormatError&) {  // its model is not to be had here
    }
  }
  if (found.size() == 1) return found[0];
  throw ConfigError(
      fmt::format("{} does not name its environment, which observes {} and takes {}: {}; --env ID says which",
                  path, described(obs), described(action),
                  found.empty() ? "none here has these spaces" : "these have such spaces: " + listed(found)));
}

}  // namespace saccade::rl::sb3
