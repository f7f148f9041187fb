// An agent made of networks: all that the algorithms here have in common but for their equations.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "nn/module.h"
#include "nn/optim/adam.h"
#include "rl/agent.h"
#include "rl/components/running_mean_std.h"
#include "rl/components/update_guard.h"
#include "rl/obs_size.h"

namespace saccade::rl {

class NetworkAgent : public Agent {
 public:
  NetworkAgent(const NetworkAgent&) = delete;
  NetworkAgent& operator=(const NetworkAgent&) = delete;

  void observe(std::span<const double> obs) final { normalizer_.observe(obs); }
  bool observes() const final { return normalizer_.on(); }
  Tensor last_td_errors() const final { return td_errors_; }

  void measure_gradients(bool measure) final;
  std::vector<std::pair<std::string, double>> gradient_norms() const final;

  /// What was registered, in that order, and "obs.mean", ... where observations are normalised.
  nn::NamedTensors named_weights() const final;
  nn::NamedTensors named_optimizer_state() const final;
  void load(const nn::NamedTensors& weights, const nn::NamedTensors& optimizer_state) final;
  void load_weights(const nn::NamedTensors& weights) final;

 protected:
  /// ConfigError for states, one-hot, that are to be normalised.
  NetworkAgent(ObsSize obs, DType dtype, bool normalize_obs);

  /// For constructors, of members, in the order of the checkpoint: a network that learns, with its optimiser.
  /// Parameters are "NAME.body.l1.weight", ..., the optimiser's state "NAME.m", ...
  void register_network(const std::string& name, const nn::Module& network, nn::Optimizer& optimizer,
                        const nn::NamedTensors& running_statistics = {});
  /// A network that follows another: it starts as a copy.
  void register_target(const std::string& name, nn::Module& target, const nn::Module& followed);
  /// A temperature: "log_alpha", and "alpha.m", ...
  void register_temperature(const Tensor& log_alpha, nn::Optimizer& optimizer);

  /// theta <- Adam(theta, d loss / d theta), for the optimiser's parameters; the gradient, in a team that of
  /// all members' batches together, is scaled down to max_grad_norm where its norm is larger.
  void minimize(nn::Adam& optimizer, const Tensor& loss, std::optional<double> max_grad_norm);

  /// Runs update(batch as the networks see it), all or nothing: where a loss, or a weight or moment that it
  /// leaves, is not finite, the agent is as before, and Error is thrown.
  template <class F>
  Metrics guarded(const Batch& batch, const F& update) {
    return guard_(*this, batch, [&] { return update(seen(batch)); });
  }

  /// How observations come to the networks.
  ObsTransform obs_transform() const;
  /// act()'s observations as the networks see them, (n, width).
  Tensor observations(std::span<const double> obs) const;

  DType dtype_;
  Tensor td_errors_;

 private:
  Tensor seen(const Tensor& obs) const;
  Batch seen(const Batch& batch) const;

  ObsSize obs_;
  nn::NamedTensors weights_;
  struct Learner {
    std::string name;
    nn::Optimizer* optimizer;
    double norms = 0;  // the sum, over so many updates
    std::int64_t measured = 0;
  };
  std::vector<Learner> learners_;
  bool measures_gradients_ = false;
  ObsNormalizer normalizer_;
  UpdateGuard guard_;
};

}  // namespace saccade::rl
