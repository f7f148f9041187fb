#include "rl/runs/comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "envs/registry.h"
#include "rl/runs/choice.h"
#include "rl/runs/training.h"

namespace saccade::rl {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::int64_t kLargestSeed = 9'000'000'000'000'000;
constexpr std::int64_t kMostRuns = 10'000;
constexpr std::size_t kMostConfigurations = 8;  // as many colours as a page has
constexpr double kLargestThreshold = 1e150;     // as of scores: see statistics.h

[[noreturn]] void fail(const std::string& path, const std::string& what) {
  throw ConfigError(fmt::format("{}: {}", path, what));
}

void check_keys(const std::string& path, const Json& json) {
  static const std::vector<std::string> known = {"tasks", "seeds", "set", "configurations", "thresholds"};
  for (const auto& [key, value] : json.items()) {
    if (std::count(known.begin(), known.end(), key) > 0) continue;
    const std::string near = nearest(key, known);
    fail(path,
         fmt::format("\"{}\" is no key of a comparison; {}", printable(key),
                     near.empty() ? "expected " + join(known) : fmt::format("did you mean \"{}\"?", near)));
  }
  for (const char* key : {"tasks", "seeds", "configurations"}) {
    if (!json.contains(key)) fail(path, fmt::format("\"{}\" is missing", key));
  }
}

// Names with their settings, from a list of names or an object.
std::vector<std::pair<std::string, Json>> named(const std::string& path, const Json& json, const char* key) {
  std::vector<std::pair<std::string, Json>> all;
  const Json& value = json.at(key);
  if (value.is_object()) {
    for (const auto& [name, settings] : value.items()) {
      if (!settings.is_object()) {
        fail(path, fmt::format("{}: {} is {}, expected an object of settings", key, printable(name),
                               shown(settings)));
      }
      all.emplace_back(name, settings);
    }
  } else if (value.is_array()) {
    for (const Json& name : value) {
      if (!name.is_string()) fail(path, fmt::format("{} has {}, expected a name", key, shown(name)));
      all.emplace_back(name.get<std::string>(), Json::object());
    }
  }
  if (all.empty())
    fail(path, fmt::format("{} is {}, expected a list of names, or an object of them", key, shown(value)));
  return all;
}

std::vector<std::int64_t> seeds_of(const std::string& path, const Json& json) {
  const std::string where = path + ": seeds";
  if (json.is_string()) return parse_seeds(where, json.get<std::string>());
  if (!json.is_array() || json.empty())
    fail(path, fmt::format("seeds is {}, expected a list of them, or a text such as \"1..5\"", shown(json)));
  std::string text;
  for (const Json& seed : json) {
    if (!seed.is_number_integer()) fail(path, fmt::format("seeds has {}, expected an integer", shown(seed)));
    text += (text.empty() ? "" : ",") + seed.dump();
  }
  return parse_seeds(where, text);
}

// A name as a folder's: letters, digits, dots and dashes.
std::string folder_name(const std::string& name) {
  std::string folder;
  for (const char c : name) {
    const bool keeps = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '_';
    if (keeps) folder += c;
    if (!keeps && !folder.empty() && folder.back() != '-') folder += '-';
  }
  while (!folder.empty() && folder.back() == '-') folder.pop_back();
  return folder.empty() || folder[0] == '.' ? "_" + folder : folder;
}

// Some disks do not tell large letters from small ones.
std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

void check_folders(const std::string& path, const char* what, const std::vector<std::string>& names) {
  constexpr std::size_t kLongest = 100;
  std::set<std::string> folders;
  for (const std::string& name : names) {
    if (name.empty()) fail(path, fmt::format("{}: \"\" given, expected a name", what));
    if (name.size() > kLongest)
      fail(path, fmt::format("{}: {} is longer than {} bytes", what, printable(name), kLongest));
    if (!folders.insert(lower(folder_name(name))).second) {
      fail(path,
           fmt::format("{}: two are called {} but for signs, spaces and capitals", what, printable(name)));
    }
  }
}

// What a comparison says itself: of a run's own keys, its task and seed.
void check_settings(const std::string& where, const Json& settings) {
  for (const auto& [key, instead] :
       {std::pair("env", "it is the task"), std::pair("seed", "seeds are those of \"seeds\"")}) {
    if (settings.contains(key))
      throw ConfigError(fmt::format("{}: {} cannot be set: {}", where, key, instead));
  }
}

// Settings over those that there are. The algorithm has been chosen before, with its preset.
void take(Config& config, Json settings, const std::string& where) {
  check_settings(where, settings);
  settings.erase("algorithm");
  update_from_json(config, settings, where);
}

// A configuration that is called as an algorithm is, "td3" or "Discrete SAC", is of that algorithm unless it
// says otherwise itself. A list has names of algorithms only: nothing else would tell its configurations
// apart.
void add_algorithms(const std::string& path, std::vector<std::pair<std::string, Json>>& configurations,
                    bool is_list) {
  const std::vector<std::string> algorithms = algorithm_names();
  std::set<std::string> listed;
  for (auto& [name, settings] : configurations) {
    std::string called = lower(name);
    for (char& c : called) c = c == ' ' || c == '-' ? '_' : c;
    const bool is_algorithm = std::count(algorithms.begin(), algorithms.end(), called) > 0;
    if (is_algorithm && !settings.contains("algorithm")) settings["algorithm"] = called;
    if (!is_list) continue;
    if (!is_algorithm) {
      fail(path, fmt::format("configurations: {} is no algorithm; expected some of {}, or an object of names "
                             "with their settings",
                             printable(name), join(algorithms)));
    }
    if (!listed.insert(called).second) fail(path, fmt::format("configurations: {} is there twice", called));
  }
}

// The closest of the three that names one.
std::string algorithm_of(const std::string& path, const std::vector<const Json*>& closest_first) {
  for (const Json* settings : closest_first) {
    if (!settings->contains("algorithm")) continue;
    const Json& name = settings->at("algorithm");
    if (!name.is_string()) fail(path, fmt::format("algorithm is {}, expected a name", shown(name)));
    return name.get<std::string>();
  }
  return "";
}

// An error of what is made of a task and a configuration, with their names.
template <class F>
auto named_as(const std::string& where, const F& make) {
  try {
    return make();
  } catch (const ConfigError& error) {
    throw ConfigError(where + ": " + error.what());
  }
}

}  // namespace

