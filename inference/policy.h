// Acting with a trained policy, and nothing else: no environment, no training, no MuJoCo.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace saccade::inference {

/// What weights.safetensors says of itself (docs/formats.md): the steps from an observation to the best
/// action. Not to be used by several threads at once; a copy is independent.
class Policy {
 public:
  /// From a run's folder, or from its weights file. FormatError, naming the file, for one that is missing or
  /// damaged, that does not say what its policy is, or whose steps do not fit each other.
  static Policy load(const std::string& path);

  /// How many numbers an observation has, and an action; 1 for the number of a state or of a choice.
  std::int64_t observation_size() const { return observation_size_; }
  std::int64_t action_size() const { return action_size_; }

  /// The best action for one observation, both in the environment's units. Takes nothing from the heap.
  /// ShapeError for sizes that do not fit; Error for the number of a state that there is not.
  void act(std::span<const double> observation, std::span<double> action);

  /// The file's metadata: "algorithm", "env", ...
  const std::map<std::string, std::string>& about() const { return about_; }

 private:
  enum class Op { one_hot, normalize, linear, layer_norm, affine, relu, tanh, first, argmax };
  struct Step {
    Op op;
    std::size_t in = 0, out = 0;
    std::vector<double> a = {}, b = {};  // linear: W (out, in) and b; normalize and affine: x a + b
    double limit = 0;
  };
  class Reader;

  std::map<std::string, std::string> about_;
  std::int64_t observation_size_ = 0, action_size_ = 0;
  std::vector<Step> steps_;
  std::vector<double> x_, y_;  // as wide as the widest step
};

}  // namespace saccade::inference
