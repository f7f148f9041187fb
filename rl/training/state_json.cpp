#include "rl/training/state_json.h"

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "base/json.h"

namespace saccade::rl {

using Json = nlohmann::ordered_json;

namespace {

Json to_json(const Rng& rng) { return {rng.state().key, rng.state().counter}; }
void from_json(const Json& json, Rng& rng) {
  const char* const what = "state.json: a random stream's state";
  rng.set_state({bits_of(json.at(0), what), bits_of(json.at(1), what)});
}

// {"critic_loss": [sum, count], ...}
Json to_json(const MetricMeans& metrics) {
  Json json = Json::object();
  for (const MetricMeans::Entry& entry : metrics.entries()) json[entry.name] = {entry.sum, entry.count};
  return json;
}
void from_json(const Json& json, MetricMeans& metrics) {
  std::vector<MetricMeans::Entry> entries;
  for (const auto& [name, value] : json.items()) {
    entries.push_back({name, value.at(0), whole_number(value.at(1), "state.json: a metric's count")});
  }
  metrics.set_entries(std::move(entries));
}

Json to_json(const EnvCopy& c) {
  return {{"rng", to_json(c.rng)},
          {"state", c.state},
          {"in_episode", c.in_episode},
          {"episode_return", c.episode_return},
          {"episode_length", c.episode_length},
          {"episode_updates", c.episode_updates},
          {"metrics", to_json(c.metrics)}};
}

std::int64_t count(const Json& json, const char* key) { return count_of(json, key, "state.json"); }

void from_json(const Json& json, EnvCopy& c) {
  from_json(json.at("rng"), c.rng);
  c.state = json.at("state").get<std::vector<double>>();
  c.in_episode = json.at("in_episode");
  c.episode_return = json.at("episode_return");
  c.episode_length = count(json, "episode_length");
  c.episode_updates = count(json, "episode_updates");
  from_json(json.at("metrics"), c.metrics);
}

}  // namespace

Json state_json(const TrainState& s) {
  Json copies = Json::array();
  for (const EnvCopy& copy : s.copies) copies.push_back(to_json(copy));
  return {{"step", s.step},
          {"episodes", s.episodes},
          {"updates", s.updates},
          {"divergences", s.divergences},
          {"evaluation_due", s.evaluation_due},
          {"copies", copies},
          {"action_rng", to_json(s.action_rng)},
          {"sample_rng", to_json(s.sample_rng)},
          {"noise_rng", to_json(s.noise_rng)},
          {"exploration", s.exploration},
          {"n_step", s.n_step}};
}

void read_state(const Json& json, TrainState& s) {
  s.step = count(json, "step");
  s.episodes = count(json, "episodes");
  s.updates = count(json, "updates");
  s.divergences = count(json, "divergences");
  s.evaluation_due = json.at("evaluation_due");
  s.copies.clear();
  for (const Json& copy : json.at("copies")) from_json(copy, s.copies.emplace_back());
  from_json(json.at("action_rng"), s.action_rng);
  from_json(json.at("sample_rng"), s.sample_rng);
  from_json(json.at("noise_rng"), s.noise_rng);
  s.exploration = json.at("exploration").get<std::vector<double>>();
  s.n_step = json.value("n_step", std::vector<double>());  // older checkpoints have none
}

}  // namespace saccade::rl
