#include "rl/training/train.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "envs/guest.h"
#include "nn/team.h"
#include "rl/components/collector.h"
#include "rl/training/meeting.h"

namespace saccade::rl {

namespace {

// A team's weights take some milliseconds to look at.
constexpr std::int64_t kUpdatesBetweenChecks = 1000;

Episode finish_episode(EnvCopy& copy, const envs::StepResult& last) {
  Episode episode = {.length = copy.episode_length,
                     .ret = copy.episode_return,
                     .terminated = last.terminated,
                     .updates = copy.episode_updates,
                     .metrics = copy.metrics};
  copy.in_episode = false;
  copy.episode_return = 0;
  copy.episode_length = copy.episode_updates = 0;
  copy.metrics.clear();
  return episode;
}

// Whether a multiple of `every` lies in (before, now]; of 0 there is none.
bool passed(std::int64_t every, std::int64_t before, std::int64_t now) {
  return every > 0 && now / every > before / every;
}

// A buffer for other settings would learn something else without a word.
void check_buffer(const OffPolicyConfig& config, ReplayBuffer& buffer) {
  if (config.n_step > 1 && !buffer.keeps_discounts()) {
    throw ConfigError(
        fmt::format("n_step is {}, but the replay buffer keeps no discounts; expected one of "
                    "ReplayOptions{{.discounts = true}}",
                    config.n_step));
  }
  if (config.prioritized != (buffer.priorities() != nullptr)) {
    throw ConfigError(fmt::format(
        "prioritized is {}, but the replay buffer {} priorities; expected one {} "
        "ReplayOptions::priority_alpha",
        config.prioritized, config.prioritized ? "has no" : "has", config.prioritized ? "with" : "without"));
  }
}

// How many updates the steps so far have asked for: those after learning_starts do.
std::int64_t updates_due(const OffPolicyConfig& config, std::int64_t step) {
  const std::int64_t learning = std::max<std::int64_t>(0, step - config.learning_starts);
  return static_cast<std::int64_t>(static_cast<double>(learning) * config.updates_per_step);
}

}  // namespace

std::int64_t steps_per_round(const RunConfig& run) { return run.envs * nn::team_size(); }

std::int64_t last_step(const RunConfig& run) {
  const std::int64_t round = steps_per_round(run);
  return (run.steps + round - 1) / round * round;
}

void train(const RunConfig& run, const OffPolicyConfig& config, const EnvFactory& make_env, Agent& agent,
           ReplayBuffer& buffer, TrainState& state, const TrainCallbacks& callbacks) {
  EnvCopies copies(make_env, run.envs);
  train(run, config, copies, make_env, agent, buffer, state, callbacks);
}

void train(const RunConfig& run, const OffPolicyConfig& config, VectorEnv& copies, const EnvFactory& make_env,
           Agent& agent, ReplayBuffer& buffer, TrainState& state, const TrainCallbacks& callbacks) {
  check_buffer(config, buffer);
  Collector collector(config, copies, agent, state);
  const std::int64_t batch_size = own_batch(config);
  Metrics metrics;
  Priorities* const priorities = buffer.priorities();
  const auto update = [&] {
    if (priorities == nullptr) {
      metrics = agent.update(buffer.sample(batch_size, state.sample_rng), state.noise_rng);
    } else {
      const double done = static_cast<double>(state.step) / static_cast<double>(config.priority_beta_steps);
      const double beta = config.priority_beta + std::min(1.0, done) * (1 - config.priority_beta);
      const Priorities::Drawn drawn = priorities->draw(batch_size, beta, state.sample_rng);
      Batch batch = buffer.rows(drawn.rows);
      batch.weight = drawn.weight;
      metrics = agent.update(batch, state.noise_rng);
      priorities->update(drawn.rows, agent.last_td_errors());
    }
    ++state.updates;
    for (EnvCopy& copy : state.copies) {
      ++copy.episode_updates;
      copy.metrics.add(metrics);
    }
  };
  const auto evaluate_if_due = [&] {
    if (!state.evaluation_due) return;
    if (!callbacks.on_evaluation) {
      state.evaluation_due = false;
      return;
    }
    const Rng rng = Rng(static_cast<std::uint64_t>(run.seed)).split(fmt::format("evaluation {}", state.step));
    const Evaluation done = evaluate(make_env, agent, run.eval_episodes, rng, callbacks.should_stop);
    if (static_cast<std::int64_t>(done.returns.size()) < run.eval_episodes) return;
    state.evaluation_due = false;
    callbacks.on_evaluation(state, done);
  };
  // The gradients of a diagnosis are those of its round, wherever a run was stopped and went on.
  const auto measure_gradients = [&] {
    agent.measure_gradients(callbacks.on_diagnosis &&
                            passed(run.diagnose_every, state.step, state.step + steps_per_round(run)));
  };
  const auto diagnose_if_due = [&](std::int64_t before) {
    if (!callbacks.on_diagnosis || !passed(run.diagnose_every, before, state.step)) return;
    const Rng rng = Rng(static_cast<std::uint64_t>(run.seed)).split(fmt::format("diagnosis {}", state.step));
    const std::optional<Diagnosis> d = diagnose(make_env, agent, config.reward_scale, rng);
    if (d) callbacks.on_diagnosis(state, *d);
  };
  if (any(state.evaluation_due)) {  // left over from a stop in the midst of it
    evaluate_if_due();
    if (any(state.evaluation_due)) return;
    if (callbacks.on_checkpoint) callbacks.on_checkpoint(state);
  }
  const auto round = [&] {
    const std::int64_t before = state.step, updates_before = state.updates;
    measure_gradients();
    collector.step(agent, buffer, state);
    // Nothing to learn from yet where every step has diverged, or n steps have not come together.
    if (meet_after_steps(collector, agent, buffer, state)) {
      const std::int64_t due = updates_due(config, state.step) - updates_due(config, before);
      for (std::int64_t i = 0; i < due; ++i) update();
    }
    std::vector<Episode> ended;
    for (std::size_t i = 0; i < state.copies.size(); ++i) {
      const envs::StepResult& result = collector.result(i);
      if (result.ends_episode()) ended.push_back(finish_episode(state.copies[i], result));
    }
    for (Episode& episode : of_all(std::move(ended), state)) {
      episode.number = ++state.episodes;
      if (callbacks.on_episode) callbacks.on_episode(state, episode);
    }
    diagnose_if_due(before);
    state.evaluation_due = callbacks.on_evaluation && passed(run.eval_every, before, state.step);
    evaluate_if_due();
    if (callbacks.on_step) callbacks.on_step(state, metrics);
    const bool stop = any(callbacks.should_stop && callbacks.should_stop());
    const bool save = stop || passed(run.checkpoint_every, before, state.step) || state.step >= run.steps;
    if (save || state.updates / kUpdatesBetweenChecks > updates_before / kUpdatesBetweenChecks) {
      check_same_weights(agent, state.step);
    }
    if (save) {
      collector.save(state);
      if (callbacks.on_checkpoint) callbacks.on_checkpoint(state);
    }
    return !stop;
  };
  try {
    while (state.step < run.steps && round()) continue;
  } catch (...) {
    if (!envs::is_guest(copies.spec().id) || nn::team() != nullptr) throw;
    collector.save(state);
    state.leave_episodes();
    if (callbacks.on_checkpoint) callbacks.on_checkpoint(state);
    throw;
  }
}

}  // namespace saccade::rl
