// Agents of Stable-Baselines3, as model.save("model.zip") leaves them: a zip archive of
//
//     data                   JSON: settings; what JSON cannot say is a pickle in base64, with its parts as
//     text beside it policy.pth             the networks' weights, by torch.save() NAME.optimizer.pth Adam's
//     moments and step sizes pytorch_variables.pth  SAC's temperature
//
// None of it is executed: see nn/formats/pickle.h.
#pragma once

#include <string>
#include <vector>

#include "rl/runs/run_folder.h"
#include "rl/runs/training.h"

namespace saccade::rl {

/// What became of a file: a configuration with an agent that does the same, and sentences on what there is of
/// the file in it and what is not.
struct ImportedAgent {
  RunInfo info;
  AgentState state;
  std::string origin;  // "Stable-Baselines3 2.9.2"
  std::vector<std::string> taken, left;
};

/// Reads an agent of SAC, TD3 or DQN. `env` is the environment it acts in, by a name of ours; if it is empty,
/// it is the only one with the file's spaces. `settings`, "key=value", go over those of the file.
/// FormatError, naming file and part, for what is damaged or has no counterpart here (other algorithms,
/// activations, features extractors, optimisers; generalised state-dependent exploration; a policy with other
/// layers than the critics'); ConfigError for an environment that is not given or does not fit.
ImportedAgent read_sb3(const std::string& path, const std::string& env = "",
                       const std::vector<std::string>& settings = {});

}  // namespace saccade::rl
