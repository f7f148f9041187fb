#include "rl/components/network_agent.h"

#include <limits>

#include "autograd/grad.h"
#include "autograd/ops.h"
#include "base/error.h"
#include "nn/optim/clip_grad_norm.h"
#include "nn/team.h"
#include "rl/components/rows.h"

namespace saccade::rl {

NetworkAgent::NetworkAgent(ObsSize obs, DType dtype, bool normalize_obs)
    : dtype_(dtype), obs_(obs), normalizer_(normalize_obs, obs.width, dtype) {
  if (obs.one_hot && normalize_obs)
    throw ConfigError("normalize_obs is true, but observations are numbers of states; expected false");
}

void NetworkAgent::register_network(const std::string& name, const nn::Module& network,
                                    nn::Optimizer& optimizer, const nn::NamedTensors& running_statistics) {
  nn::append(weights_, name + ".", network.named_parameters());
  nn::append(weights_, name + ".", running_statistics);
  learners_.push_back({name, &optimizer});
}

void NetworkAgent::register_target(const std::string& name, nn::Module& target, const nn::Module& followed) {
  target.copy_parameters(followed);
  // Side by side in memory from the start, so that following is one pass over each.
  followed.flat();
  target.flat();
  nn::append(weights_, name + ".", target.named_parameters());
}

void NetworkAgent::register_temperature(const Tensor& log_alpha, nn::Optimizer& optimizer) {
  weights_.push_back({"log_alpha", log_alpha});
  learners_.push_back({"alpha", &optimizer});
}

nn::NamedTensors NetworkAgent::named_weights() const {
  nn::NamedTensors weights = weights_;
  nn::append(weights, "obs.", normalizer_.named_state());
  return weights;
}

nn::NamedTensors NetworkAgent::named_optimizer_state() const {
  nn::NamedTensors state;
  for (const Learner& l : learners_) nn::append(state, l.name + ".", l.optimizer->named_state());
  return state;
}

void NetworkAgent::load(const nn::NamedTensors& weights, const nn::NamedTensors& optimizer_state) {
  nn::check_by_name("the optimisers' state", optimizer_state, named_optimizer_state());
  for (const Learner& l : learners_) {
    l.optimizer->check_state(nn::with_prefix(optimizer_state, l.name + "."));
  }
  load_weights(weights);
  // Nothing from here on throws.
  for (const Learner& l : learners_) {
    l.optimizer->load_state(nn::with_prefix(optimizer_state, l.name + "."));
  }
}

void NetworkAgent::load_weights(const nn::NamedTensors& weights) {
  nn::copy_by_name("weights", weights, named_weights());  // all or nothing
  normalizer_.refresh();
  guard_.begin_anew();
}

ObsTransform NetworkAgent::obs_transform() const { return normalizer_.transform(obs_.one_hot); }

void NetworkAgent::minimize(nn::Adam& optimizer, const Tensor& loss, std::optional<double> max_grad_norm) {
  TensorList gradient = grad(loss, optimizer.parameters());
  if (nn::Team* const team = nn::team()) gradient = team->average(gradient);
  if (max_grad_norm || measures_gradients_) {
    constexpr double kAsTheyAre = std::numeric_limits<double>::infinity();
    const double norm = nn::clip_grad_norm(gradient, max_grad_norm.value_or(kAsTheyAre));
    for (Learner& l : learners_) {
      if (!measures_gradients_ || l.optimizer != &optimizer) continue;
      l.norms += norm;
      ++l.measured;
    }
  }
  optimizer.step(gradient);
}

void NetworkAgent::measure_gradients(bool measure) {
  measures_gradients_ = measure;
  if (!measure) return;
  for (Learner& l : learners_) l.norms = 0, l.measured = 0;
}

std::vector<std::pair<std::string, double>> NetworkAgent::gradient_norms() const {
  std::vector<std::pair<std::string, double>> norms;
  for (const Learner& l : learners_) {
    if (l.measured > 0) norms.emplace_back(l.name, l.norms / static_cast<double>(l.measured));
  }
  return norms;
}

Tensor NetworkAgent::observations(std::span<const double> obs) const {
  return seen(to_rows("observations", obs, obs_.one_hot ? 1 : obs_.width, dtype_));
}

Tensor NetworkAgent::seen(const Tensor& obs) const {
  return obs_.one_hot ? one_hot(squeeze(obs, 1), obs_.width, dtype_) : normalizer_(obs);
}

Batch NetworkAgent::seen(const Batch& batch) const {
  Batch result = batch;
  result.obs = seen(batch.obs);
  result.next_obs = seen(batch.next_obs);
  return result;
}

}  // namespace saccade::rl
