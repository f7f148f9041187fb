#include "envs/task_file/task.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "envs/env.h"

namespace saccade::envs {

namespace {

using Json = nlohmann::ordered_json;
using Words = std::vector<std::string>;

constexpr double kLargest = 1e9;  // of all numbers
constexpr std::int64_t kMostFrames = 10'000, kMostSteps = 1'000'000'000, kMostNumbers = 1'000'000;
constexpr std::size_t kMostPieces = 1000, kLongestName = 40;
constexpr const char* kModifiers[] = {"skip", "take", "axes", "minus", "clip", "apply"};

// A value with its place in the file. Every complaint goes through it.
class Node {
 public:
  Node(const Json& json, const std::string& file, std::string path)
      : json_(json), file_(file), path_(std::move(path)) {}

  const Json& json() const { return json_; }
  const std::string& path() const { return path_; }
  bool has(const char* key) const { return json_.contains(key); }
  Node at(const std::string& key) const {
    return {json_.at(key), file_, path_.empty() ? key : path_ + "." + key};
  }
  Node at(std::size_t i) const { return {json_.at(i), file_, fmt::format("{}[{}]", path_, i)}; }

  [[noreturn]] void fail(const std::string& what) const {
    throw FormatError(fmt::format("{}: {}{}", file_, path_.empty() ? "" : printable(path_) + " ", what));
  }
  [[noreturn]] void expected(const std::string& what) const {
    fail(fmt::format("is {}; expected {}", shown(json_), what));
  }

  void check_keys(const Words& allowed) const {
    if (!json_.is_object()) expected("an object with " + join(allowed));
    for (const auto& [key, value] : json_.items()) {
      if (std::count(allowed.begin(), allowed.end(), key) > 0) continue;
      fail(fmt::format("has the unknown key {}{}", shown(key), expected_names(key, allowed)));
    }
  }
  void check_list(const std::string& what) const {
    if (!json_.is_array() || json_.size() > kMostPieces) expected(what);
  }

  std::string text(const std::string& what) const {
    if (!json_.is_string()) expected(what);
    return json_.get<std::string>();
  }
  double number(double low, const std::string& what) const {
    if (!json_.is_number()) expected(what);
    const double value = json_.get<double>();
    if (!(std::abs(value) <= kLargest) || value < low) expected(what);
    return value;
  }
  double number() const { return number(-kLargest, fmt::format("a number of at most {}", kLargest)); }
  std::int64_t count(std::int64_t min, std::int64_t max) const {
    const std::string what = fmt::format("a whole number from {} to {}", min, max);
    if (!json_.is_number_integer()) expected(what);
    const auto value = json_.get<std::int64_t>();
    if (value < min || value > max) expected(what);
    return value;
  }
  std::string choice(const Words& words) const {
    const std::string word = text("one of " + join(words));
    if (std::count(words.begin(), words.end(), word) == 0) expected("one of " + join(words));
    return word;
  }
  Range range() const {
    const std::string what = "[low, high], of which one may be null: no bound";
    const auto is_bound = [](const Json& end) { return end.is_number() || end.is_null(); };
    if (!json_.is_array() || json_.size() != 2 || !is_bound(json_[0]) || !is_bound(json_[1])) expected(what);
    Range range;
    if (json_[0].is_number()) range.low = at(0).number();
    if (json_[1].is_number()) range.high = at(1).number();
    if (range.low >= range.high || (json_[0].is_null() && json_[1].is_null())) expected(what);
    return range;
  }

