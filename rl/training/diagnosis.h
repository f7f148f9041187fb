// What the critics say of a policy, held against what comes of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/rng.h"
#include "rl/agent.h"
#include "rl/components/vector_env.h"

namespace saccade::rl {

/// One episode of the policy that the critics judge, of which nothing is learnt. From each of its states,
///
///     G_t = r_t + gamma (G_{t+1} - alpha log pi(a_{t+1} | s_{t+1})),
///
/// the soft return, is what Q(s_t, a_t) should be on average; r is scaled as in training. After a termination
/// nothing comes; where the episode was cut, Q itself stands for the rest.
struct Diagnosis {
  std::int64_t steps = 0;
  double ret = 0;                 // the sum of unscaled rewards
  double q = 0, soft_return = 0;  // means over the episode's states
  double q_error = 0;             // the root of the mean square of Q - G
  double alpha = 0;
  std::optional<double> entropy, target_entropy;  // mean -log pi; none of a policy that draws nothing
  /// Shares of the actions' components in kBins equal parts of [-1, 1]; of Discrete ones, of each choice.
  std::vector<double> actions;
  /// The same of u = atanh(a), before the squash, in parts of [-4, 4], the outer ones with all beyond.
  std::vector<double> pre_squash;
  double saturated = 0;  // the share of components beyond +-0.99
  std::vector<std::pair<std::string, double>> gradient_norms;

  static constexpr std::size_t kBins = 20;
  static constexpr double kPreSquash = 4;
};

/// Of a fresh environment's episode, cut after 1,000 steps, or before a step that diverges; none of an agent
/// that says nothing of itself.
std::optional<Diagnosis> diagnose(const EnvFactory& make_env, const Agent& agent, double reward_scale,
                                  Rng rng);

/// What an agent thinks of states, as means over draws of its policy that are the same in each of them.
struct Outlook {
  std::vector<double> q;        // of the policy that the critics judge; empty of an agent that does not say
  std::vector<double> entropy;  // in nats; empty of a policy that draws nothing
};
Outlook outlook(const Agent& agent, std::span<const double> obs, std::size_t observation_size);

}  // namespace saccade::rl
