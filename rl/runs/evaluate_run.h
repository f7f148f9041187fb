// Evaluating what a run has learned, or nothing at all.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "rl/components/vector_env.h"
#include "rl/runs/run_folder.h"
#include "rl/training/evaluation.h"

namespace saccade::rl {

/// The agent of the run's checkpoint, as it is evaluated. Throws what read_run_info() and load_weights() do.
std::unique_ptr<Agent> load_agent(const std::string& run);

/// Its policy in an environment that `make` makes: the best action it knows at every step. The seed that a
/// run was trained with repeats its final evaluation.
Evaluation evaluate_agent(const Agent& agent, const EnvFactory& make, std::int64_t episodes,
                          std::int64_t seed);

/// Every action as likely as any other.
Evaluation evaluate_random(const EnvFactory& make, std::int64_t episodes, std::int64_t seed);

}  // namespace saccade::rl