std::vector<std::int64_t> parse_seeds(const std::string& flag, const std::string& text) {
  const auto seed_of = [&](const std::string& part) {
    try {
      return parse_integer(flag, part, 0, kLargestSeed);
    } catch (const ConfigError&) {
      throw ConfigError(
          fmt::format("{}: '{}' given; expected seeds such as 1..5 or 1,2,7, integers from 0 to {}", flag,
                      printable(text), kLargestSeed));
    }
  };
  std::vector<std::int64_t> seeds;
  if (const std::size_t dots = text.find(".."); dots != text.npos) {
    const std::int64_t first = seed_of(text.substr(0, dots)), last = seed_of(text.substr(dots + 2));
    if (last < first)
      throw ConfigError(fmt::format("{}: '{}' given; expected the lower seed first", flag, text));
    if (last - first >= kMostRuns) {
      throw ConfigError(fmt::format("{}: '{}' given, {} seeds; expected at most {}", flag, text,
                                    last - first + 1, kMostRuns));
    }
    for (std::int64_t seed = first; seed <= last; ++seed) seeds.push_back(seed);
    return seeds;
  }
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    seeds.push_back(seed_of(text.substr(at, comma - at)));
    if (std::count(seeds.begin(), seeds.end(), seeds.back()) > 1) {
      throw ConfigError(fmt::format("{}: {} is there twice", flag, seeds.back()));
    }
    at = comma + 1;
  }
  return seeds;
}

