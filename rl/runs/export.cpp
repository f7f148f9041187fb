#include "rl/runs/export.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <numbers>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "nn/formats/onnx.h"
#include "rl/runs/about_weights.h"
#include "rl/runs/build_info.h"
#include "rl/runs/evaluate_run.h"
#include "rl/runs/training.h"

namespace saccade::rl {

namespace {

using Json = nlohmann::ordered_json;
using nn::onnx::ElementType;

// [-1, 1] to the box of actions.
struct Stretch {
  std::vector<float> middle, half;
};

Stretch stretch_of(const envs::Box& box) {
  Stretch stretch;
  for (std::size_t i = 0; i < box.low.size(); ++i) {
    stretch.middle.push_back(static_cast<float>((box.high[i] + box.low[i]) / 2));
    stretch.half.push_back(static_cast<float>((box.high[i] - box.low[i]) / 2));
  }
  return stretch;
}

std::int64_t width_of(const std::vector<float>& values) { return static_cast<std::int64_t>(values.size()); }

// A graph with the steps that its parts share.
class Model {
 public:
  explicit Model(const ExportedAgent& agent, std::string name) : agent_(agent), graph_(std::move(name)) {}

  nn::onnx::Graph& graph() { return graph_; }

  std::string scalar(const std::string& name, float value) {
    return graph_.constant(name, {}, std::vector<float>{value});
  }
  std::string row(const std::string& name, const std::vector<float>& values) {
    return graph_.constant(name, {width_of(values)}, values);
  }
  std::string integers(const std::string& name, const std::vector<std::int64_t>& values) {
    return graph_.constant(name, {static_cast<std::int64_t>(values.size())}, values);
  }

  // The observation as the first layer has it.
  std::string observation(const ObsTransform& transform) {
    const auto size = static_cast<std::int64_t>(envs::size_of(agent_.spec.observation_space));
    if (transform.one_hot) {
      const auto states = std::get<envs::Discrete>(agent_.spec.observation_space).n;
      const std::string number = graph_.input("observation", ElementType::i64, 0, "the number of the state");
      graph_.constant("states", {}, std::vector<std::int64_t>{states});
      return graph_.node("OneHot", {number, "states", row("off_on", {0, 1})}, "one_hot");
    }
    std::string x = graph_.input("observation", ElementType::f32, size, "as Env::step() gives it");
    if (transform.mean.empty()) return x;
    x = graph_.node("Sub", {x, row("observation_mean", transform.mean)}, "observation_centred");
    x = graph_.node("Mul", {x, row("observation_scale", transform.scale)}, "observation_scaled");
    return graph_.node(
        "Clip",
        {x, scalar("observation_least", -transform.limit), scalar("observation_most", transform.limit)},
        "observation_normalised");
  }

  std::string dense(std::string x, const DenseLayer& layer, const std::string& name) {
    graph_.constant(name + ".weight", {layer.out, layer.in}, layer.weight);
    x = graph_.node("Gemm", {x, name + ".weight", row(name + ".bias", layer.bias)}, name,
                    {{"transB", std::int64_t{1}}});
    if (!layer.norm_weight.empty()) {
      x = graph_.node(
          "LayerNormalization",
          {x, row(name + ".norm_weight", layer.norm_weight), row(name + ".norm_bias", layer.norm_bias)},
          name + ".norm", {{"axis", std::int64_t{-1}}, {"epsilon", 1e-5F}});
    }
    if (layer.activation == Activation::none) return x;
    const bool relu = layer.activation == Activation::relu;
    return graph_.node(relu ? "Relu" : "Tanh", {x}, name + (relu ? ".relu" : ".tanh"));
  }

  std::string columns(const std::string& x, std::int64_t from, std::int64_t to, const std::string& name) {
    return graph_.node(
        "Slice",
        {x, integers(name + ".from", {from}), integers(name + ".to", {to}), integers(name + ".axis", {1})},
        name);
  }

