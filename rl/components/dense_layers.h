// Networks as plain numbers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "nn/module.h"
#include "rl/components/actor_critic.h"
#include "rl/components/batch_norm_net.h"
#include "rl/policy_network.h"

namespace saccade::rl {

/// The linear layers of a module in their order, each with its layer norm if it has one; relu between them,
/// nothing after the last. Of an ensemble, one member's. `name` is the network's in Agent::named_weights().
std::vector<DenseLayer> dense_layers(const std::string& name, const nn::Module& network,
                                     std::int64_t member = 0);

/// In evaluation, where a batch norm is affine, and so a part of the layer behind it.
std::vector<DenseLayer> dense_layers(const std::string& name, const BatchNormNet& network,
                                     std::int64_t member = 0);

/// How many members there are, 1 of a single network.
std::int64_t ensemble_of(const nn::Module& network);

/// Those of every member.
template <class Network>
std::vector<std::vector<DenseLayer>> members_of(const std::string& name, const Network& network) {
  std::vector<std::vector<DenseLayer>> members;
  for (std::int64_t i = 0; i < ensemble_of(network); ++i) members.push_back(dense_layers(name, network, i));
  return members;
}

/// That of an actor whose name in Agent::named_weights() is "actor".
PolicyNetwork policy_network_of(ObsTransform obs, const GaussianActor& actor, LogStd log_std);

}  // namespace saccade::rl
