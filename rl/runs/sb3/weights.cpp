// Ours of theirs: weights, and what Adam keeps of them.
#include <algorithm>
#include <cmath>
#include <functional>
#include <set>
#include <variant>

#include "autograd/ops.h"
#include "base/text.h"
#include "rl/runs/parts.h"
#include "rl/runs/sb3/networks.h"

namespace saccade::rl::sb3 {

void check_inputs(const Tensors& policy, const Mapping& map, const Config& config) {
  const envs::Spec spec = spec_of(config);
  const auto* states = std::get_if<envs::Discrete>(&spec.observation_space);
  const auto obs =
      states != nullptr ? states->n : static_cast<std::int64_t>(envs::size_of(spec.observation_space));
  for (const Origin& origin : map.origins) {
    if (!origin.ours.ends_with(".l1.weight")) continue;
    const bool of_actions = map.algorithm != "dqn" && origin.ours.find(".q.") != std::string::npos;
    const std::int64_t expected =
        obs + (of_actions ? static_cast<std::int64_t>(envs::size_of(spec.action_space)) : 0);
    for (const std::string& name : origin.theirs) {
      const Tensor& weight = policy[name];
      if (weight.dim() != 2 || weight.size(1) != expected)
        fail(policy.source(), "'{}' has the shape {}, expected [outputs, {}] for {}", name,
             weight.shape().str(), expected, spec.id);
    }
  }
}

namespace {

void check_finite(const Tensors& tensors, const std::string& name) {
  for (const double x : tensors[name].to_vector()) {
    if (!std::isfinite(x)) fail(tensors.source(), "'{}' holds {}, expected finite numbers", name, x);
  }
}

// Ours of theirs, in f32; what(name) is the tensor that counts.
Tensor assembled(const Tensors& file, const Origin& origin, const Tensor& like,
                 const std::function<std::string(const std::string&)>& what) {
  const Tensor result = empty(like.shape(), like.dtype());
  auto* to = result.mutable_data<float>();
  std::int64_t room = result.numel();
  for (const std::string& theirs : origin.theirs) {
    const std::string name = what(theirs);
    const Tensor& x = file[name];
    const bool same_width = x.dim() == 0 || like.dim() == 0 || x.size(-1) == like.size(-1) ||
                            (x.dim() == 1 && origin.theirs.size() > 1);
    const std::int64_t each = like.numel() / static_cast<std::int64_t>(origin.theirs.size());
    if (x.dtype() != DType::f32 || x.numel() != each || x.numel() > room || !same_width)
      fail(file.source(), "'{}' is {}, expected {} numbers of f32 in rows of {}", name, describe(x), each,
           like.dim() == 0 ? 1 : like.size(-1));
    check_finite(file, name);
    const float* from = x.data<float>();
    to = std::copy(from, from + x.numel(), to);
    room -= x.numel();
  }
  return result;
}

// ln alpha, learned or not.
Tensor log_alpha_of(const nn::ZipArchive& archive, bool learned) {
  const Tensors variables(archive, "pytorch_variables.pth");
  const double x = variables.number(learned ? "log_ent_coef" : "ent_coef_tensor"),
               log_alpha = learned ? x : std::log(x);
  if (!std::isfinite(log_alpha))
    fail(variables.source(), "the temperature is {}, expected a number above 0", learned ? std::exp(x) : x);
  return scalar(log_alpha);
}

}  // namespace

nn::NamedTensors weights_of(const nn::ZipArchive& archive, const Tensors& policy, const Mapping& map,
                            const Agent& like) {
  std::set<std::string> unused;
  for (const auto& [name, tensor] : policy.all()) unused.insert(name);
  nn::NamedTensors weights;
  for (const auto& [name, tensor] : like.named_weights()) {
    if (name == "log_alpha") {
      weights.push_back({name, log_alpha_of(archive, map.settings.at("learn_alpha"))});
      continue;
    }
    const auto origin = std::find_if(map.origins.begin(), map.origins.end(),
                                     [&, &ours = name](const Origin& o) { return o.ours == ours; });
    if (origin == map.origins.end()) fail(policy.source(), "has nothing that would be {} here", name);
    weights.push_back(
        {name, assembled(policy, *origin, tensor, [](const std::string& theirs) { return theirs; })});
    for (const std::string& theirs : origin->theirs) unused.erase(theirs);
  }
  if (!unused.empty())
    fail(policy.source(), "has '{}', which has no counterpart here", printable(*unused.begin()));
  return weights;
}

// Our Adam is that of the paper.
void check_adam(const Tensors& file) {
  const std::pair<const char*, double> expected[] = {
      {"betas.0", 0.9}, {"betas.1", 0.999}, {"eps", 1e-8}, {"weight_decay", 0}, {"amsgrad", 0}};
  for (const auto& [name, value] : expected) {
    const double found = file.number(std::string("param_groups.0.") + name);
    if (found != value)
      fail(file.source(), "Adam's {} is {}, expected {}: there is no other here", name, found, value);
  }
  if (file.has("param_groups.1.lr")) fail(file.source(), "has several groups of parameters, expected one");
}

Moments moments_of(const Tensors& file, const Learner& learner, const Tensors& policy, const Mapping& map,
                   const Agent& like) {
  // Theirs are numbered in the order of the network's parameters.
  std::map<std::string, std::size_t> numbers;
  for (const auto& [name, tensor] : policy.all()) {
    if (!learner.prefix.empty() && name.starts_with(learner.prefix)) numbers.emplace(name, numbers.size());
  }
  Origins origins;
  for (const Origin& origin : map.origins) {
    if (origin.ours.starts_with(learner.ours + ".")) origins.push_back(origin);
  }
  if (learner.prefix.empty()) {
    origins = {{"log_alpha", {"log_alpha"}}};
    numbers = {{"log_alpha", 0}};
  }
  Moments result;
  const bool trained = file.has("state.0.step");
  for (std::size_t i = 0; trained && i < numbers.size(); ++i) {
    const double steps = file.number(fmt::format("state.{}.step", i));
    if (i > 0 && steps != result.steps)
      fail(file.source(), "has taken {} steps with one parameter and {} with another", result.steps, steps);
    result.steps = steps;
  }
  const nn::NamedTensors weights = like.named_weights();
  const nn::NamedTensors shapes = nn::with_prefix(like.named_optimizer_state(), learner.ours + ".");
  for (const auto& [name, tensor] : shapes) {
    if (name == "steps") {
      result.state.push_back({learner.ours + ".steps", scalar(result.steps, DType::f64)});
      continue;
    }
    const Tensor all = zeros(tensor.shape(), tensor.dtype());
    auto* to = all.mutable_data<float>();
    for (const nn::NamedTensor& weight : weights) {
      const auto origin = std::find_if(origins.begin(), origins.end(),
                                       [&](const Origin& o) { return o.ours == weight.name; });
      if (!trained || origin == origins.end()) continue;
      const char* moment = name == "m" ? "exp_avg" : "exp_avg_sq";
      const Tensor part = assembled(file, *origin, weight.tensor, [&](const std::string& theirs) {
        return fmt::format("state.{}.{}", numbers.at(theirs), moment);
      });
      to = std::copy(part.data<float>(), part.data<float>() + part.numel(), to);
    }
    result.state.push_back({learner.ours + "." + name, all});
  }
  return result;
}

}  // namespace saccade::rl::sb3