 private:
  const ExportedAgent& agent_;
  nn::onnx::Graph graph_;
};

// What the policy's head draws, or the best that it knows: u before the tanh, or a choice.
class Head {
 public:
  Head(Model& model, const PolicyNetwork& policy) : m_(model), policy_(policy) {
    x_ = m_.observation(policy.obs);
    for (std::size_t k = 0; k < policy.layers.size(); ++k) {
      features_ = x_;
      x_ = m_.dense(x_, policy.layers[k], fmt::format("l{}", k + 1));
    }
  }

  std::string mean(std::int64_t actions) {
    const bool both = policy_.head == PolicyHead::gaussian || policy_.head == PolicyHead::gaussian_tanh;
    return both ? m_.columns(x_, 0, actions, "mu") : x_;
  }

  std::string draw(std::int64_t actions) {
    nn::onnx::Graph& g = m_.graph();
    const std::string mu = mean(actions);
    if (policy_.head == PolicyHead::gaussian_gsde) {
      const std::int64_t width = policy_.layers.back().in;
      const std::string noise = noise_input(width * actions);
      const std::string z =
          g.node("Reshape", {noise, m_.integers("noise_shape", {-1, width, actions})}, "noise_matrix");
      const std::string weights =
          g.node("Mul", {z, g.constant("sigma", {width, actions}, policy_.gsde_sigma)}, "noise_weights");
      const std::string h = g.node("Unsqueeze", {features_, m_.integers("axis_1", {1})}, "features");
      const std::string product = g.node("MatMul", {h, weights}, "noise_product");
      return g.node("Add", {mu, g.node("Squeeze", {product, "axis_1"}, "deviation")}, "u");
    }
    std::string log_sigma = m_.columns(x_, actions, 2 * actions, "log_sigma_raw");
    if (policy_.head == PolicyHead::gaussian) {
      log_sigma =
          g.node("Clip", {log_sigma, m_.scalar("log_sigma_least", -20), m_.scalar("log_sigma_most", 2)},
                 "log_sigma");
    } else {
      log_sigma = g.node("Tanh", {log_sigma}, "log_sigma_tanh");
      log_sigma = g.node("Mul", {log_sigma, m_.scalar("log_sigma_half", 3.5)}, "log_sigma_scaled");
      log_sigma = g.node("Add", {log_sigma, m_.scalar("log_sigma_middle", -1.5)}, "log_sigma");
    }
    const std::string sigma = g.node("Exp", {log_sigma}, "sigma");
    return g.node("Add", {mu, g.node("Mul", {sigma, noise_input(actions)}, "deviation")}, "u");
  }

  std::string best_choice() {
    return m_.graph().node("ArgMax", {x_}, "action",
                           {{"axis", std::int64_t{1}}, {"keepdims", std::int64_t{0}}});
  }

  // The first choice whose running sum of probabilities exceeds Phi(noise): see draw_choices().
  std::string drawn_choice(std::int64_t choices) {
    nn::onnx::Graph& g = m_.graph();
    const std::string logits =
        g.node("Div", {x_, m_.scalar("temperature", static_cast<float>(*policy_.temperature))}, "logits");
    const std::string p = g.node("Softmax", {logits}, "probabilities", {{"axis", std::int64_t{1}}});
    g.constant("axis_1", {}, std::vector<std::int64_t>{1});
    const std::string sums = g.node("CumSum", {p, "axis_1"}, "running_sums");
    std::string u =
        g.node("Div", {noise_input(1), m_.scalar("sqrt_2", std::numbers::sqrt2_v<float>)}, "noise_scaled");
    u = g.node("Add", {g.node("Erf", {u}, "erf"), m_.scalar("one", 1)}, "erf_plus_1");
    u = g.node("Mul", {u, m_.scalar("half", 0.5)}, "u");
    u = g.node("Mul", {u, m_.columns(sums, choices - 1, choices, "whole")}, "u_of_whole");
    const std::string passed =
        g.node("GreaterOrEqual", {u, m_.columns(sums, 0, choices - 1, "sums_but_last")}, "passed");
    const std::string counted =
        g.node("Cast", {passed}, "passed_as_numbers", {{"to", static_cast<std::int64_t>(ElementType::i64)}});
    return g.node("ReduceSum", {counted, m_.integers("sum_axis", {1})}, "action",
                  {{"keepdims", std::int64_t{0}}});
  }