 private:
  const Json& json_;
  const std::string& file_;
  std::string path_;
};

Words source_names() {
  Words names;
  for (const Source& source : sources()) names.emplace_back(source.name);
  return names;
}

// The one key of an object that is a source; null if there is none.
const Source* find_source(const Node& node) {
  const Source* found = nullptr;
  for (const Source& source : sources()) {
    if (!node.has(source.name)) continue;
    if (found != nullptr) {
      node.fail(fmt::format("has both {} and {}; expected one of them", found->name, source.name));
    }
    found = &source;
  }
  return found;
}

Words read_names(const Node& node, const char* of) {
  const std::string what = fmt::format("\"all\", the name of a {0}, or a list of such names", of);
  if (node.json().is_string()) {
    const std::string name = node.text(what);
    return name == "all" ? Words() : Words{name};
  }
  node.check_list(what);
  if (node.json().empty()) node.expected(what);
  Words names;
  for (std::size_t i = 0; i < node.json().size(); ++i) {
    names.push_back(node.at(i).text(fmt::format("the name of a {}", of)));
  }
  return names;
}

Apply read_apply(const Node& node) {
  const std::vector<std::pair<std::string, Apply>> all = {{"abs", Apply::abs},
                                                          {"square", Apply::square},
                                                          {"sin", Apply::sin},
                                                          {"cos", Apply::cos},
                                                          {"norm", Apply::norm}};
  Words words;
  for (const auto& [word, apply] : all) words.push_back(word);
  const std::string given = node.choice(words);
  return std::find_if(all.begin(), all.end(), [&](const auto& pair) { return pair.first == given; })->second;
}

// An object with one source, its modifiers, and what else it may have there.
Quantity read_quantity(const Node& node, Words others, bool may_be_constant = false) {
  Words allowed = source_names();
  allowed.insert(allowed.end(), std::begin(kModifiers), std::end(kModifiers));
  allowed.insert(allowed.end(), others.begin(), others.end());
  node.check_keys(allowed);
  Quantity q = {
      .path = node.path(), .text = shown(node.json(), 200), .source = find_source(node), .names = {}};
  if (q.source == nullptr) {
    if (!may_be_constant) node.fail("names no quantity; expected one of " + join(source_names()));
    for (const char* key : kModifiers) {
      if (node.has(key)) node.at(key).fail("has nothing to work on; expected one of " + join(source_names()));
    }
    return q;
  }
  q.names = read_names(node.at(q.source->name), name_of(q.source->of));
  if (node.has("skip")) q.skip = static_cast<std::size_t>(node.at("skip").count(0, kMostNumbers));
  if (node.has("take")) q.take = static_cast<std::size_t>(node.at("take").count(1, kMostNumbers));
  if (node.has("axes")) {
    if (q.source->width != 3) {
      node.at("axes").fail(fmt::format("is for points, and {} is none", q.source->name));
    }
    q.axes = node.at("axes").choice({"x", "y", "z", "xy", "xz", "yz", "xyz"});
  }
  if (node.has("minus")) {
    const Node minus = node.at("minus");
    if (minus.json().is_string()) {
      q.minus_name = minus.text("a name");
    } else if (minus.json().is_number()) {
      q.minus = minus.number();
    } else {
      minus.expected(fmt::format("a number, or the name of a {}", name_of(q.source->of)));
    }
  }
  if (node.has("clip")) q.clip = node.at("clip").range();
  if (node.has("apply")) q.apply = read_apply(node.at("apply"));
  return q;
}

PaidTerm read_term(const Node& node, const std::string& name) {
  const bool is_plain = !name.empty() && name.size() <= kLongestName && printable(name) == name;
  if (!is_plain) node.fail(fmt::format("is no name of a term; expected 1 to {} letters", kLongestName));
  PaidTerm term = {.name = name, .quantity = {}};
  if (node.json().is_number()) {
    term.weight = node.number();
    term.quantity = {.path = node.path(), .text = shown(node.json()), .names = {}};
    return term;
  }
  if (!node.json().is_object()) node.expected("a number, or an object with a quantity and its weight");
  term.quantity = read_quantity(node, {"weight", "when", "rate"}, true);
  if (node.has("weight")) {
    term.weight = node.at("weight").number();
  } else if (term.quantity.source == nullptr) {
    node.fail("has neither a quantity nor a weight; expected one of " + join(source_names()) + ", or weight");
  }
  if (node.has("when")) {
    const bool healthy = node.at("when").choice({"healthy", "terminated"}) == "healthy";
    term.when = healthy ? PaidTerm::When::healthy : PaidTerm::When::terminated;
  }
  if (node.has("rate")) {
    if (!node.at("rate").json().is_boolean()) node.at("rate").expected("true or false");
    if (term.quantity.source == nullptr) node.at("rate").fail("has no quantity to be the rate of");
    term.quantity.rate = node.at("rate").json().get<bool>();
  }
  return term;
}

StartNoise read_noise(const Node& node) {
  const Words allowed = {"qpos", "qvel", "skip", "take", "uniform", "normal"};
  node.check_keys(allowed);
  StartNoise noise = {.quantity = read_quantity(node, {"uniform", "normal"})};
  if (node.has("uniform") == node.has("normal")) node.fail("needs either uniform or normal");
  if (node.has("normal")) {
    noise.normal = true;
    noise.deviation = node.at("normal").number(0, "a standard deviation of at least 0");
  } else if (node.at("uniform").json().is_number()) {
    noise.high = node.at("uniform").number(0, "a number of at least 0, or [low, high]");
    noise.low = -noise.high;
  } else {
    const Range range = node.at("uniform").range();
    noise.low = range.low;
    noise.high = range.high;
    if (std::isinf(noise.low) || std::isinf(noise.high)) node.at("uniform").expected("two numbers");
  }
  return noise;
}

void read_reset(const Node& node, WrittenTask& task) {
  node.check_keys({"keyframe", "noise"});
  if (node.has("keyframe")) {
    task.keyframe = node.at("keyframe").text("the name of a keyframe");
    if (task.keyframe.empty()) node.at("keyframe").expected("the name of a keyframe");
  }
  if (!node.has("noise")) return;
  const Node list = node.at("noise");
  list.check_list("a list of objects such as {\"qpos\": \"all\", \"uniform\": 0.1}");
  for (std::size_t i = 0; i < list.json().size(); ++i) task.noise.push_back(read_noise(list.at(i)));
}

}  // namespace

const std::vector<Source>& sources() {
  using enum Source::Of;
  static const std::vector<Source> all = {{"qpos", joint, 0},          {"qvel", joint, 0},
                                          {"qfrc_actuator", joint, 0}, {"qfrc_constraint", joint, 0},
                                          {"ctrl", actuator, 1},       {"actuator_force", actuator, 1},
                                          {"sensordata", sensor, 0},   {"xpos", body, 3},
                                          {"xipos", body, 3},          {"xquat", body, 4},
                                          {"subtree_com", body, 3},    {"cvel", body, 6},
                                          {"cinert", body, 10},        {"cfrc_ext", body, 6},
                                          {"site_xpos", site, 3}};
  return all;
}

const char* name_of(Source::Of of) {
  constexpr const char* names[] = {"joint", "actuator", "sensor", "body", "site"};
  return names[static_cast<std::size_t>(of)];
}

WrittenTask read_task(const Json& json, const std::string& source) {
  const Node file(json, source, "");
  file.check_keys({"model", "frame_skip", "max_episode_steps", "reward_threshold", "observation", "reward",
                   "termination", "reset"});
  for (const char* key : {"model", "frame_skip", "observation", "reward"}) {
    if (!file.has(key)) file.fail(fmt::format("\"{}\" is missing", key));
  }
  WrittenTask task;
  task.model = file.at("model").text("the path of an MJCF file");
  if (task.model.empty() || printable(task.model) != task.model) {
    file.at("model").expected("the path of an MJCF file");
  }
  task.frame_skip = file.at("frame_skip").count(1, kMostFrames);
  if (file.has("max_episode_steps")) {
    task.max_episode_steps = file.at("max_episode_steps").count(1, kMostSteps);
  }
  if (file.has("reward_threshold")) task.reward_threshold = file.at("reward_threshold").number();

  const Node observation = file.at("observation");
  observation.check_list("a list of objects such as {\"qpos\": \"all\"}");
  if (observation.json().empty()) observation.expected("at least one quantity");
  for (std::size_t i = 0; i < observation.json().size(); ++i) {
    task.observation.push_back(read_quantity(observation.at(i), {}));
  }

  const Node reward = file.at("reward");
  constexpr std::size_t kMostTerms = std::tuple_size_v<decltype(StepResult::terms)>;
  if (!reward.json().is_object() || reward.json().empty() || reward.json().size() > kMostTerms) {
    reward.expected(fmt::format("an object of 1 to {} named terms", kMostTerms));
  }
  for (const auto& [name, term] : reward.json().items()) {
    task.reward.push_back(read_term(reward.at(name), name));
  }

  if (file.has("termination")) {
    const Node termination = file.at("termination");
    termination.check_list("a list of objects such as {\"qpos\": \"pitch\", \"healthy\": [-0.2, 0.2]}");
    for (std::size_t i = 0; i < termination.json().size(); ++i) {
      const Node one = termination.at(i);
      const Quantity quantity = read_quantity(one, {"healthy"});
      if (!one.has("healthy")) one.fail("has no healthy range; expected \"healthy\": [low, high]");
      task.termination.push_back({quantity, one.at("healthy").range()});
    }
  }
  if (file.has("reset")) read_reset(file.at("reset"), task);
  return task;
}

std::string expected_names(std::string_view word, const Words& names) {
  constexpr std::size_t kMost = 12;
  if (names.empty()) return "; it has none with a name";
  const std::string near = nearest(word, names);
  Words first;
  for (std::size_t i = 0; i < std::min(kMost, names.size()); ++i) first.push_back(printable(names[i]));
  const std::string list =
      names.size() > kMost ? fmt::format("{}, ... ({} in all)", join(first), names.size()) : join(first);
  const char* are = names.size() == 1 ? "is" : "are";
  if (near.empty()) return fmt::format("; there {} {}", are, list);
  return fmt::format("; did you mean \"{}\"? There {} {}", printable(near), are, list);
}

}  // namespace saccade::envs
