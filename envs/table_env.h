// An environment made of its transition table.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "envs/env.h"
#include "envs/transition_table.h"

namespace saccade::envs {

/// Observation: the number of the state, of a Discrete space. Action: one of the choices. State: the state's
/// number, then the seed and the count of the episode's own stream of random numbers.
class TableEnv final : public Env {
 public:
  /// Throws ConfigError for a table that is none. The other numbers are those of Spec.
  TableEnv(std::string id, TransitionTable table, std::int64_t max_episode_steps = 0,
           std::optional<double> reward_threshold = {});

  const Spec& spec() const override { return spec_; }
  const TransitionTable* transitions() const override { return &table_; }
  void reset(Rng& rng, std::span<double> observation) override;
  StepResult step(std::span<const double> action, std::span<double> observation) override;
  std::vector<double> state() const override;
  void set_state(std::span<const double> state) override;
  void observe(std::span<double> observation) const override;

 private:
  Spec spec_;
  TransitionTable table_;
  std::int64_t state_ = 0;
  Rng rng_;  // its key has 32 bits, so that a double holds it
};

}  // namespace saccade::envs
