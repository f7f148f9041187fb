#include <dlfcn.h>
#include <torch/torch.h>

#include <array>
#include <cmath>
#include <memory>

#include "tools/bench/peers.h"

namespace saccade::bench {

namespace {

using torch::Tensor;

// The BLAS beneath may have threads of its own.
void set_threads(int threads) {
  at::set_num_threads(threads);
  using SetThreads = void (*)(int);
  static const auto set_blas = reinterpret_cast<SetThreads>(dlsym(RTLD_DEFAULT, "openblas_set_num_threads"));
  if (set_blas != nullptr) set_blas(threads);
}

Work with_torch_threads(int threads, Work work) {
  return [threads, work = std::move(work)](std::int64_t calls) {
    set_threads(threads);
    return work(calls);
  };
}

using Tensors = std::vector<Tensor>;

Tensors leaves(Tensors tensors) {
  for (Tensor& t : tensors) t.requires_grad_(true);
  return tensors;
}

// Weights and biases, layer by layer; for a stack of n, weights are (n, in, out) and biases (n, 1, out).
Tensors mlp(const std::vector<std::int64_t>& sizes, std::int64_t stack) {
  Tensors parameters;
  for (std::size_t l = 0; l + 1 < sizes.size(); ++l) {
    const double bound = 1 / std::sqrt(static_cast<double>(sizes[l]));
    const auto uniform = [&](at::IntArrayRef shape) { return (2 * torch::rand(shape) - 1) * bound; };
    if (stack > 0) {
      parameters.push_back(uniform({stack, sizes[l], sizes[l + 1]}));
      parameters.push_back(uniform({stack, 1, sizes[l + 1]}));
    } else {
      parameters.push_back(uniform({sizes[l + 1], sizes[l]}));
      parameters.push_back(uniform({sizes[l + 1]}));
    }
  }
  return parameters;
}

// ReLU after every layer but the last.
Tensor forward(Tensor x, const Tensor* parameters, std::size_t layers) {
  for (std::size_t l = 0; l < layers; ++l) {
    const Tensor &w = parameters[2 * l], &b = parameters[2 * l + 1];
    x = w.dim() == 3 ? torch::baddbmm(b, x.dim() == 3 ? x : x.expand({w.size(0), -1, -1}), w)
                     : torch::nn::functional::linear(x, w, b);
    if (l + 1 < layers) x = torch::relu(x);
  }
  return x;
}

struct Critics {
  Critics(const std::vector<std::int64_t>& sizes, bool stack) : layers(sizes.size() - 1), stacked(stack) {
    if (stacked) {
      parameters = mlp(sizes, 2);
      return;
    }
    for (int i = 0; i < 2; ++i) {
      for (const Tensor& t : mlp(sizes, 0)) parameters.push_back(t);
    }
  }

  std::array<Tensor, 2> operator()(const Tensor& obs, const Tensor& action) const {
    const Tensor x = torch::cat({obs, action}, -1);
    if (!stacked)
      return {forward(x, parameters.data(), layers), forward(x, parameters.data() + 2 * layers, layers)};
    const Tensor q = forward(x, parameters.data(), layers);
    return {q[0], q[1]};
  }

  std::size_t layers;
  bool stacked;
  Tensors parameters;
};

void step(torch::optim::Adam& adam, const Tensor& loss, Tensors& parameters) {
  const Tensors grads = torch::autograd::grad({loss}, parameters);
  for (std::size_t i = 0; i < parameters.size(); ++i) parameters[i].mutable_grad() = grads[i];
  adam.step();
}

std::vector<std::int64_t> sizes(std::int64_t in, std::vector<std::int64_t> hidden, std::int64_t out) {
  hidden.insert(hidden.begin(), in);
  hidden.push_back(out);
  return hidden;
}

struct Learner {
  Learner(const UpdateSize& s, bool stacked)
      : size(s),
        actor(leaves(mlp(sizes(s.obs, s.hidden, 2 * s.action), 0))),
        critics(sizes(s.obs + s.action, s.hidden, 1), stacked),
        targets(critics) {
    targets.parameters.clear();
    for (const Tensor& t : critics.parameters) targets.parameters.push_back(t.clone());
    critics.parameters = leaves(critics.parameters);
    obs = torch::randn({s.batch, s.obs});
    next_obs = torch::randn({s.batch, s.obs});
    action = 2 * torch::rand({s.batch, s.action}) - 1;
    reward = torch::randn({s.batch, 1});
    terminated = torch::zeros({s.batch, 1});
  }

