// What looks wrong in a run, in plain words.
#pragma once

#include <string>
#include <vector>

#include "rl/runs/logs.h"

namespace saccade::rl {

/// Diagnoses of the later half of those after the first updates, when what they say should hold.
std::vector<Diagnosis> later_half(const RunLog& log);

/// Sentences about a temperature that collapsed or ran away, saturated actions, Q far from the return, an
/// entropy far from its target, losses that grow, a policy that got worse, and simulations that diverged.
/// Each says the step and the numbers; none is proof that anything is wrong.
std::vector<std::string> warnings(const RunLog& log);

}  // namespace saccade::rl
