// What the members of a team tell each other while they train. Alone, each of these is what the loop does
// anyway, at the cost of a pointer's test.
#pragma once

#include <cstdint>
#include <vector>

#include "rl/agent.h"
#include "rl/components/collector.h"
#include "rl/components/replay_buffer.h"
#include "rl/components/train_state.h"
#include "rl/config.h"
#include "rl/training/train.h"

namespace saccade::rl {

/// How many of an update's transitions are this member's: batch_size, or its part of that, the first members'
/// one larger where they do not divide it; and tells the team so. ConfigError where that leaves one without
/// any.
std::int64_t own_batch(const OffPolicyConfig& config);

/// After a round's steps: every member's agent takes in what all copies observed, in order of rank, and
/// `state` counts all steps that diverged. Whether there is something in every member's buffer to learn from.
bool meet_after_steps(const Collector& collector, Agent& agent, const ReplayBuffer& buffer,
                      TrainState& state);

/// The episodes that ended in this round, of all members in order of rank; of each, its metrics and all but
/// the number.
std::vector<Episode> of_all(std::vector<Episode> own, const TrainState& state);

/// Whether one of them says so.
bool any(bool mine);

/// Throws Error where a member's weights or optimisers' state are not rank 0's, bit for bit: from then on
/// they would learn different things and call it one.
void check_same_weights(const Agent& agent, std::int64_t step);

/// Randomness of a member's own, from that of the run. Rank 0's is the run's itself, so that one alone is a
/// team of one.
Rng member_rng(const Rng& run);

}  // namespace saccade::rl
