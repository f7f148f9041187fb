// Trajectories recorded elsewhere, and their replay in our environments: what `saccade replay` and the parity
// tests do.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace saccade::envs {

/// An episode of another implementation of an environment, step by step: entry t is the outcome of action t.
struct Trajectory {
  std::string file, name;  // for messages
  std::vector<double> first_state, first_observation;
  std::vector<std::vector<double>> actions, states, observations;
  std::vector<double> rewards;
  std::vector<bool> terminated, truncated;
  /// Where in Env::state() the recorded states lie: those of MuJoCo, qpos and qvel, follow the time.
  std::size_t state_offset = 0;
};

/// Reads the trajectories of this environment from a file in either form that tests/reference/README.md
/// describes. Throws FormatError, naming file, trajectory and entry, for a file that is not so, or has none.
std::vector<Trajectory> read_trajectories(const std::string& path, const std::string& id);

/// A number of ours and of theirs. Flags are 0 or 1.
struct Compared {
  std::string_view quantity;  // "observation", "reward", "terminated", "truncated" or "state"
  std::size_t step = 0;       // 0 before the first action, t + 1 after action t
  std::size_t coordinate = 0;
  double ours = 0, theirs = 0;
};

/// Takes each step from the recorded state before it, so that errors do not add up, and passes every pair of
/// numbers to `compare`. Throws ShapeError for a trajectory that does not fit the environment, and Error for
/// one that the environment refuses (a state that is not finite, no choice of a discrete action), naming
/// file, trajectory and step.
void replay(const std::string& id, const Trajectory& trajectory,
            const std::function<void(const Compared&)>& compare);

/// |ours - theirs|, relative to theirs where that is larger than 1. Infinite if one alone is finite or NaN,
/// and for flags that differ.
double error_of(const Compared& compared);

}  // namespace saccade::envs
