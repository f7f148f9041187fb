// A policy, or critics, as the plain numbers that they are, for programs that run them without this library.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "autograd/ops.h"

namespace saccade::rl {

/// y = activation(norm(x W^T + b)).
struct DenseLayer {
  /// Where Agent::named_weights() has it: NAME.weight and NAME.bias, of an ensemble that member of them; its
  /// layer norm; and the batch norm in front, which is part of the numbers here.
  std::string name = {}, norm_name = {}, batch_norm_name = {};
  std::optional<std::int64_t> member = {};
  double batch_norm_eps = 0;
  std::int64_t in = 0, out = 0;
  std::vector<float> weight;  // (out, in), row by row
  std::vector<float> bias;    // (out)
  std::vector<float> norm_weight = {},
                     norm_bias = {};  // of a layer norm with eps = 1e-5; empty if there is none
  Activation activation = Activation::none;
};

/// What comes before the first layer.
struct ObsTransform {
  /// An observation is the number of a state, which becomes as many numbers, all 0 but for a 1.
  bool one_hot = false;
  /// (obs - mean) scale, within [-limit, limit]; mean and scale are empty where that is not done.
  std::vector<float> mean = {}, scale = {};
  float limit = 10;
};

/// What the last layer's outputs are, x, and how an action a in [-1, 1] or a choice comes of them. The action
/// for evaluation is tanh(mu), or the choice of the largest x.
enum class PolicyHead {
  deterministic,  // mu = x
  gaussian,       // mu, then what log sigma is made of, log sigma = clamp(x, -20, 2); a ~ tanh(mu + sigma z)
  gaussian_tanh,  // the same with log sigma = -5 + 3.5 (tanh(x) + 1)
  gaussian_gsde,  // mu = x; a ~ tanh(mu + h (sigma * Z)), with h the last layer's inputs
  choice,         // a number for each choice; drawn with probabilities softmax(x / temperature), if at all
};

struct PolicyNetwork {
  ObsTransform obs;
  std::vector<DenseLayer> layers;
  PolicyHead head = PolicyHead::deterministic;
  std::vector<float> gsde_sigma = {};      // (inputs of the last layer, actions), row by row
  std::string gsde_name = {};              // of its logarithm, in Agent::named_weights()
  std::optional<double> temperature = {};  // of choices that are drawn
};

/// Each critic's layers: from the observation, and the action in [-1, 1] behind it, to Q, or to quantiles of
/// which Q is the mean; or of a Discrete space from the observation to Q of each choice.
struct CriticNetworks {
  ObsTransform obs;
  bool takes_action = true;
  std::vector<std::vector<DenseLayer>> critics;
};

}  // namespace saccade::rl
