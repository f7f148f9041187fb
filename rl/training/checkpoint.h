// A run on disk: everything that training needs to go on as if it had never stopped.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "nn/formats/safetensors.h"
#include "rl/agent.h"
#include "rl/components/replay_buffer.h"
#include "rl/components/train_state.h"
#include "rl/training/shares.h"

namespace saccade::rl {

/// Those of a team's other members, ranks 1 to count: get() gives each once, in that order.
struct OtherShares {
  int count = 0;
  std::function<Share(int member)> get = {};
};

/// Writes the folder `path` anew:
///
///     weights.safetensors     all that acting and learning needs: Agent::named_weights()
///     optimizer.safetensors   moments and step counts: Agent::named_optimizer_state()
///     replay.safetensors      the replay buffer
///     replay-1.safetensors    those of a team's other members, if there are any
///     state.json              counters, random streams, the environment's state, the other files' digests,
///     and `extra`
///
/// `about_weights` goes into the first file, for other readers: nothing here reads it. The folder is complete
/// at every moment: it is written under another name, synced, and exchanged for the old one, so a crash or a
/// full disk leaves the last good checkpoint. Throws FormatError if it cannot be written, or if an
/// environment's state holds a number that is not finite.
void save_checkpoint(const std::string& path, const Agent& agent, const ReplayBuffer& buffer,
                     const TrainState& state, const nlohmann::ordered_json& extra,
                     const nn::safetensors::Metadata& about_weights = {}, const OtherShares& others = {});

/// Reads it all back, and returns `extra`: one checkpoint whole, even while another program writes the next.
/// Throws FormatError naming the file for anything missing, truncated or that does not fit, before any of the
/// arguments has changed.
nlohmann::ordered_json load_checkpoint(const std::string& path, Agent& agent, ReplayBuffer& buffer,
                                       TrainState& state);

/// The same of a checkpoint that a team wrote, or one alone: every member's share, in order of rank. No file
/// with a share of more than max_replay_bytes is read.
nlohmann::ordered_json load_checkpoint(const std::string& path, Agent& agent, std::vector<Share>& shares,
                                       std::int64_t max_replay_bytes);

/// How many members' shares there are in a checkpoint. FormatError as above.
int checkpoint_members(const std::string& path);

/// The environment's steps until then. FormatError as above.
std::int64_t checkpoint_step(const std::string& path);

/// The agent alone, for evaluation.
void load_weights(const std::string& path, Agent& agent);

}  // namespace saccade::rl
