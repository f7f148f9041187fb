// rl/runs/export.h: a policy as a C++ header.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <variant>
#include <vector>

#include "base/error.h"
#include "rl/runs/build_info.h"
#include "rl/runs/export.h"

namespace saccade::rl {

using Json = nlohmann::ordered_json;

namespace {

// A float that reads back as the same.
std::string literal(float value) {
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text + "f";
}

std::string array(const std::string& name, const std::vector<float>& values) {
  std::string text = fmt::format("inline constexpr float {}[] = {{", name);
  std::size_t column = 200;
  for (const float value : values) {
    const std::string number = literal(value) + ",";
    if (column + number.size() > 118) {
      text += "\n   ";
      column = 3;
    }
    text += " " + number;
    column += number.size() + 1;
  }
  return text + "};\n";
}

// (out, in) to (in, out): so that the inner loop, over outputs, has no sum to carry.
std::vector<float> transposed(const DenseLayer& layer) {
  std::vector<float> result;
  result.reserve(layer.weight.size());
  for (std::int64_t i = 0; i < layer.in; ++i) {
    for (std::int64_t j = 0; j < layer.out; ++j)
      result.push_back(layer.weight[static_cast<std::size_t>(j * layer.in + i)]);
  }
  return result;
}

// The rows of the last layer that give mu: for evaluation the rest is not needed.
DenseLayer only_mean(DenseLayer layer, PolicyHead head) {
  if (head != PolicyHead::gaussian && head != PolicyHead::gaussian_tanh) return layer;
  layer.out /= 2;
  layer.bias.resize(static_cast<std::size_t>(layer.out));
  layer.weight.resize(static_cast<std::size_t>(layer.out * layer.in));
  return layer;
}

}  // namespace

std::string to_header(const ExportedAgent& agent, const std::string& name) {
  const Json about = description(agent, ExportedPart::deterministic);
  std::vector<DenseLayer> layers = agent.policy.layers;
  layers.back() = only_mean(layers.back(), agent.policy.head);
  const bool chooses = std::holds_alternative<envs::Discrete>(agent.spec.action_space);
  std::int64_t width = 0;
  std::string weights;
  for (std::size_t k = 0; k < layers.size(); ++k) {
    if (!layers[k].norm_name.empty())
      throw ConfigError("a header has no layer norm, which this policy needs; an .onnx file has");
    width = std::max({width, layers[k].in, layers[k].out});
    weights += array(fmt::format("weight_{}", k + 1), transposed(layers[k]));
    weights += array(fmt::format("bias_{}", k + 1), layers[k].bias);
  }
  const ObsTransform& obs = agent.policy.obs;
  std::string body = fmt::format("  float a[{}], b[{}];\n", width, width);
  if (obs.one_hot) {
    body +=
        "  const int state = static_cast<int>(observation[0]);\n"
        "  for (int i = 0; i < " +
        fmt::format("{}", layers[0].in) + "; ++i) a[i] = i == state ? 1.0f : 0.0f;\n";
  } else if (!obs.mean.empty()) {
    weights += array("observation_mean", obs.mean) + array("observation_scale", obs.scale);
    body += fmt::format(
        "  for (int i = 0; i < kObservations; ++i) {{\n"
        "    const float x = (observation[i] - detail::observation_mean[i]) * detail::observation_scale[i];\n"
        "    a[i] = x < -{0} ? -{0} : x > {0} ? {0} : x;\n"
        "  }}\n",
        literal(obs.limit));
  } else {
    body += "  for (int i = 0; i < kObservations; ++i) a[i] = observation[i];\n";
  }
  for (std::size_t k = 0; k < layers.size(); ++k) {
    body += fmt::format("  detail::dense<{}, {}, {}>(detail::weight_{}, detail::bias_{}, {}, {});\n",
                        layers[k].in, layers[k].out, layers[k].activation == Activation::relu, k + 1, k + 1,
                        k % 2 == 0 ? "a" : "b", k % 2 == 0 ? "b" : "a");
  }
  const char* last = layers.size() % 2 == 0 ? "a" : "b";
  if (chooses) {
    body += fmt::format(
        "  int best = 0;\n"
        "  for (int i = 1; i < {1}; ++i) best = {0}[i] > {0}[best] ? i : best;\n"
        "  action[0] = static_cast<float>(best);\n",
        last, layers.back().out);
  } else {
    const auto& box = std::get<envs::Box>(agent.spec.action_space);
    std::vector<float> middle, half;
    for (std::size_t i = 0; i < box.low.size(); ++i) {
      middle.push_back(static_cast<float>((box.high[i] + box.low[i]) / 2));
      half.push_back(static_cast<float>((box.high[i] - box.low[i]) / 2));
    }
    weights += array("action_middle", middle) + array("action_half", half);
    body += fmt::format(
        "  for (int i = 0; i < kActions; ++i) {{\n"
        "    action[i] = detail::action_middle[i] + detail::action_half[i] * std::tanh({}[i]);\n"
        "  }}\n",
        last);
  }
  return fmt::format(R"(// {}.
// Made by Saccade {}; needs nothing but this file and C++17, and takes nothing from the heap.
//
// observation: {} numbers, as the environment gives them. action: {} numbers, as it takes them.
#pragma once

#include <cmath>

namespace {} {{

constexpr int kObservations = {}, kActions = {};

namespace detail {{

{}
// y = x W + b, with the negative cut off where there is a relu. W is (In, Out).
template <int In, int Out, bool Relu>
inline void dense(const float* weight, const float* bias, const float* x, float* y) {{
  for (int j = 0; j < Out; ++j) y[j] = bias[j];
  for (int i = 0; i < In; ++i) {{
    for (int j = 0; j < Out; ++j) y[j] += x[i] * weight[i * Out + j];
  }}
  if (Relu) {{
    for (int j = 0; j < Out; ++j) y[j] = y[j] > 0.0f ? y[j] : 0.0f;
  }}
}}

}}  // namespace detail

inline void act(const float* observation, float* action) {{
{}}}

}}  // namespace {}
)",
                     about.at("about").get<std::string>(), version(),
                     envs::size_of(agent.spec.observation_space), envs::size_of(agent.spec.action_space),
                     name, envs::size_of(agent.spec.observation_space),
                     envs::size_of(agent.spec.action_space), weights, body, name);
}

}  // namespace saccade::rl
