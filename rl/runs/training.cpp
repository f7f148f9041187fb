#include "rl/runs/training.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <utility>

#include "autograd/kernels/table.h"
#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "base/threads.h"
#include "envs/guest.h"
#include "nn/team.h"
#include "rl/components/action_scale.h"
#include "rl/runs/about_weights.h"
#include "rl/runs/build_info.h"
#include "rl/runs/logs.h"
#include "rl/training/checkpoint.h"
#include "rl/training/meeting.h"

namespace saccade::rl {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

namespace {

constexpr const char* kEpisodes = "progress.csv";
constexpr const char* kEvaluations = "eval.csv";
constexpr const char* kDiagnoses = "diagnostics.jsonl";
constexpr const char* kEvaluationsHeader = "step,mean,std,min,max,episodes";

// The names of what an update reports, from one of an agent that is thrown away: the table's columns must be
// known before the first update.
std::vector<std::string> metric_names(const Config& config) {
  const envs::Spec spec = spec_of(config);
  const auto obs_width = static_cast<std::int64_t>(envs::size_of(spec.observation_space));
  const auto width = static_cast<std::int64_t>(envs::size_of(spec.action_space));
  Rng rng(0);
  Batch batch = {zeros({2, obs_width}), zeros({2, width}), zeros({2, 1}), zeros({2, obs_width}),
                 zeros({2, 1})};
  if (config.off_policy.prioritized) batch.weight = ones({2, 1});
  const nn::InTeam alone(nullptr);
  const std::unique_ptr<Agent> agent = make_agent(config);
  std::vector<std::string> names;
  for (const Metric& metric : agent->update(batch, rng)) names.emplace_back(metric.name);
  if (config.off_policy.prioritized && !agent->last_td_errors().defined()) {
    throw ConfigError(fmt::format("prioritized is true, but {} reports no errors to draw by; expected false",
                                  config.algorithm().name));
  }
  return names;
}

std::string episodes_header(const std::vector<std::string>& metric_names) {
  return fmt::format(
      "step,episode,updates,return,length,terminated,{},seconds,steps_per_second,updates_per_second",
      join(metric_names, ","));
}

// A checkpoint goes on with the hyper-parameters that made it, but for the number of steps. A key that is
// newer than the checkpoint must have its default.
void check_same_config(const std::string& path, const Config& config, const Json& saved) {
  Config then;
  remember_task_of(path, saved);
  update_from_json(then, saved, run_file(path, "checkpoint/state.json"));
  const Json before = to_json(then), now = to_json(config);
  for (const auto& [key, value] : now.items()) {
    if (key == "steps" || (before.contains(key) && before.at(key) == value)) continue;
    throw ConfigError(fmt::format("{}: {} is {}, but the run's checkpoint was made with {}; put that back",
                                  run_file(path, "config.json"), key, shown(value),
                                  before.contains(key) ? shown(before.at(key)) : "none"));
  }
}

}  // namespace

// ---- beginning and going on ----

Training::Training(RunInfo info, std::string path)
    : info_(std::move(info)),
      path_(std::move(path)),
      spec_(spec_of(info_.config)),
      metric_names_(metric_names(info_.config)),
      agent_(make_agent(info_.config)),
      buffer_(make_buffer(info_.config)),
      state_(member_rng(run_rng(info_.config.run.seed)), info_.config.run.envs) {
  own_batch(info_.config.off_policy);  // throws where it does not go round
  ActionScale{spec_};                  // throws for an action space without bounds
}

Training Training::begin(const RunInfo& info, const std::string& path, const RunOutputs& outputs,
                         const AgentState* agent) {
  Training training(info, path);
  if (agent != nullptr) training.agent_->load(agent->weights, agent->optimizer);
  training.info_.instruction_set = kernels::instruction_set();
  training.info_.fingerprint = spec_of(info.config).fingerprint;
  if (!nn::leads()) {
    training.meet();
    training.save();
    return training;
  }
  NewRunFolder folder(path, info);
  training.path_ = outputs.absolute_path ? fs::absolute(folder.path()).string() : folder.path();
  training.meet();
  training.write_first_files(outputs);
  training.lock_ = folder.keep();
  return training;
}

// Runs that began before there was one get theirs when they go on.
void Training::begin_diagnoses() {
  diagnoses_ = std::make_unique<CsvFile>(
      run_file(path_, kDiagnoses), dumped(Json{{"pre_squash_limit", Diagnosis::kPreSquash},
                                               {"reward_scale", info_.config.off_policy.reward_scale}}));
}

void Training::write_first_files(const RunOutputs& outputs) {
  write_run_info(path_, info_);
  episodes_ = std::make_unique<CsvFile>(run_file(path_, kEpisodes), episodes_header(metric_names_));
  evaluations_ = std::make_unique<CsvFile>(run_file(path_, kEvaluations), kEvaluationsHeader);
  begin_diagnoses();
  if (outputs.tensorboard) tensorboard_ = std::make_unique<TensorBoardLog>(path_, info_.config);
  save();  // so that there is one to go on from, whenever it ends
}

Training Training::resume(const std::string& path, std::optional<std::int64_t> steps,
                          const RunOutputs& outputs) {
  RunInfo info = info_for_all(path);
  envs::require_here(info.config.run.env);
  const bool new_steps = steps && *steps != info.config.run.steps;
  if (steps) info.config.run.steps = *steps;
  if (const auto changed = changed_environment(path, info)) throw ConfigError(*changed);
  if (!nn::leads()) {
    Training training(info, path);
    training.load_shares("");
    training.check_state();
    training.meet();
    return training;
  }
  auto lock = std::make_unique<RunLock>(path);
  check_networks_fit(path, info.config);
  Training training(info, path);
  training.lock_ = std::move(lock);
  const std::string checkpoint = run_file(path, "checkpoint");
  const bool has_log = TensorBoardLog::exists(path);
  const bool alone = nn::team() == nullptr && checkpoint_members(checkpoint) == 1;
  const Json extra = alone ? load_checkpoint(checkpoint, *training.agent_, training.buffer_, training.state_)
                           : training.load_shares(checkpoint);
  try {
    check_same_config(path, info.config, extra.at("config"));
    training.seconds_before_ = extra.at("seconds");
    const Json& sizes = extra.at("bytes");
    const auto reopen = [&](const char* name) {
      return std::make_unique<CsvFile>(run_file(path, name), count_of(sizes, name, "state.json"));
    };
    training.episodes_ = reopen(kEpisodes);
    training.evaluations_ = reopen(kEvaluations);
    if (sizes.contains(kDiagnoses)) training.diagnoses_ = reopen(kDiagnoses);
    if (has_log && extra.contains("tensorboard")) {
      training.tensorboard_ =
          std::make_unique<TensorBoardLog>(path, info.config, extra.at("tensorboard"), training.state_.step);
    }
  } catch (const Json::exception& error) {
    throw FormatError(fmt::format("{}/state.json: is damaged: {}", checkpoint, error.what()));
  }
  if (envs::is_guest(info.config.run.env)) training.state_.leave_episodes();
  training.check_state();
  if (training.state_.step > last_step(info.config.run)) {
    throw ConfigError(fmt::format("steps is {}, but {} has done {} already; expected at least that",
                                  info.config.run.steps, path, training.state_.step));
  }
  training.meet();
  // All is well: from here on files change.
  if (training.tensorboard_ != nullptr) {
    training.tensorboard_->cut();
  } else if (has_log || outputs.tensorboard) {  // one that the checkpoint does not know came after it
    training.tensorboard_ = std::make_unique<TensorBoardLog>(path, info.config, training.state_.step);
  }
  training.episodes_->cut();
  training.evaluations_->cut();
  if (training.diagnoses_ != nullptr) {
    training.diagnoses_->cut();
  } else {
    fs::remove(run_file(path, kDiagnoses));  // one that the checkpoint does not know came after it
    training.begin_diagnoses();
  }
  if (new_steps) write_run_info(path, info);
  if (training.state_.step < info.config.run.steps) fs::remove(run_file(path, "summary.json"));
  return training;
}

void Training::check_state() const {
  if (static_cast<std::int64_t>(state_.copies.size()) != info_.config.run.envs) {
    throw FormatError(fmt::format("{}/state.json: is damaged: copies has {} entries, expected {}",
                                  run_file(path_, "checkpoint"), state_.copies.size(),
                                  info_.config.run.envs));
  }
  const std::unique_ptr<envs::Env> env = make_env(info_.config.run.env);
  for (const EnvCopy& copy : state_.copies) {
    try {
      if (copy.in_episode) env->set_state(copy.state);
    } catch (const Error& error) {
      throw FormatError(fmt::format("{}/state.json: an environment's state is damaged: {}",
                                    run_file(path_, "checkpoint"), error.what()));
    }
  }
}

void Training::save() {
  if (!nn::leads()) return give_share();
  episodes_->sync();
  evaluations_->sync();
  diagnoses_->sync();
  Json extra = {{"config", to_json(info_.config)},
                {"seconds", seconds()},
                {"bytes",
                 {{kEpisodes, episodes_->size()},
                  {kEvaluations, evaluations_->size()},
                  {kDiagnoses, diagnoses_->size()}}}};
  if (tensorboard_ != nullptr) {
    tensorboard_->sync();
    extra["tensorboard"] = tensorboard_->state();
  }
  save_checkpoint(run_file(path_, "checkpoint"), *agent_, buffer_, state_, extra,
                  about_weights(info_.config, spec_, *agent_), other_shares());
}

// ---- while it runs ----

double Training::seconds() const {
  return seconds_before_ + std::chrono::duration<double>(Clock::now() - start_).count();
}

void Training::add_episode(const Episode& e) {
  const double now = seconds(), passed = std::max(1e-9, now - row_seconds_);
  const auto per_second = [&](std::int64_t count) { return static_cast<double>(count) / passed; };
  std::string metrics;  // empty where no update computed one
  for (std::size_t i = 0; i < metric_names_.size(); ++i) {
    const std::vector<MetricMeans::Entry>& means = e.metrics.entries();
    const std::optional<double> mean = i < means.size() ? means[i].mean() : std::nullopt;
    metrics += (i == 0 ? "" : ",") + (mean ? fmt::format("{}", *mean) : "");
  }
  episodes_->add_row(fmt::format("{},{},{},{},{},{:d},{},{:.3f},{:.1f},{:.1f}", state_.step, e.number,
                                 state_.updates, e.ret, e.length, e.terminated, metrics, now,
                                 per_second(state_.step - row_step_),
                                 per_second(state_.updates - row_updates_)));
  last_return_ = e.ret;
  row_seconds_ = now;
  row_step_ = state_.step;
  row_updates_ = state_.updates;
}

void Training::add_evaluation(const Evaluation& e) {
  evaluations_->add_row(
      fmt::format("{},{},{},{},{},{}", state_.step, e.mean(), e.std(), e.min(), e.max(), e.returns.size()));
}

void Training::add_diagnosis(const Diagnosis& d) {
  diagnoses_->add_row(dumped(to_json(DiagnosisRow{state_.step, d})));
}

Progress Training::progress() const {
  Progress p;
  p.name = info_.name();
  p.step = state_.step;
  p.steps = last_step(info_.config.run);
  p.episodes = state_.episodes;
  p.ret = last_return_;
  p.metrics = metrics_;
  p.steps_per_second = rates_.steps_per_second();
  p.updates_per_second = rates_.updates_per_second();
  if (p.steps_per_second && state_.step > info_.config.off_policy.learning_starts) {
    p.seconds_left = static_cast<double>(p.steps - p.step) / *p.steps_per_second;
  }
  return p;
}

std::optional<Json> Training::run(TrainingListener& listener, VectorEnv* copies) {
  const RunConfig& config = info_.config.run;
  std::unique_ptr<VectorEnv> fresh;
  if (copies == nullptr) {
    fresh = std::make_unique<EnvCopies>(factory(info_.config), config.envs);
    copies = fresh.get();
  }
  start_ = Clock::now();
  row_seconds_ = seconds_before_;
  row_step_ = state_.step;
  row_updates_ = state_.updates;
  stopped_ = false;
  if (!nn::leads()) return follow(listener, *copies);
  nn::Team* const team = nn::team();
  const auto should_stop = [&] {
    if (team != nullptr) team->alive();  // while they wait for an evaluation
    return stopped_ = listener.should_stop(*this);
  };
  train(config, info_.config.off_policy, *copies, factory(info_.config), *agent_, buffer_, state_,
        {.on_episode =
             [&](const TrainState&, const Episode& e) {
               add_episode(e);
               if (tensorboard_ != nullptr) tensorboard_->add_episode(e);
               listener.on_episode(*this, e);
             },
         .on_evaluation =
             [&](const TrainState&, const Evaluation& e) {
               add_evaluation(e);
               if (tensorboard_ != nullptr) tensorboard_->add_evaluation(state_.step, e);
               listener.on_evaluation(*this, e);
             },
         .on_diagnosis =
             [&](const TrainState&, const Diagnosis& d) {
               add_diagnosis(d);
               listener.on_diagnosis(*this, d);
             },
         .on_step =
             [&](const TrainState&, const Metrics& metrics) {
               metrics_ = metrics;
               rates_.add(seconds(), state_.step, state_.updates);
               if (tensorboard_ != nullptr) tensorboard_->end_round(state_, buffer_, seconds());
               listener.on_step(*this);
             },
         .on_checkpoint = [&](const TrainState&) { save(); },
         .should_stop = should_stop});
  return summary_for_all(finish(should_stop));
}

std::optional<Json> Training::finish(const std::function<bool()>& should_stop) {
  const RunConfig& config = info_.config.run;
  if (stopped_ || state_.step < config.steps) return std::nullopt;
  seconds_before_ = seconds();
  std::optional<Evaluation> last;
  if (config.final_eval_episodes > 0) {
    last = evaluate(factory(info_.config), *agent_, config.final_eval_episodes, evaluation_rng(config.seed),
                    should_stop);
    if (static_cast<std::int64_t>(last->returns.size()) < config.final_eval_episodes) return std::nullopt;
  }
  Json summary = summarise(last);
  write_json(run_file(path_, "summary.json"), summary);
  return summary;
}

Json Training::summarise(const std::optional<Evaluation>& e) const {
  const double seconds = seconds_before_;
  const auto per_second = [&](std::int64_t count) {
    return static_cast<double>(count) / std::max(1e-9, seconds);
  };
  Json json = {{"env", info_.config.run.env},
               {"algorithm", info_.config.algorithm().name},
               {"preset", info_.preset.empty() ? Json(nullptr) : Json(info_.preset)},
               {"seed", info_.config.run.seed},
               {"steps", state_.step},
               {"episodes", state_.episodes},
               {"updates", state_.updates},
               {"divergences", state_.divergences},
               {"seconds", seconds},
               {"steps_per_second", per_second(state_.step)},
               {"updates_per_second", per_second(state_.updates)},
               {"final_evaluation", nullptr}};
  if (e) {
    json["final_evaluation"] = {{"mean", e->mean()},
                                {"std", e->std()},
                                {"min", e->min()},
                                {"max", e->max()},
                                {"episodes", e->returns.size()},
                                {"divergences", e->divergences}};
  }
  if (const std::optional<double> threshold = spec_of(info_.config).reward_threshold; e && threshold) {
    json["solved"] = e->mean() >= *threshold;
    json["solved_threshold"] = *threshold;
  }
  json["instruction_set"] = kernels::instruction_set();
  json["threads"] = num_threads();
  if (nn::team() != nullptr) json["processes"] = nn::team_size();
  json["saccade"] = version();
  return json;
}

}  // namespace saccade::rl