  // The action and its log pi, from the pre-tanh value.
  std::array<Tensor, 2> sample(const Tensor& observation) const {
    const auto parts = forward(observation, actor.data(), actor.size() / 2).chunk(2, -1);
    const Tensor log_std = parts[1].clamp(-20, 2), eps = torch::randn_like(log_std);
    const Tensor u = parts[0] + log_std.exp() * eps;
    const Tensor correction = 2 * (std::log(2.0) - u - torch::softplus(-2 * u));
    const Tensor log_prob =
        (-0.5 * eps.square() - log_std - 0.5 * std::log(2 * M_PI) - correction).sum(-1, /*keepdim=*/true);
    return {u.tanh(), log_prob};
  }

  void update() {
    const double alpha = std::exp(log_alpha[0].item<double>());
    Tensor y;
    {
      const torch::NoGradGuard no_grad;
      const auto [next_action, log_prob] = sample(next_obs);
      const auto [q1, q2] = targets(next_obs, next_action);
      y = reward + kGamma * (1 - terminated) * (torch::minimum(q1, q2) - alpha * log_prob);
    }
    const auto [q1, q2] = critics(obs, action);
    step(critic_adam, torch::mse_loss(q1, y) + torch::mse_loss(q2, y), critics.parameters);

    const auto [now, log_prob] = sample(obs);
    const auto [p1, p2] = critics(obs, now);
    step(actor_adam, (alpha * log_prob - torch::minimum(p1, p2)).mean(), actor);

    const double target_entropy = -static_cast<double>(size.action);
    step(alpha_adam, -(log_alpha[0].exp() * (log_prob.detach() + target_entropy)).mean(), log_alpha);

    const torch::NoGradGuard no_grad;
    for (std::size_t i = 0; i < targets.parameters.size(); ++i)
      targets.parameters[i].lerp_(critics.parameters[i], kTau);
  }

  static constexpr double kGamma = 0.99, kTau = 0.005, kLearningRate = 1e-6;
  UpdateSize size;
  Tensors actor;
  Critics critics, targets;
  Tensors log_alpha = leaves({torch::zeros({})});
  torch::optim::Adam actor_adam{actor, kLearningRate}, critic_adam{critics.parameters, kLearningRate},
      alpha_adam{log_alpha, kLearningRate};
  Tensor obs, next_obs, action, reward, terminated;
};

}  // namespace

std::string torch_version() { return TORCH_VERSION; }

Work torch_update(const UpdateSize& size, bool stacked, int threads) {
  return with_torch_threads(threads, repeat([l = std::make_shared<Learner>(size, stacked)] { l->update(); }));
}

Work torch_policy(const UpdateSize& size) {
  const Tensors actor = mlp(sizes(size.obs, size.hidden, 2 * size.action), 0);
  const std::vector<float> obs(static_cast<std::size_t>(size.obs), 0.5F);
  return with_torch_threads(
      1, repeat([=, action = std::vector<float>(static_cast<std::size_t>(size.action))]() mutable {
        const c10::InferenceMode inference;
        const Tensor x = torch::from_blob(const_cast<float*>(obs.data()), {1, size.obs});
        const Tensor mode = forward(x, actor.data(), actor.size() / 2).slice(-1, 0, size.action).tanh();
        std::copy_n(mode.data_ptr<float>(), action.size(), action.begin());
      }));
}

Work torch_elementwise(const std::string& op) {
  const Tensor x = 0.01 + 1.99 * torch::rand({kElements}), y = torch::rand({kElements});
  Tensor out = torch::empty({kElements});
  const auto without_graph = [](auto f) {
    return with_torch_threads(1, repeat([f]() mutable {
                                const c10::InferenceMode inference;
                                f();
                              }));
  };
  if (op == "tanh") return without_graph([=]() mutable { torch::tanh_out(out, x); });
  if (op == "exp") return without_graph([=]() mutable { torch::exp_out(out, x); });
  if (op == "log") return without_graph([=]() mutable { torch::log_out(out, x); });
  if (op == "softplus") return without_graph([=]() mutable { torch::softplus_out(out, x); });
  if (op == "add") return without_graph([=]() mutable { torch::add_out(out, x, y); });
  return without_graph([=]() mutable { torch::mul_out(out, x, y); });
}

Work torch_tape() {
  const Tensor x = torch::full({1}, 0.5).requires_grad_(true);
  const Work chain = with_torch_threads(1, repeat([x] {
                                          Tensor y = x;
                                          for (int i = 0; i < kChain; ++i) y = y * 1.0001;
                                          torch::autograd::grad({y}, {x});
                                        }));
  return [chain](std::int64_t calls) {
    std::vector<double> seconds = chain((calls + kChain - 1) / kChain);
    seconds[0] /= kChain;
    return seconds;
  };
}

}  // namespace saccade::bench
