// The networks in a file of Stable-Baselines3, and what they are called here.
#pragma once

#include <cstddef>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "nn/formats/zip.h"
#include "nn/named_tensors.h"
#include "rl/agent.h"
#include "rl/runs/config.h"
#include "rl/runs/sb3/data.h"

namespace saccade::rl::sb3 {

/// The tensors of one part of the file, by name. FormatError for a name that is not there.
class Tensors {
 public:
  Tensors(const nn::ZipArchive& archive, const std::string& part);
  const std::string& source() const { return source_; }
  const nn::NamedTensors& all() const { return all_; }
  bool has(const std::string& name) const { return places_.contains(name); }
  const Tensor& operator[](const std::string& name) const {
    const auto at = places_.find(name);
    if (at == places_.end()) fail(source_, "has no '{}'", name);
    return all_[at->second].tensor;
  }
  double number(const std::string& name) const {
    const Tensor& x = (*this)[name];
    if (x.numel() != 1) fail(source_, "'{}' has the shape {}, expected one number", name, x.shape().str());
    return x.item();
  }

 private:
  std::string source_;
  nn::NamedTensors all_;
  std::map<std::string, std::size_t> places_;
};

/// What one of our weights is made of: theirs one after another, such as two critics' for an ensemble.
struct Origin {
  std::string ours;
  std::vector<std::string> theirs;
};
using Origins = std::vector<Origin>;

/// One of our optimisers, the part of the file that holds its state, and how the names of the weights begin
/// that it steps; "" for the temperature's.
struct Learner {
  std::string ours, part, prefix;
};

/// What a file's agent is here: an algorithm, where each of its weights comes from, its optimisers, and
/// settings by our keys.
struct Mapping {
  std::string algorithm;
  std::vector<Learner> learners;
  Origins origins;
  Json settings = Json::object();
};

/// What kind of agent it is. FormatError for one that has no counterpart here.
Mapping mapping_of(const Data& data, const Tensors& policy);

/// FormatError unless first layers take what this environment has: observations, and before Q(s, a) actions
/// behind them.
void check_inputs(const Tensors& policy, const Mapping& map, const Config& config);

/// Agent::named_weights() for an agent like that. FormatError for a tensor of the file that does not fit, is
/// not finite or is left over.
nn::NamedTensors weights_of(const nn::ZipArchive& archive, const Tensors& policy, const Mapping& map,
                            const Agent& like);

/// FormatError unless the optimiser is the Adam of the paper, which ours is.
void check_adam(const Tensors& optimizer);

/// Adam's step count and moments for one of our optimisers. A file that was never trained has none.
struct Moments {
  double steps = 0;
  nn::NamedTensors state;
};
Moments moments_of(const Tensors& file, const Learner& learner, const Tensors& policy, const Mapping& map,
                   const Agent& like);

}  // namespace saccade::rl::sb3
