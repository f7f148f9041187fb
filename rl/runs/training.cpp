#include "rl/runs/training.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <new>
#include <utility>

#include "autograd/kernels/table.h"
#include "base/threads.h"
#include "base/error.h"
#include "envs/registry.h"
#include "rl/training/checkpoint.h"
#include "rl/components/collector.h"
#include "tools/cli/text.h"
#include "rl/runs/build_info.h"

namespace saccade::tools {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

namespace {

constexpr const char* kEpisodes = "progress.csv";
constexpr const char* kEvaluations = "eval.csv";
constexpr const char* kEpisodesHeader =
    "step,episode,updates,return,length,terminated,critic_loss,actor_loss,alpha_loss,alpha,entropy,q,"
    "seconds,steps_per_second,updates_per_second";
constexpr const char* kEvaluationsHeader = "step,mean,std,min,max,episodes";

Rng root(std::int64_t seed) { return Rng(static_cast<std::uint64_t>(seed)); }

rl::EnvFactory factory(const rl::Config& config) {
  return [env = config.env] { return envs::make(env); };
}

envs::Spec spec_of(const rl::Config& config) { return envs::make(config.env)->spec(); }

rl::ReplayBuffer make_buffer(const rl::Config& config) {
  const envs::Spec spec = spec_of(config);
  try {
    return {config.buffer_size, spec.observation.size(), spec.action.size()};
  } catch (const std::bad_alloc&) {
    const std::int64_t row = 4 * (2 * spec.observation.size() + spec.action.size() + 2);
    throw ConfigError(fmt::format(
        "buffer_size is {}: that takes {} bytes, more than there is memory for", config.buffer_size,
        compact(static_cast<double>(config.buffer_size) * static_cast<double>(row))));
  }
}

// A checkpoint goes on with the hyper-parameters that made it, but for the number of steps.
void check_same_config(const std::string& path, const rl::Config& config, const Json& saved) {
  const Json now = rl::to_json(config);
  for (const auto& [key, value] : now.items()) {
    if (key == "steps" || (saved.contains(key) && saved.at(key) == value)) continue;
    throw ConfigError(fmt::format("{}: {} is {}, but the run's checkpoint was made with {}; put that back",
                                  run_file(path, "config.json"), key, value.dump(),
                                  saved.contains(key) ? saved.at(key).dump() : "none"));
  }
}

}  // namespace

Rng evaluation_rng(std::int64_t seed) { return root(seed).split("final evaluation"); }

std::optional<std::string> action_warning(const envs::Spec& spec) {
  constexpr double kWide = 100;
  for (std::size_t i = 0; i < spec.action.low.size(); ++i) {
    const double low = spec.action.low[i], high = spec.action.high[i];
    if (std::max(std::abs(low), std::abs(high)) <= kWide) continue;
    return fmt::format(
        "{}: action[{}] ranges from {} to {}, and the policy's [-1, 1] will be stretched to that: is it "
        "meant?",
        spec.id, i, low, high);
  }
  return std::nullopt;
}

std::optional<double> solved_threshold(const std::string& env) {
  // Pendulum-v1 has no official one: -200 is what a policy gets that swings up at once and stays there, from
  // nearly every start. MountainCarContinuous-v0's is Gymnasium's.
  static const std::pair<const char*, double> thresholds[] = {{"Pendulum-v1", -200},
                                                              {"MountainCarContinuous-v0", 90}};
  for (const auto& [id, threshold] : thresholds) {
    if (env == id) return threshold;
  }
  return std::nullopt;
}

std::optional<std::string> changed_environment(const std::string& run, const RunInfo& info) {
  const std::string now = spec_of(info.config).fingerprint;
  if (info.fingerprint == now || info.fingerprint.empty()) return std::nullopt;
  return fmt::format("{}: the run began with {}, but {} is now made of {}", run, info.fingerprint,
                     info.config.env, now.empty() ? "something else" : now);
}

rl::Sac make_agent(const rl::Config& config) {
  const envs::Spec spec = spec_of(config);
  return {config, spec.observation.size(), spec.action.size(), root(config.seed)};
}

// ---- beginning and going on ----

Training::Training(RunInfo info, std::string path)
    : info_(std::move(info)),
      path_(std::move(path)),
      agent_(make_agent(info_.config)),
      buffer_(make_buffer(info_.config)),
      state_(root(info_.config.seed), info_.config.envs) {
  rl::ActionScale{spec_of(info_.config)};  // throws for an action space without bounds
}

Training Training::begin(const RunInfo& info, const std::string& path) {
  Training training(info, path);
  training.info_.instruction_set = kernels::instruction_set();
  training.info_.fingerprint = spec_of(info.config).fingerprint;
  training.path_ = create_run_folder(path, info);
  try {
    training.write_first_files();
  } catch (...) {
    // The folder was empty.
    for (const fs::directory_entry& entry : fs::directory_iterator(training.path_)) fs::remove_all(entry);
    if (path.empty()) fs::remove(training.path_);
    throw;
  }
  return training;
}

void Training::write_first_files() {
  lock_ = std::make_unique<RunLock>(path_);
  write_run_info(path_, info_);
  episodes_ = std::make_unique<CsvFile>(run_file(path_, kEpisodes), kEpisodesHeader);
  evaluations_ = std::make_unique<CsvFile>(run_file(path_, kEvaluations), kEvaluationsHeader);
  save();  // so that there is one to go on from, whenever it ends
}

Training Training::resume(const std::string& path, std::optional<std::int64_t> steps) {
  RunInfo info = read_run_info(path);
  const bool new_steps = steps && *steps != info.config.steps;
  if (steps) info.config.steps = *steps;
  if (const auto changed = changed_environment(path, info)) throw ConfigError(*changed);
  Training training(info, path);
  training.lock_ = std::make_unique<RunLock>(path);
  const std::string checkpoint = run_file(path, "checkpoint");
  const Json extra = rl::load_checkpoint(checkpoint, training.agent_, training.buffer_, training.state_);
  try {
    check_same_config(path, info.config, extra.at("config"));
    training.seconds_before_ = extra.at("seconds");
    const Json& sizes = extra.at("bytes");
    const auto reopen = [&](const char* name) {
      return std::make_unique<CsvFile>(run_file(path, name), sizes.at(name).get<std::int64_t>());
    };
    training.episodes_ = reopen(kEpisodes);
    training.evaluations_ = reopen(kEvaluations);
  } catch (const Json::exception& error) {
    throw FormatError(fmt::format("{}/state.json: is damaged: {}", checkpoint, error.what()));
  }
  if (static_cast<std::int64_t>(training.state_.copies.size()) != info.config.envs) {
    throw FormatError(fmt::format("{}/state.json: is damaged: copies has {} entries, expected {}", checkpoint,
                                  training.state_.copies.size(), info.config.envs));
  }
  const std::unique_ptr<envs::Env> env = envs::make(info.config.env);
  for (const rl::EnvCopy& copy : training.state_.copies) {
    try {
      if (copy.in_episode) env->set_state(copy.state);
    } catch (const Error& error) {
      throw FormatError(
          fmt::format("{}/state.json: an environment's state is damaged: {}", checkpoint, error.what()));
    }
  }
  if (training.state_.step > rl::last_step(info.config)) {
    throw ConfigError(fmt::format("steps is {}, but {} has done {} already; expected at least that",
                                  info.config.steps, path, training.state_.step));
  }
  // All is well: from here on files change.
  training.episodes_->cut();
  training.evaluations_->cut();
  if (new_steps) write_run_info(path, info);
  if (training.state_.step < info.config.steps) fs::remove(run_file(path, "summary.json"));
  return training;
}

void Training::save() {
  episodes_->sync();
  evaluations_->sync();
  rl::save_checkpoint(run_file(path_, "checkpoint"), agent_, buffer_, state_,
                      {{"config", rl::to_json(info_.config)},
                       {"seconds", seconds()},
                       {"bytes", {{kEpisodes, episodes_->size()}, {kEvaluations, evaluations_->size()}}}});
}

// ---- while it runs ----

double Training::seconds() const {
  return seconds_before_ + std::chrono::duration<double>(Clock::now() - start_).count();
}

void Training::add_episode(const rl::Episode& e) {
  const double now = seconds(), passed = std::max(1e-9, now - row_seconds_);
  const auto per_second = [&](std::int64_t count) { return static_cast<double>(count) / passed; };
  // Without an update there is nothing to say of its losses.
  const rl::UpdateMetrics& m = e.metrics;
  const std::string metrics = e.updates == 0 ? ",,,,,"
                                             : fmt::format("{},{},{},{},{},{}", m.critic_loss, m.actor_loss,
                                                           m.alpha_loss, m.alpha, m.entropy, m.q);
  episodes_->add_row(fmt::format("{},{},{},{},{},{:d},{},{:.3f},{:.1f},{:.1f}", state_.step, e.number,
                                 state_.updates, e.ret, e.length, e.terminated, metrics, now,
                                 per_second(state_.step - row_step_),
                                 per_second(state_.updates - row_updates_)));
  last_return_ = e.ret;
  row_seconds_ = now;
  row_step_ = state_.step;
  row_updates_ = state_.updates;
}

void Training::add_evaluation(const rl::Evaluation& e) {
  evaluations_->add_row(fmt::format("{},{},{},{},{},{}", state_.step, e.mean(), e.std(), e.min(), e.max(),
                                    e.returns.size()));
}

Progress Training::progress(const rl::UpdateMetrics& metrics) const {
  Progress p;
  p.name = info_.name();
  p.step = state_.step;
  p.steps = rl::last_step(info_.config);
  p.episodes = state_.episodes;
  p.ret = last_return_;
  p.steps_per_second = rates_.steps_per_second();
  p.updates_per_second = rates_.updates_per_second();
  if (state_.updates > 0) {
    p.alpha = metrics.alpha;
    p.entropy = metrics.entropy;
  }
  if (p.steps_per_second && state_.step > info_.config.learning_starts) {
    p.seconds_left = static_cast<double>(p.steps - p.step) / *p.steps_per_second;
  }
  return p;
}

std::optional<Json> Training::run(Display& display, const Stop& stop) {
  const rl::Config& config = info_.config;
  start_ = Clock::now();
  row_seconds_ = seconds_before_;
  row_step_ = state_.step;
  row_updates_ = state_.updates;
  bool stopped = false;
  const auto should_stop = [&] { return stopped = stop && stop(state_); };
  rl::train(config, factory(config), agent_, buffer_, state_,
            {.on_episode = [&](const rl::TrainState&, const rl::Episode& e) { add_episode(e); },
             .on_evaluation =
                 [&](const rl::TrainState&, const rl::Evaluation& e) {
                   add_evaluation(e);
                   display.message(evaluation_line(state_.step, config.steps, e), state_.step);
                 },
             .on_step =
                 [&](const rl::TrainState&, const rl::UpdateMetrics& metrics) {
                   rates_.add(seconds(), state_.step, state_.updates);
                   if (display.due(state_.step, config.steps)) display.update(progress(metrics));
                 },
             .on_checkpoint = [&](const rl::TrainState&) { save(); },
             .should_stop = should_stop});
  display.clear();
  if (stopped) return std::nullopt;
  seconds_before_ = seconds();
  const rl::Evaluation last = rl::evaluate(factory(config), agent_, config.final_eval_episodes,
                                           evaluation_rng(config.seed), should_stop);
  if (static_cast<std::int64_t>(last.returns.size()) < config.final_eval_episodes) return std::nullopt;
  const Json summary = summarise(last);
  write_json(run_file(path_, "summary.json"), summary);
  return summary;
}

Json Training::summarise(const rl::Evaluation& e) const {
  const double seconds = seconds_before_;
  const auto per_second = [&](std::int64_t count) {
    return static_cast<double>(count) / std::max(1e-9, seconds);
  };
  Json json = {{"env", info_.config.env},
               {"preset", info_.preset.empty() ? Json(nullptr) : Json(info_.preset)},
               {"seed", info_.config.seed},
               {"steps", state_.step},
               {"episodes", state_.episodes},
               {"updates", state_.updates},
               {"divergences", state_.divergences},
               {"seconds", seconds},
               {"steps_per_second", per_second(state_.step)},
               {"updates_per_second", per_second(state_.updates)},
               {"final_evaluation",
                {{"mean", e.mean()},
                 {"std", e.std()},
                 {"min", e.min()},
                 {"max", e.max()},
                 {"episodes", e.returns.size()},
                 {"divergences", e.divergences}}}};
  if (const std::optional<double> threshold = solved_threshold(info_.config.env)) {
    json["solved"] = e.mean() >= *threshold;
    json["solved_threshold"] = *threshold;
  }
  json["instruction_set"] = kernels::instruction_set();
  json["threads"] = num_threads();
  json["saccade"] = version();
  return json;
}

}  // namespace saccade::tools
