// What each member of a team has to itself, its share: carried from one to another, put into checkpoints, and
// dealt anew when a run goes on with another number of members.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/rng.h"
#include "nn/named_tensors.h"
#include "rl/components/train_state.h"

namespace saccade::rl {

struct Share {
  TrainState state;
  nn::NamedTensors replay;  // ReplayBuffer::named_state()
};

/// As bytes and back, exactly. FormatError for bytes that are none.
std::string packed(const nn::NamedTensors& tensors);
nn::NamedTensors unpacked(std::string_view bytes);
std::string packed(const Share& share);
Share unpacked_share(std::string_view bytes);

/// The shares of `members` where there were others before: transitions are dealt like cards, the oldest
/// first, so that each gets as many from everywhere, the newest `capacity` of them. Counters stay; every copy
/// of the environment begins a new episode, and random streams are new ones, which follow from `run`'s, the
/// step and the member.
std::vector<Share> dealt(const std::vector<Share>& shares, int members, std::int64_t capacity,
                         std::int64_t envs, const Rng& run);

}  // namespace saccade::rl
