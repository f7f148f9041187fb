#include "rl/runs/about_weights.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/json.h"
#include "rl/runs/build_info.h"

namespace saccade::rl {

namespace {

using Json = nlohmann::ordered_json;

Json bounds(const std::vector<double>& values) {
  Json json = Json::array();
  for (const double x : values) json.push_back(std::isfinite(x) ? Json(x) : Json(nullptr));
  return json;
}

void add_observation(Json& steps, const ObsTransform& obs, const envs::Space& space) {
  if (obs.one_hot) {
    steps.push_back(
        {{"op", "one_hot"}, {"size", std::get<envs::Discrete>(space).n}, {"formula", "0 but for a 1 at x"}});
  }
  if (!obs.mean.empty()) {
    steps.push_back({{"op", "normalize"},
                     {"mean", "obs.mean"},
                     {"squares", "obs.squares"},
                     {"count", "obs.count"},
                     {"limit", obs.limit},
                     {"formula", "(x - mean) / sqrt(squares / count + 1e-8), within [-limit, limit]"}});
  }
}

// A layer's tensors; those of an ensemble are the member's rows.
Json tensors(const char* op, const std::string& name, const std::optional<std::int64_t>& member) {
  Json step = {{"op", op}, {"weight", name + ".weight"}, {"bias", name + ".bias"}};
  if (member) step["member"] = *member;
  return step;
}

void add_layers(Json& steps, const std::vector<DenseLayer>& layers) {
  for (const DenseLayer& layer : layers) {
    if (!layer.batch_norm_name.empty()) {
      Json norm = tensors("batch_norm", layer.batch_norm_name, layer.member);
      norm["mean"] = layer.batch_norm_name + ".mean";
      norm["variance"] = layer.batch_norm_name + ".variance";
      norm["eps"] = layer.batch_norm_eps;
      norm["formula"] = "(x - mean) / sqrt(variance + eps) weight + bias";
      steps.push_back(norm);
    }
    Json linear = tensors("linear", layer.name, layer.member);
    linear["formula"] = "weight x + bias";
    steps.push_back(linear);
    if (!layer.norm_name.empty()) {
      Json norm = tensors("layer_norm", layer.norm_name, {});
      norm["formula"] = "(x - its mean) / sqrt(its variance + 1e-5) weight + bias";
      steps.push_back(norm);
    }
    if (layer.activation == Activation::relu) steps.push_back({{"op", "relu"}, {"formula", "max(x, 0)"}});
    if (layer.activation == Activation::tanh) steps.push_back({{"op", "tanh"}, {"formula", "tanh(x)"}});
  }
}

void add_best_action(Json& steps, PolicyHead head, const envs::Space& space) {
  if (head == PolicyHead::choice) {
    steps.push_back({{"op", "argmax"}, {"formula", "the number of the largest x, from 0"}});
    return;
  }
  const auto& box = std::get<envs::Box>(space);
  if (head == PolicyHead::gaussian || head == PolicyHead::gaussian_tanh)
    steps.push_back({{"op", "first"}, {"size", box.low.size()}, {"formula", "the first of x: the mean"}});
  steps.push_back({{"op", "tanh"}, {"formula", "tanh(x)"}});
  steps.push_back({{"op", "scale"},
                   {"low", bounds(box.low)},
                   {"high", bounds(box.high)},
                   {"formula", "low + (x + 1) / 2 (high - low)"}});
}

// How the last layer's outputs x become an action that is drawn.
std::string draw_of(const PolicyNetwork& policy) {
  constexpr const char* kDraw = "a = tanh(mean + sigma z), z standard normal, then scaled as in policy";
  switch (policy.head) {
    case PolicyHead::gaussian:
      return fmt::format("the second half of x, within [-20, 2], is log sigma; {}", kDraw);
    case PolicyHead::gaussian_tanh:
      return fmt::format("the second half of x is y, and log sigma = -5 + 3.5 (tanh(y) + 1); {}", kDraw);
    case PolicyHead::gaussian_gsde:
      return fmt::format(
          "h is what the last linear layer takes, and Z a matrix of standard normal numbers with the shape "
          "of "
          "{}, its logarithm of sigma; a = tanh(x + h (exp({}) * Z)), then scaled as in policy",
          policy.gsde_name, policy.gsde_name);
    case PolicyHead::choice:
      return policy.temperature ? fmt::format("with probabilities softmax(x / {})", *policy.temperature) : "";
    case PolicyHead::deterministic:
      break;
  }
  return "";
}

Json critics_json(const CriticNetworks& critics, const envs::Space& observations) {
  Json each = Json::array();
  for (const std::vector<DenseLayer>& layers : critics.critics) {
    Json steps = Json::array();
    add_observation(steps, critics.obs, observations);
    if (critics.takes_action)
      steps.push_back({{"op", "append_action"}, {"formula", "x, then the action in [-1, 1]"}});
    add_layers(steps, layers);
    if (critics.takes_action && layers.back().out > 1)
      steps.push_back({{"op", "mean"}, {"formula", "the mean of x, which are quantiles"}});
    each.push_back(steps);
  }
  return each;
}

}  // namespace

Json space_json(const envs::Space& space) {
  if (const auto* choices = std::get_if<envs::Discrete>(&space)) return {{"choices", choices->n}};
  const auto& box = std::get<envs::Box>(space);
  return {{"size", box.low.size()}, {"low", bounds(box.low)}, {"high", bounds(box.high)}};
}

nn::safetensors::Metadata about_weights(const Config& config, const envs::Spec& spec, const Agent& agent) {
  nn::safetensors::Metadata about = {
      {"about", fmt::format("Weights of {}, trained on {}", config.algorithm().title, config.run.env)},
      {"env", config.run.env},
      {"algorithm", config.algorithm().name},
      {"saccade", version()},
      {"observation", dumped(space_json(spec.observation_space))},
      {"action", dumped(space_json(spec.action_space))}};
  if (const std::optional<PolicyNetwork> policy = agent.policy_network()) {
    Json steps = Json::array();
    add_observation(steps, policy->obs, spec.observation_space);
    add_layers(steps, policy->layers);
    add_best_action(steps, policy->head, spec.action_space);
    about["policy"] = dumped(steps);
    if (const std::string draw = draw_of(*policy); !draw.empty()) about["draw"] = draw;
  }
  if (const std::optional<CriticNetworks> critics = agent.critic_networks())
    about["critics"] = dumped(critics_json(*critics, spec.observation_space));
  return about;
}

}  // namespace saccade::rl
