// saccade eval --record: episodes as a page that replays them and needs nothing else.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "envs/env.h"
#include "rl/agent.h"
#include "rl/training/diagnosis.h"
#include "rl/training/train.h"

namespace saccade::pages {

/// The first episodes of an environment, as RecordingEnv saw them.
struct Recording {
  struct Episode {
    // One for the start and one after each step.
    std::vector<envs::Scene> scenes;
    std::vector<std::vector<double>> observations;
    rl::Outlook outlook;  // empty without add_outlook()
    // One for each step.
    std::vector<std::vector<double>> actions;
    std::vector<envs::StepResult> results;
  };
  std::int64_t max_episodes = 3;
  envs::Spec spec{};
  std::vector<Episode> episodes{};
};

/// An environment that adds its episodes to a recording, up to max_episodes. The recording must outlive it.
class RecordingEnv final : public envs::Env {
 public:
  RecordingEnv(std::unique_ptr<envs::Env> env, Recording& recording);

  const envs::Spec& spec() const override { return env_->spec(); }
  void reset(Rng& rng, std::span<double> observation) override;
  envs::StepResult step(std::span<const double> action, std::span<double> observation) override;
  std::vector<double> state() const override { return env_->state(); }
  void set_state(std::span<const double> state) override { env_->set_state(state); }
  void observe(std::span<double> observation) const override { env_->observe(observation); }
  envs::Scene scene() const override { return env_->scene(); }

 private:
  void add_frame(std::span<const double> observation);
  std::unique_ptr<envs::Env> env_;
  Recording& recording_;
  bool is_recording_ = false;
};

/// What the agent, whose episodes they are, thinks at every state of them.
void add_outlook(Recording& recording, const rl::Agent& agent);

/// The page is made from:
///
///     step_seconds, radius, elevation, flat    of the first scene
///     shapes     {kind, size, colour}, and for one that never moves its pose: position, then rotation
///     episodes   {ends, rewards, actions, terms: {NAME: of each step}, q, entropy, poses, targets}; a row of
///                poses holds those of the shapes that move, one after another; q and entropy only where
///                known
///
/// Without shapes, each episode has its `observations` instead. Throws Error where scenes of one environment
/// differ in more than poses.
nlohmann::ordered_json to_json(const Recording& recording);

/// Whose episodes they are and how they went, those not recorded too.
struct RecordingInfo {
  std::string title;   // the run's folder, or the like
  std::string policy;  // how actions are chosen, as a sentence without its full stop
  const rl::Evaluation& evaluation;
};

/// Replaces the file at once. Throws FormatError if it cannot be written.
void write_recording(const std::string& path, const Recording& recording, const RecordingInfo& info);

}  // namespace saccade::pages