Comparison read_comparison(const std::string& path, const std::string& out) {
  const Json json = read_json(path, {.comments = true});
  if (!json.is_object()) fail(path, fmt::format("is {}, expected an object", shown(json)));
  check_keys(path, json);
  Comparison comparison;
  comparison.seeds = seeds_of(path, json.at("seeds"));
  const auto tasks = named(path, json, "tasks");
  auto configurations = named(path, json, "configurations");
  if (configurations.size() > kMostConfigurations) {
    fail(path, fmt::format("configurations has {}, expected at most {}", configurations.size(),
                           kMostConfigurations));
  }
  for (const auto& [name, settings] : tasks) comparison.tasks.push_back(name);
  for (const auto& [name, settings] : configurations) comparison.configurations.push_back(name);
  check_folders(path, "tasks", comparison.tasks);
  check_folders(path, "configurations", comparison.configurations);
  add_algorithms(path, configurations, json.at("configurations").is_array());
  if (tasks.size() * configurations.size() * comparison.seeds.size() > static_cast<std::size_t>(kMostRuns)) {
    fail(path, fmt::format("asks for more than {} runs", kMostRuns));
  }
  const Json of_all = json.value("set", Json::object());
  if (!of_all.is_object())
    fail(path, fmt::format("set is {}, expected an object of settings", shown(of_all)));
  const Json thresholds = json.value("thresholds", Json::object());
  if (!thresholds.is_object())
    fail(path, fmt::format("thresholds is {}, expected an object of returns by task", shown(thresholds)));
  for (const auto& [task, threshold] : thresholds.items()) {
    if (std::count(comparison.tasks.begin(), comparison.tasks.end(), task) == 0) {
      fail(path, fmt::format("thresholds: {} is none of the tasks", printable(task)));
    }
    if (!threshold.is_number() || !(std::abs(threshold.get<double>()) <= kLargestThreshold)) {
      fail(path, fmt::format("thresholds: {} is {}, expected a number of at most {:g} in size",
                             printable(task), shown(threshold), kLargestThreshold));
    }
    comparison.thresholds[task] = threshold.get<double>();
  }
  for (const std::int64_t seed : comparison.seeds) {
    for (const auto& [task_name, of_task] : tasks) {
      for (const auto& [name, own] : configurations) {
        const std::string& task = task_name;  // Clang 14 captures no structured binding
        const std::string of_own = fmt::format("{}: {}", path, printable(name));
        const std::string algorithm = algorithm_of(of_own, {&own, &of_task, &of_all});
        const std::string where = fmt::format("{} on {}", of_own, printable(task));
        ComparedRun run = {
            .task = task,
            .configuration = name,
            .info = named_as(
                where, [&] { return choose({.name = task, .algorithm = algorithm, .config_file = ""}); }),
            .folder =
                (fs::path(out) / folder_name(task) / folder_name(name) / fmt::format("{}", seed)).string()};
        take(run.info.config, of_all, path + ": set");
        take(run.info.config, of_task, fmt::format("{}: {}", path, printable(task)));
        take(run.info.config, own, of_own);
        run.info.config.run.seed = seed;
        if (run.info.config.run.final_eval_episodes == 0) {
          throw ConfigError(where + ": final_eval_episodes is 0, expected some, whose returns are compared");
        }
        if (seed == comparison.seeds.front()) {
          const auto env = make_env(run.info.config.run.env);
          named_as(where, [&] { return make_agent(run.info.config); });  // throws where they do not fit
          const auto own_threshold = env->spec().reward_threshold;
          if (own_threshold) comparison.thresholds.try_emplace(task, *own_threshold);
        }
        comparison.runs.push_back(std::move(run));
      }
    }
  }
  return comparison;
}

Comparison comparison_of(const RunInfo& info, const std::vector<std::int64_t>& seeds,
                         const std::string& out) {
  const std::string name = info.config.algorithm().name, task = envs::name_elsewhere(info.name());
  Comparison comparison = {
      .tasks = {task}, .configurations = {name}, .seeds = seeds, .thresholds = {}, .runs = {}};
  const auto threshold = make_env(info.config.run.env)->spec().reward_threshold;
  if (threshold) comparison.thresholds[task] = *threshold;
  for (const std::int64_t seed : seeds) {
    ComparedRun run = {task, name, info,
                       (fs::path(out) / folder_name(task) / name / fmt::format("{}", seed)).string()};
    run.info.config.run.seed = seed;
    comparison.runs.push_back(std::move(run));
  }
  return comparison;
}

RunStage stage_of(const ComparedRun& run) {
  if (!fs::exists(run_file(run.folder, "config.json"))) return RunStage::none;
  const RunInfo there = read_run_info(run.folder);
  const Json was = to_json(there.config), now = to_json(run.info.config);
  bool goes_on = false;
  for (const auto& [key, value] : now.items()) {
    if (was.contains(key) && was.at(key) == value) continue;
    if (key == "steps" && was.at(key) < value) {
      goes_on = true;
      continue;
    }
    throw ConfigError(
        fmt::format("{}: was made with {} {}, but {} is asked for; delete it, or compare in another folder",
                    run.folder, key, was.contains(key) ? shown(was.at(key)) : "none", shown(value)));
  }
  const bool ended = fs::exists(run_file(run.folder, "summary.json"));
  if (ended && !goes_on) return RunStage::done;
  if (fs::exists(run_file(run.folder, "checkpoint"))) return RunStage::begun;
  if (ended) {
    throw ConfigError(
        fmt::format("{}: ended at step {}, and has no checkpoint to go on from to {}; delete it, or compare "
                    "in another folder",
                    run.folder, there.config.run.steps, run.info.config.run.steps));
  }
  return RunStage::none;
}

}  // namespace saccade::rl
