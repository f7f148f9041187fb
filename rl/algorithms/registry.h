// Algorithms by name.
#pragma once

#include <any>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/rng.h"
#include "rl/agent.h"
#include "rl/config.h"
#include "rl/obs_size.h"

namespace saccade::rl {

/// The action space that an algorithm needs.
enum class ActionKind { box, discrete };

/// The sizes and the seed of an agent. `actions`: coordinates of a Box, or choices of a Discrete space.
struct AgentSpec {
  ObsSize obs = 0;
  std::int64_t actions = 0;
  Rng rng{};
};

/// An algorithm before an agent of it exists.
struct AlgorithmInfo {
  std::string name;   // "sac"
  std::string title;  // a line for people, with the paper
  ActionKind actions = ActionKind::box;
  ConfigKeys keys{};  // of its own settings
  /// Settings other than the defaults of their structs, as a JSON object: of its own keys, or of
  /// OffPolicyConfig's. So one class serves for several algorithms.
  std::string defaults = "{}";
  /// Its settings in a preset, likewise.
  std::vector<std::pair<std::string, std::string>> presets{};

  // Filled in by algorithm(): its settings, type-erased.
  std::any settings{};
  std::function<void*(std::any& settings)> address{};
  std::function<std::unique_ptr<Agent>(const std::any& settings, const AgentSpec& spec)> make{};
};

/// For a class A that is made from its settings C: A(settings, obs, actions, rng).
template <class A, class C>
AlgorithmInfo algorithm(AlgorithmInfo info) {
  info.settings = C{};
  info.address = [](std::any& settings) -> void* { return std::any_cast<C>(&settings); };
  info.make = [](const std::any& settings, const AgentSpec& spec) -> std::unique_ptr<Agent> {
    return std::make_unique<A>(std::any_cast<const C&>(settings), spec.obs, spec.actions, spec.rng);
  };
  return info;
}

/// Those built in, and those added.
const std::deque<AlgorithmInfo>& algorithms();

std::vector<std::string> algorithm_names();

/// The first of them: what is trained if nothing else is asked for.
const AlgorithmInfo& default_algorithm();

/// ConfigError, naming the nearest, for a name that is none.
const AlgorithmInfo& find_algorithm(std::string_view name);

/// Adds an algorithm of your own. ConfigError for a name that is taken. Not to be called while other threads
/// use the list.
void add_algorithm(AlgorithmInfo info);

}  // namespace saccade::rl
