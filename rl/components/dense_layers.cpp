#include "rl/components/dense_layers.h"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "base/error.h"

namespace saccade::rl {

namespace {

// A parameter, (n, ...) of an ensemble: one member's numbers.
std::vector<double> member_of(const Tensor& parameter, std::int64_t dims, std::int64_t member) {
  const std::vector<double> all = parameter.to_vector();
  if (parameter.dim() == dims) return all;
  const auto size = static_cast<std::ptrdiff_t>(all.size()) / parameter.size(0);
  return {all.begin() + size * member, all.begin() + size * (member + 1)};
}

std::vector<float> floats(const std::vector<double>& values) { return {values.begin(), values.end()}; }

DenseLayer dense(const std::vector<double>& weight, const std::vector<double>& bias) {
  const auto out = static_cast<std::int64_t>(bias.size());
  return {.in = static_cast<std::int64_t>(weight.size()) / out,
          .out = out,
          .weight = floats(weight),
          .bias = floats(bias),
          .norm_weight = {},
          .norm_bias = {}};
}

std::vector<DenseLayer> with_relus(std::vector<DenseLayer> layers) {
  for (std::size_t i = 0; i + 1 < layers.size(); ++i) layers[i].activation = Activation::relu;
  return layers;
}

}  // namespace

std::vector<DenseLayer> dense_layers(const std::string& name, const nn::Module& network,
                                     std::int64_t member) {
  std::vector<DenseLayer> layers;
  const nn::NamedTensors& all = network.named_parameters();
  // Layers register a weight, then a bias. A linear layer's weight has one dimension more than its bias, a
  // norm's as many.
  for (std::size_t i = 0; i + 1 < all.size(); i += 2) {
    const auto& [weight_name, weight] = all[i];
    const Tensor& bias = all[i + 1].tensor;
    if (!weight_name.ends_with(".weight") || !all[i + 1].name.ends_with(".bias"))
      throw ConfigError("dense_layers: " + weight_name + " is no layer's weight");
    const std::string full = name + "." + weight_name.substr(0, weight_name.rfind('.'));
    const std::vector<double> b = member_of(bias, 1, member);
    if (weight.dim() > bias.dim()) {
      layers.push_back(dense(member_of(weight, 2, member), b));
      layers.back().name = full;
      if (weight.dim() == 3) layers.back().member = member;
    } else {
      layers.back().norm_name = full;
      layers.back().norm_weight = floats(member_of(weight, 1, member));
      layers.back().norm_bias = floats(b);
    }
  }
  return with_relus(std::move(layers));
}

std::vector<DenseLayer> dense_layers(const std::string& name, const BatchNormNet& network,
                                     std::int64_t member) {
  std::vector<DenseLayer> layers;
  for (std::size_t k = 0; k < network.layers().size(); ++k) {
    const nn::NamedTensors& linear = network.layers()[k].named_parameters();
    const nn::BatchNorm::Affine norm = network.norms()[k].affine();
    const std::vector<double> scale = member_of(norm.scale, 1, member),
                              shift = member_of(norm.shift, 1, member);
    std::vector<double> weight = member_of(linear.at(0).tensor, 2, member);
    std::vector<double> bias = member_of(linear.at(1).tensor, 1, member);
    // W (x scale + shift) + b
    for (std::size_t j = 0; j < bias.size(); ++j) {
      for (std::size_t i = 0; i < scale.size(); ++i) {
        double& w = weight[j * scale.size() + i];
        bias[j] += w * shift[i];
        w *= scale[i];
      }
    }
    layers.push_back(dense(weight, bias));
    layers.back().name = fmt::format("{}.l{}", name, k + 1);
    layers.back().batch_norm_name = fmt::format("{}.bn{}", name, k);
    layers.back().batch_norm_eps = network.norms()[k].eps();
    if (linear.at(0).tensor.dim() == 3) layers.back().member = member;
  }
  return with_relus(std::move(layers));
}

std::int64_t ensemble_of(const nn::Module& network) {
  for (const auto& [name, parameter] : network.named_parameters()) {
    if (parameter.dim() == 3) return parameter.size(0);
  }
  return 1;
}

PolicyNetwork policy_network_of(ObsTransform obs, const GaussianActor& actor, LogStd log_std) {
  PolicyNetwork policy = {.obs = std::move(obs), .layers = dense_layers("actor", actor)};
  policy.head = log_std == LogStd::clamp  ? PolicyHead::gaussian
                : log_std == LogStd::tanh ? PolicyHead::gaussian_tanh
                                          : PolicyHead::gaussian_gsde;
  if (log_std == LogStd::gsde) {
    policy.gsde_sigma = floats(exp(actor.gsde_log_sigma()).to_vector());
    policy.gsde_name = "actor.log_sigma";
  }
  return policy;
}

}  // namespace saccade::rl
