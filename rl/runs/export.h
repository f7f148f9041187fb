// A run's policy as files that run without this library.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "envs/env.h"
#include "rl/policy_network.h"
#include "rl/runs/run_folder.h"

namespace saccade::rl {

/// What there is to export of a run's last checkpoint.
struct ExportedAgent {
  RunInfo info;
  envs::Spec spec;
  PolicyNetwork policy;
  std::optional<CriticNetworks> critics;
};
/// Throws what load_agent() does; ConfigError for an algorithm that does not say what its policy is.
ExportedAgent agent_to_export(const std::string& run);

enum class ExportedPart {
  deterministic,  // the action for evaluation
  stochastic,     // a draw from the policy, whose standard normal noise is an input
  critics,        // what the critics say of an action, or of each choice
};

/// An ONNX model (nn/formats/onnx.h) in the environment's own units: observations and actions are those of
/// Env::step(). Its properties are those of description(), each as text. ConfigError for a stochastic policy
/// of an algorithm that has none.
///
///     observation   (batch, n), or numbers of states (batch)           action    (batch, m), or choices
///     (batch) noise         (batch, k), of a stochastic policy                 q         (batch, critics),
///     or (batch, choices): action        of critics                                                   the
///     least of all critics
std::string to_onnx(const ExportedAgent& agent, ExportedPart part);

/// What a model's inputs and outputs are: names, shapes, bounds (null where there is none), and what it was
/// made from.
nlohmann::ordered_json description(const ExportedAgent& agent, ExportedPart part);

/// A C++17 header that needs only the standard library and takes nothing from the heap:
///
///     namespace NAME { inline void act(const float* observation, float* action); }
///
/// for the deterministic policy, in the environment's units; a choice, or the number of a state, is a single
/// float.
std::string to_header(const ExportedAgent& agent, const std::string& name);

}  // namespace saccade::rl
