#include "rl/runs/sb3/networks.h"

#include <fmt/ranges.h>

#include <cstdlib>
#include <set>
#include <utility>

#include "base/text.h"
#include "nn/formats/torch_pickle.h"

namespace saccade::rl::sb3 {

Tensors::Tensors(const nn::ZipArchive& archive, const std::string& part)
    : source_(archive.source() + "/" + part), all_(nn::torch_pickle::load(archive.member(part), source_)) {
  for (std::size_t i = 0; i < all_.size(); ++i) places_.emplace(all_[i].name, i);
}

namespace {

// A perceptron's layers, which they number with the activations between them; of an ensemble those of each.
void add_layers(Origins& origins, const std::string& ours, const std::vector<std::string>& theirs,
                std::size_t layers) {
  for (std::size_t k = 0; k < layers; ++k) {
    for (const char* part : {"weight", "bias"}) {
      Origin origin = {fmt::format("{}.l{}.{}", ours, k + 1, part), {}};
      for (const std::string& prefix : theirs)
        origin.theirs.push_back(fmt::format("{}.{}.{}", prefix, 2 * k, part));
      origins.push_back(std::move(origin));
    }
  }
}

// How wide the layers of a perceptron are, its output included. Each takes what the one before it gives:
// networks of ours with these widths have as many weights as the file, and no more.
std::vector<std::int64_t> widths(const Tensors& policy, const std::string& prefix) {
  std::vector<std::int64_t> result;
  for (std::string name = prefix + ".0.weight"; policy.has(name);
       name = fmt::format("{}.{}.weight", prefix, 2 * result.size())) {
    const Tensor& weight = policy[name];
    if (weight.dim() != 2 || (!result.empty() && weight.size(1) != result.back())) {
      fail(policy.source(), "'{}' has the shape {}, expected [outputs, {}]", name, weight.shape().str(),
           result.empty() ? "inputs" : std::to_string(result.back()));
    }
    result.push_back(weight.size(0));
  }
  return result;
}

std::vector<std::int64_t> hidden_of(std::vector<std::int64_t> all) {
  if (!all.empty()) all.pop_back();
  return all;
}

std::vector<std::string> critic_names(const Tensors& policy, const std::string& of) {
  std::vector<std::string> names;
  while (policy.has(fmt::format("{}.qf{}.0.weight", of, names.size())))
    names.push_back(fmt::format("{}.qf{}", of, names.size()));
  return names;
}

// Critics, and a policy with the same hidden layers, which are `hidden`.
void map_critics(Mapping& map, const Tensors& policy, const std::vector<std::int64_t>& hidden,
                 const char* target) {
  const std::vector<std::string> critics = critic_names(policy, "critic"),
                                 targets = critic_names(policy, "critic_target");
  if (critics.empty() || critics.size() != targets.size())
    fail(policy.source(), "has {} critics and {} targets of critics, expected as many", critics.size(),
         targets.size());
  const std::vector<std::int64_t> all = widths(policy, critics[0]), theirs = hidden_of(all);
  for (const auto& names : {critics, targets}) {
    for (const std::string& name : names) {
      if (widths(policy, name) != all) fail(policy.source(), "{} has other layers than {}", name, critics[0]);
    }
  }
  if (theirs != hidden) {
    fail(policy.source(), "the policy has hidden layers of [{}], the critics of [{}]; here they are the same",
         fmt::join(hidden, ", "), fmt::join(theirs, ", "));
  }
  map.settings["hidden"] = hidden;
  map.settings["critics"] = critics.size();
  add_layers(map.origins, "critic.q", critics, hidden.size() + 1);
  add_layers(map.origins, fmt::format("{}.q", target), targets, hidden.size() + 1);
}

// ---- algorithms ----

Mapping map_sac(const Data& data, const Tensors& policy) {
  Mapping map = {
      .algorithm = "sac",
      .learners = {{"actor", "actor.optimizer.pth", "actor."}, {"critic", "critic.optimizer.pth", "critic."}},
      .origins = {}};
  const std::vector<std::int64_t> hidden = widths(policy, "actor.latent_pi");
  add_layers(map.origins, "actor.body", {"actor.latent_pi"}, hidden.size());
  for (const std::string part : {"weight", "bias"})
    map.origins.push_back({"actor.head." + part, {"actor.mu." + part, "actor.log_std." + part}});
  map_critics(map, policy, hidden, "target");
  if (data.number("target_update_interval", 1) != 1)
    fail(data.source(), "target_update_interval is {}, expected 1: here targets follow in every update",
         shown(data["target_update_interval"]));

  // Half the sum of the critics' losses, and the temperature's loss on log alpha.
  map.settings.update({{"critic_loss_factor", 0.5}, {"alpha_loss", "log_alpha"}});
  const Json& ent_coef = data["ent_coef"];
  const std::string text = ent_coef.is_string() ? ent_coef.get<std::string>() : "";
  if (text.starts_with("auto")) {
    map.settings["learn_alpha"] = true;
    if (text.starts_with("auto_")) map.settings["initial_alpha"] = std::strtod(text.c_str() + 5, nullptr);
    map.settings["target_entropy"] = data.number("target_entropy");
    map.learners.push_back({"alpha", "ent_coef_optimizer.pth", ""});
  } else if (ent_coef.is_number()) {
    map.settings.update({{"learn_alpha", false}, {"initial_alpha", ent_coef}});
  } else {
    fail(data.source(), "ent_coef is {}, expected a number, \"auto\" or \"auto_NUMBER\"", shown(ent_coef));
  }
  return map;
}

Mapping map_td3(const Data& data, const Tensors& policy) {
  Mapping map = {
      .algorithm = "td3",
      .learners = {{"actor", "actor.optimizer.pth", "actor."}, {"critic", "critic.optimizer.pth", "critic."}},
      .origins = {}};
  const std::vector<std::int64_t> hidden = hidden_of(widths(policy, "actor.mu"));
  add_layers(map.origins, "actor.mu", {"actor.mu"}, hidden.size() + 1);
  add_layers(map.origins, "target_actor.mu", {"actor_target.mu"}, hidden.size() + 1);
  map_critics(map, policy, hidden, "target_critic");
  map.settings.update({{"policy_delay", data.number("policy_delay")},
                       {"target_noise", data.number("target_policy_noise")},
                       {"target_noise_clip", data.number("target_noise_clip")}});
  return map;
}

Mapping map_dqn(const Data& data, const Tensors& policy) {
  Mapping map = {
      .algorithm = "dqn", .learners = {{"critic", "policy.optimizer.pth", "q_net."}}, .origins = {}};
  const std::vector<std::int64_t> hidden = hidden_of(widths(policy, "q_net.q_net"));
  add_layers(map.origins, "critic.q", {"q_net.q_net"}, hidden.size() + 1);
  add_layers(map.origins, "target.q", {"q_net_target.q_net"}, hidden.size() + 1);
  map.settings.update({{"hidden", hidden},
                       {"double", false},
                       {"loss", "huber"},
                       {"max_grad_norm", data["max_grad_norm"]},
                       {"epsilon_start", data.number("exploration_initial_eps")},
                       {"epsilon_end", data.number("exploration_final_eps")}});
  return map;
}

// Whatever else a policy may be made with. The sizes of layers and the number of critics are those of the
// weights.
void check_policy_kwargs(const Data& data) {
  const Json& kwargs = data["policy_kwargs"];
  if (!kwargs.is_object()) fail(data.source(), "policy_kwargs is {}, expected an object", shown(kwargs));
  const std::map<std::string, std::set<std::string>> expected = {
      {"activation_fn", {"<class 'torch.nn.modules.activation.ReLU'>"}},
      {"use_sde", {"false", "False"}},
      {"optimizer_class", {"<class 'torch.optim.adam.Adam'>"}},
      {"features_extractor_class", {"<class 'stable_baselines3.common.torch_layers.FlattenExtractor'>"}}};
  const std::set<std::string> harmless = {":type:",
                                          ":serialized:",
                                          "net_arch",
                                          "n_critics",
                                          "log_std_init",
                                          "use_expln",
                                          "clip_mean",
                                          "normalize_images",
                                          "share_features_extractor",
                                          "optimizer_kwargs",
                                          "features_extractor_kwargs"};
  for (const auto& [key, value] : kwargs.items()) {
    if (harmless.contains(key)) continue;
    const auto known = expected.find(key);
    if (known == expected.end())
      fail(data.source(), "policy_kwargs has {}, which has no counterpart here", shown(key));
    const std::string text = value.is_string() ? value.get<std::string>() : dumped(value);
    if (!known->second.contains(text))
      fail(data.source(), "policy_kwargs: {} is {}, expected {}: there is no other here", key, shown(text),
           *known->second.begin());
  }
}

}  // namespace

Mapping mapping_of(const Data& data, const Tensors& policy) {
  const std::string module = data.text("policy_class", "__module__");
  const std::map<std::string, Mapping (*)(const Data&, const Tensors&)> algorithms = {
      {"stable_baselines3.sac.policies", map_sac},
      {"stable_baselines3.td3.policies", map_td3},
      {"stable_baselines3.dqn.policies", map_dqn}};
  const auto found = algorithms.find(module);
  if (found == algorithms.end())
    fail(data.source(), "the policy is of {}, expected stable_baselines3's sac, td3 (or ddpg) or dqn",
         shown(module));
  check_policy_kwargs(data);
  if (data["use_sde"] == true)
    fail(data.source(), "use_sde is true: its exploration depends on weights in another form than here");
  Mapping map = found->second(data, policy);
  if (map.settings.at("hidden").empty())
    fail(policy.source(), "has networks without hidden layers, expected one or more");
  return map;
}

}  // namespace saccade::rl::sb3