 private:
  std::string noise_input(std::int64_t width) {
    return m_.graph().input("noise", ElementType::f32, width, "standard normal; zeros give the mean");
  }

  Model& m_;
  const PolicyNetwork& policy_;
  std::string x_, features_;  // the last layer's outputs and inputs
};

void add_policy(Model& model, const ExportedAgent& agent, bool stochastic) {
  Head head(model, agent.policy);
  if (const auto* choices = std::get_if<envs::Discrete>(&agent.spec.action_space)) {
    const std::string action = stochastic ? head.drawn_choice(choices->n) : head.best_choice();
    return model.graph().output(action, ElementType::i64, 0, "the number of the choice");
  }
  const auto& box = std::get<envs::Box>(agent.spec.action_space);
  const Stretch stretch = stretch_of(box);
  const std::int64_t actions = width_of(stretch.half);
  const std::string u = stochastic ? head.draw(actions) : head.mean(actions);
  std::string action = model.graph().node("Tanh", {u}, "squashed");
  action = model.graph().node("Mul", {action, model.row("action_half", stretch.half)}, "stretched");
  action = model.graph().node("Add", {action, model.row("action_middle", stretch.middle)}, "action");
  model.graph().output(action, ElementType::f32, actions, "as Env::step() takes it");
}

// The mean of quantiles as one output: the layer is linear.
DenseLayer averaged(const DenseLayer& layer) {
  DenseLayer mean = {.in = layer.in,
                     .out = 1,
                     .weight = std::vector<float>(static_cast<std::size_t>(layer.in)),
                     .bias = {0},
                     .norm_weight = {},
                     .norm_bias = {}};
  for (std::int64_t i = 0; i < layer.in; ++i) {
    double sum = 0;
    for (std::int64_t j = 0; j < layer.out; ++j)
      sum += layer.weight[static_cast<std::size_t>(j * layer.in + i)];
    mean.weight[static_cast<std::size_t>(i)] = static_cast<float>(sum / static_cast<double>(layer.out));
  }
  double sum = 0;
  for (const float b : layer.bias) sum += b;
  mean.bias[0] = static_cast<float>(sum / static_cast<double>(layer.out));
  return mean;
}

void add_critics(Model& model, const ExportedAgent& agent) {
  const CriticNetworks& critics = *agent.critics;
  nn::onnx::Graph& g = model.graph();
  std::string input = model.observation(critics.obs);
  if (critics.takes_action) {
    const Stretch stretch = stretch_of(std::get<envs::Box>(agent.spec.action_space));
    std::string action =
        g.input("action", ElementType::f32, width_of(stretch.half), "as Env::step() takes it");
    action = g.node("Sub", {action, model.row("action_middle", stretch.middle)}, "action_centred");
    action = g.node("Div", {action, model.row("action_half", stretch.half)}, "action_scaled");
    input = g.node("Concat", {input, action}, "observation_and_action", {{"axis", std::int64_t{1}}});
  }
  std::vector<std::string> each;
  for (std::size_t i = 0; i < critics.critics.size(); ++i) {
    std::vector<DenseLayer> layers = critics.critics[i];
    if (critics.takes_action) layers.back() = averaged(layers.back());
    std::string x = input;
    for (std::size_t k = 0; k < layers.size(); ++k)
      x = model.dense(x, layers[k], fmt::format("q{}.l{}", i + 1, k + 1));
    each.push_back(x);
  }
  if (critics.takes_action) {
    g.node("Concat", each, "q", {{"axis", std::int64_t{1}}});
    return g.output("q", ElementType::f32, static_cast<std::int64_t>(each.size()),
                    "what each critic says of the action");
  }
  g.node("Min", each, "q");
  g.output("q", ElementType::f32, std::get<envs::Discrete>(agent.spec.action_space).n,
           "what the critics say of each choice; the least of several");
}

Json described(const std::string& name, const envs::Space& space) {
  const bool number = std::holds_alternative<envs::Discrete>(space);
  Json json = {{"name", name}, {"dtype", number ? "int64" : "float32"}, {"shape", {"batch"}}};
  if (!number) json["shape"].push_back(envs::size_of(space));
  json["units"] = "the environment's";
  json.update(space_json(space));
  return json;
}

std::int64_t noise_width(const ExportedAgent& agent) {
  if (std::holds_alternative<envs::Discrete>(agent.spec.action_space)) return 1;
  const auto actions = static_cast<std::int64_t>(envs::size_of(agent.spec.action_space));
  return agent.policy.head == PolicyHead::gaussian_gsde ? agent.policy.layers.back().in * actions : actions;
}

void check_part(const ExportedAgent& agent, ExportedPart part) {
  const std::string& algorithm = agent.info.config.algorithm().name;
  const PolicyNetwork& p = agent.policy;
  const bool draws =
      p.head == PolicyHead::choice ? p.temperature.has_value() : p.head != PolicyHead::deterministic;
  if (part == ExportedPart::stochastic && !draws) {
    throw ConfigError(
        fmt::format("{} has no policy that draws: it explores by what is added to its actions. Without "
                    "--stochastic the action is the best it knows",
                    algorithm));
  }
  if (part == ExportedPart::critics && !agent.critics)
    throw ConfigError(fmt::format("{} has no critics to export", algorithm));
}

}  // namespace

ExportedAgent agent_to_export(const std::string& run) {
  ExportedAgent exported = {.info = read_run_info(run), .spec = {}, .policy = {}, .critics = {}};
  exported.spec = make_env(exported.info.config.run.env)->spec();
  for (const envs::Space& space : {exported.spec.observation_space, exported.spec.action_space}) {
    const auto* choices = std::get_if<envs::Discrete>(&space);
    if (choices == nullptr || choices->start == 0) continue;
    throw ConfigError(fmt::format("{}: {} counts from {}; only what counts from 0 can be exported", run,
                                  exported.spec.id, choices->start));
  }
  const std::unique_ptr<Agent> agent = load_agent(run);
  std::optional<PolicyNetwork> policy = agent->policy_network();
  if (!policy)
    throw ConfigError(
        fmt::format("{}: {} does not say what its policy is", run, exported.info.config.algorithm().name));
  exported.policy = std::move(*policy);
  exported.critics = agent->critic_networks();
  return exported;
}

std::string to_onnx(const ExportedAgent& agent, ExportedPart part) {
  check_part(agent, part);
  const Json about = description(agent, part);
  Model model(agent, part == ExportedPart::critics ? "critics" : "policy");
  part == ExportedPart::critics ? add_critics(model, agent)
                                : add_policy(model, agent, part == ExportedPart::stochastic);
  std::map<std::string, std::string> properties;
  for (const auto& [key, value] : about.items())
    properties[key] = value.is_string() ? value.get<std::string>() : dumped(value);
  return model.graph().model(about.at("about"), properties);
}

Json description(const ExportedAgent& agent, ExportedPart part) {
  const Config& config = agent.info.config;
  Json inputs = {described("observation", agent.spec.observation_space)}, outputs = Json::array();
  const char* what = "the best action that the policy knows";
  if (part == ExportedPart::stochastic) {
    what = "a draw from the policy";
    inputs.push_back({{"name", "noise"},
                      {"dtype", "float32"},
                      {"shape", {"batch", noise_width(agent)}},
                      {"distribution", "standard normal"}});
  }
  if (part == ExportedPart::critics) {
    what = "what the critics say of an action";
    const bool of_action = agent.critics->takes_action;
    if (of_action) inputs.push_back(described("action", agent.spec.action_space));
    const auto width = of_action ? static_cast<std::int64_t>(agent.critics->critics.size())
                                 : std::get<envs::Discrete>(agent.spec.action_space).n;
    outputs.push_back({{"name", "q"}, {"dtype", "float32"}, {"shape", {"batch", width}}});
  } else {
    outputs.push_back(described("action", agent.spec.action_space));
  }
  return {{"about", fmt::format("{}: {}, trained on {}", what, config.algorithm().title, config.run.env)},
          {"env", config.run.env},
          {"algorithm", config.algorithm().name},
          {"seed", config.run.seed},
          {"saccade", version()},
          {"inputs", inputs},
          {"outputs", outputs}};
}

}  // namespace saccade::rl
